//! What can be seen of a type where it is written: sets in it, references, and what has no name. An alias shows nothing of what it stands for.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, Ident, Lifetime, ParenthesizedGenericArguments, Path, Type, TypeBareFn, TypeReference,
    parse_quote,
};

/// Whether it is a set itself, or a reference to one.
pub(crate) fn is_set(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_set(&reference.elem),
        Type::Paren(inner) => is_set(&inner.elem),
        Type::Group(inner) => is_set(&inner.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| names_set(&last.ident)),
        _ => false,
    }
}

/// The first set inside of it, at any depth, that is not wrapped in a `Set`. The type itself does not count.
pub(crate) fn set_inside(ty: &Type) -> Option<Span> {
    let mut sets = Sets { is_wrapped: is_set(ty), found: None };
    sets.visit_type(ty);
    sets.found
}

/// The first reference in it, or lifetime, that is not `'static`.
pub(crate) fn borrowed(ty: &Type) -> Option<Span> {
    let mut references = References { may_be_static: true, found: None };
    references.visit_type(ty);
    references.found
}

/// The first reference in it, whatever it refers to.
pub(crate) fn reference(ty: &Type) -> Option<Span> {
    let mut references = References { may_be_static: false, found: None };
    references.visit_type(ty);
    references.found
}

struct References {
    may_be_static: bool,
    found: Option<Span>,
}

impl Visit<'_> for References {
    fn visit_type_reference(&mut self, reference: &TypeReference) {
        let is_static = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
        if !(is_static && self.may_be_static) {
            self.found.get_or_insert(reference.and_token.span());
        }
        self.visit_type(&reference.elem);
    }

    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        if self.may_be_static && lifetime.ident != "static" {
            self.found.get_or_insert(lifetime.span());
        }
    }

    // What a function takes and returns is not what it holds.
    fn visit_type_bare_fn(&mut self, _: &TypeBareFn) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &ParenthesizedGenericArguments) {}
    fn visit_bound_lifetimes(&mut self, _: &BoundLifetimes) {}
}

/// The type as it can be written in the body of a function, where `impl Trait` cannot: that part is inferred.
pub(crate) fn in_a_body(ty: &Type) -> Type {
    let mut ty = ty.clone();
    Inferred.visit_type_mut(&mut ty);
    ty
}

struct Inferred;

impl VisitMut for Inferred {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            *ty = parse_quote!(_);
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

fn names_set(name: &Ident) -> bool {
    let name = name.to_string();
    name == "BTreeSet" || name.ends_with("HashSet")
}

struct Sets {
    /// Whether the next type that is named may be a set.
    is_wrapped: bool,
    found: Option<Span>,
}

impl Visit<'_> for Sets {
    fn visit_type(&mut self, ty: &Type) {
        self.is_wrapped &= matches!(ty, Type::Path(_) | Type::Reference(_) | Type::Paren(_) | Type::Group(_));
        visit::visit_type(self, ty);
    }

    fn visit_path(&mut self, path: &Path) {
        let may_be_set = std::mem::take(&mut self.is_wrapped);
        if let Some(last) = path.segments.last() {
            if names_set(&last.ident) && !may_be_set {
                self.found.get_or_insert(last.ident.span());
            }
            self.is_wrapped = last.ident == "Set";
        }
        visit::visit_path(self, path);
        self.is_wrapped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{borrowed, is_set, reference, set_inside};

    #[test]
    fn a_set_is_one_under_any_path_and_behind_references() {
        for ty in ["HashSet<u8>", "&BTreeSet<u8>", "std::collections::HashSet<u8>", "&'a (fx::FxHashSet<u8>)"]
        {
            assert!(is_set(&syn::parse_str(ty).unwrap()), "{ty}");
        }
        for ty in ["Vec<HashSet<u8>>", "Set<HashSet<u8>>", "(HashSet<u8>,)", "HashMap<u8, u8>"] {
            assert!(!is_set(&syn::parse_str(ty).unwrap()), "{ty}");
        }
    }

    #[test]
    fn a_set_inside_is_found_at_any_depth_unless_it_is_wrapped() {
        let inside = |ty: &str| set_inside(&syn::parse_str(ty).unwrap()).is_some();
        for ty in [
            "Option<HashSet<u8>>",
            "&[BTreeSet<u8>]",
            "[std::collections::HashSet<u8>; 2]",
            "(u8, Box<HashSet<u8>>)",
            "HashSet<BTreeSet<u8>>",
            "Set<Vec<HashSet<u8>>>",
            "Set<(HashSet<u8>, u8)>",
            "Set<[HashSet<u8>]>",
        ] {
            assert!(inside(ty), "{ty}");
        }
        for ty in [
            "HashSet<u8>",
            "&std::collections::HashSet<u8>",
            "Set<HashSet<u8>>",
            "Option<larder_client::Set<&std::collections::HashSet<u8>>>",
            "HashSet<Set<BTreeSet<u8>>>",
            "HashMap<String, Vec<u8>>",
        ] {
            assert!(!inside(ty), "{ty}");
        }
    }

    #[test]
    fn references_are_told_from_what_lives_forever() {
        for ty in ["&str", "Option<&'a str>", "Cow<'_, str>", "&'static [&'a u8]", "Box<dyn Error + 'a>"] {
            assert!(borrowed(&syn::parse_str(ty).unwrap()).is_some(), "{ty}");
        }
        for ty in
            ["u8", "&'static str", "Cow<'static, str>", "fn(&str) -> &str", "Box<dyn for<'a> Fn(&'a str)>"]
        {
            assert!(borrowed(&syn::parse_str(ty).unwrap()).is_none(), "{ty}");
        }
        for (ty, has_one) in
            [("Option<&'static str>", true), ("Cow<'static, str>", false), ("(u8, &[u8])", true)]
        {
            assert_eq!(reference(&syn::parse_str(ty).unwrap()).is_some(), has_one, "{ty}");
        }
    }
}
