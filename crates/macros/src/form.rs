//! The form of each option: text, a number, a word alone. What has another form is told what was wanted.

use darling::Error;
use darling::ast::NestedMeta;
use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Ident, Lit, Meta, Token};

/// The name of an option, whether one is of its form, and how to say that it is not.
type Form = (&'static str, fn(&Meta) -> bool, &'static str);

const FORMS: [Form; 10] = [
    (
        "interop",
        is_text,
        "`interop` is the name of the operation as literal text, such as `interop = \"get_user\"`",
    ),
    ("namespace", is_text, "`namespace` is literal text, such as `namespace = \"users\"`"),
    ("profile", is_text, "`profile` is `profile = \"v1\"`, the default, or `profile = \"draft\"`"),
    ("key", is_expression, "`key` is an expression, such as `key = format!(\"user:{id}\")`"),
    ("ttl", is_seconds, "`ttl` is a whole number of seconds, such as `ttl = 300`"),
    ("cache", is_expression, "`cache` is an expression, such as `cache = &self.cache`"),
    ("secure", is_word, "`secure` stands alone: `secure`, or leave it out"),
    ("refresh", is_word, "`refresh` stands alone: `refresh`, or leave it out"),
    ("skip", is_names, "`skip` lists names of arguments, such as `skip(db, log)`"),
    ("key_fn", is_name, "`key_fn` is the name of a function to be made, such as `key_fn = get_user_key`"),
];

pub(crate) fn check(option: &NestedMeta) -> darling::Result<()> {
    let meta = match option {
        NestedMeta::Meta(meta) => meta,
        NestedMeta::Lit(literal) => {
            let problem = "an option has a name: say `interop = \"…\", namespace = \"…\"`, or `key = …`";
            return Err(Error::custom(problem).with_span(literal));
        }
    };
    let Some((_, is_of_form, wanted)) = FORMS.iter().find(|(name, ..)| meta.path().is_ident(name)) else {
        let known = FORMS.map(|(name, ..)| format!("`{name}`")).join(", ");
        let problem = format!("there is no such option; there are {known}");
        return Err(Error::custom(problem).with_span(meta.path()));
    };
    if is_of_form(meta) { Ok(()) } else { Err(Error::custom(wanted).with_span(&span(meta))) }
}

/// Of the value, where there is one.
fn span(meta: &Meta) -> Span {
    match meta {
        Meta::NameValue(meta) => meta.value.span(),
        Meta::Path(_) | Meta::List(_) => meta.path().span(),
    }
}

fn value(meta: &Meta) -> Option<&Expr> {
    let Meta::NameValue(meta) = meta else { return None };
    let mut value = &meta.value;
    // What a `macro_rules!` macro has put there.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    Some(value)
}

fn literal(meta: &Meta) -> Option<&Lit> {
    match value(meta)? {
        Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    }
}

fn is_text(meta: &Meta) -> bool {
    matches!(literal(meta), Some(Lit::Str(_)))
}

fn is_seconds(meta: &Meta) -> bool {
    matches!(literal(meta), Some(Lit::Int(number)) if number.base10_parse::<u64>().is_ok())
}

fn is_expression(meta: &Meta) -> bool {
    value(meta).is_some()
}

fn is_word(meta: &Meta) -> bool {
    matches!(meta, Meta::Path(_))
}

fn is_name(meta: &Meta) -> bool {
    matches!(value(meta), Some(Expr::Path(path)) if path.path.get_ident().is_some())
}

fn is_names(meta: &Meta) -> bool {
    let Meta::List(list) = meta else { return false };
    list.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated).is_ok()
}
