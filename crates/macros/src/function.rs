//! The function that is annotated: what of it becomes the key, and what it returns.

use darling::Error;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, FnArg, GenericArgument, Ident, ItemFn, Lit, Pat, PathArguments, ReturnType, Type};

use crate::options::Options;
use crate::types;

const REFRESH_BORROWS: &str = "`refresh` computes in the background, when the call is over, so what the body uses of its arguments must \
    be owned: `String` instead of `&str`, or `self: Arc<Self>` instead of `&self`, for instance";

const SET_INSIDE: &str = "a set inside another type would be written in the order in which it happens to be iterated, so that equal \
    arguments get different keys: take a `larder_client::Set<…>` of it here, or make it an argument of its own";

pub(crate) struct Function {
    /// The arguments that are part of the key.
    pub(crate) key_args: Vec<KeyArg>,
    /// Whether it returns a `Result`, as far as can be seen.
    pub(crate) is_result: bool,
}

pub(crate) struct KeyArg {
    pub(crate) name: Ident,
    /// A set has no order, so neither has its part of the key.
    pub(crate) is_set: bool,
}

impl Function {
    pub(crate) fn of(item: &ItemFn, options: &Options) -> darling::Result<Self> {
        let mut errors = Error::accumulator();
        if let Some(constness) = &item.sig.constness {
            errors.push(Error::custom("a `const` function cannot ask a cache").with_span(constness));
        }
        let key_args = errors.handle(key_args(item, options)).unwrap_or_default();
        let is_result = errors.handle(is_result(item)).unwrap_or_default();
        if options.secure.is_present() && !is_result {
            errors.push(
                Error::custom(
                    "`secure` fails closed, so the function must return a `Result` whose error type is \
                     `From<larder_client::Error>`",
                )
                .with_span(&item.sig.output),
            );
        }
        if options.refresh.is_present() && item.sig.asyncness.is_none() {
            errors.push(
                Error::custom("`refresh` computes in the background, so the function must be `async`")
                    .with_span(&options.refresh.span()),
            );
        }
        if options.refresh.is_present() {
            errors.handle(refreshable(item));
        }
        errors.finish_with(Self { key_args, is_result })
    }
}

fn key_args(item: &ItemFn, options: &Options) -> darling::Result<Vec<KeyArg>> {
    let mut errors = Error::accumulator();
    let mut key_args = Vec::new();
    let mut known = Vec::new();
    for input in &item.sig.inputs {
        // A method is cached by its arguments; what it is called on is not part of the key.
        let FnArg::Typed(arg) = input else { continue };
        let Pat::Ident(pat) = &*arg.pat else {
            errors.push(
                Error::custom("give this argument a name, so that it can be part of the key")
                    .with_span(&arg.pat),
            );
            continue;
        };
        known.push(pat.ident.clone());
        if !options.skip.iter().any(|skipped| skipped.is_ident(&pat.ident)) {
            if options.key.is_none()
                && let Some(set) = types::set_inside(&arg.ty)
            {
                errors.push(Error::custom(SET_INSIDE).with_span(&set));
            }
            key_args.push(KeyArg { name: pat.ident.clone(), is_set: types::is_set(&arg.ty) });
        }
    }
    for skipped in options.skip.iter() {
        if !known.iter().any(|name| skipped.is_ident(name)) {
            errors.push(Error::custom("the function has no such argument").with_span(skipped));
        }
    }
    if let Some(key) = &options.key {
        match (literal(key), key_args.first()) {
            (Some(text), Some(KeyArg { name, .. })) => errors.push(constant_key(text, name)),
            (None, _) if !options.skip.is_empty() => errors.push(
                Error::custom("`skip` is about interop keys; `key` names what it wants")
                    .with_span(&options.skip[0]),
            ),
            _ => {}
        }
    }
    errors.finish_with(key_args)
}

/// The literal that a key is, also where it is only copied: `"k".to_owned()`.
fn literal(key: &Expr) -> Option<&ExprLit> {
    match key {
        Expr::Lit(literal) => Some(literal),
        Expr::Paren(inner) => literal(&inner.expr),
        Expr::Group(inner) => literal(&inner.expr),
        Expr::Reference(inner) => literal(&inner.expr),
        Expr::MethodCall(call) if call.args.is_empty() => literal(&call.receiver),
        _ => None,
    }
}

/// One key for all arguments would give every caller the result of the first.
fn constant_key(literal: &ExprLit, argument: &Ident) -> Error {
    let text = match &literal.lit {
        Lit::Str(text) => text.value(),
        _ => "key".to_owned(),
    };
    let format = if text.contains('{') { text } else { format!("{text}:{{{argument}}}") };
    Error::custom(format!(
        "this key is the same for all arguments, so that they would share one result: write \
         `key = format!({format:?})`, or `skip(…)` the arguments on which the result does not depend"
    ))
    .with_span(literal)
}

/// What is computed in the background outlives the call: the body can use no argument that is borrowed. One that it does not use stays
/// behind.
fn refreshable(item: &ItemFn) -> darling::Result<()> {
    let mut errors = Error::accumulator();
    for input in &item.sig.inputs {
        let (ty, name) = match input {
            FnArg::Receiver(receiver) => (&receiver.ty, Ident::from(receiver.self_token)),
            FnArg::Typed(arg) => match &*arg.pat {
                Pat::Ident(pat) => (&arg.ty, pat.ident.clone()),
                _ => continue,
            },
        };
        if types::borrowed(ty).is_some() && mentions(item.block.to_token_stream(), &name.to_string()) {
            errors.push(Error::custom(REFRESH_BORROWS).with_span(&name));
        }
    }
    errors.finish()
}

/// Whether code uses a variable, also in a format such as `"{name}"`. Fields (`x.name`, `X { name: 1 }`) and paths only look like it.
fn mentions(code: TokenStream, name: &str) -> bool {
    let mut before = [' '; 2];
    let mut code = code.into_iter().peekable();
    while let Some(token) = code.next() {
        let mut this = ' ';
        let is_found = match token {
            TokenTree::Ident(ident) => {
                let is_field = before[1] == '.' && before[0] != '.';
                let is_label = matches!(code.peek(), Some(TokenTree::Punct(next)) if next.as_char() == ':');
                ident == name && !is_field && !is_label
            }
            TokenTree::Group(group) => mentions(group.stream(), name),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                ["}", ":"].iter().any(|end| text.contains(&format!("{{{name}{end}")))
            }
            TokenTree::Punct(punct) => {
                this = punct.as_char();
                false
            }
        };
        if is_found {
            return true;
        }
        before = [before[1], this];
    }
    false
}

/// Whether it is a `Result`; what is returned must be owned.
fn is_result(item: &ItemFn) -> darling::Result<bool> {
    let ReturnType::Type(_, ty) = &item.sig.output else {
        return Err(
            Error::custom("the function returns nothing that could be cached").with_span(&item.sig.ident)
        );
    };
    let Type::Path(path) = &**ty else { return owned(ty).map(|()| false) };
    let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else {
        return owned(ty).map(|()| false);
    };
    if let PathArguments::AngleBracketed(args) = &last.arguments
        && let Some(GenericArgument::Type(value)) = args.args.first()
    {
        owned(value)?;
    }
    Ok(true)
}

fn owned(ty: &Type) -> darling::Result<()> {
    if let Some(reference) = types::reference(ty) {
        let problem = "a cached function returns an owned value: `String` instead of `&str`, for instance";
        return Err(Error::custom(problem).with_span(&reference));
    }
    if let Type::ImplTrait(_) = ty {
        let problem = "a cached function returns a type that can be named, so that it can be read back";
        return Err(Error::custom(problem).with_span(&ty.span()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_variable_is_told_from_fields_and_paths_of_its_name() {
        for code in
            ["f(name)", "name.len()", "0..name", "X { name }", "format!(\"{name:?}\")", "(x.name, name)"]
        {
            assert!(mentions(code.parse().unwrap(), "name"), "{code}");
        }
        for code in
            ["f(x.name)", "X { name: 1 }", "name::f()", "\"name\"", "names", "format!(\"{}\", x.name())"]
        {
            assert!(!mentions(code.parse().unwrap(), "name"), "{code}");
        }
    }
}
