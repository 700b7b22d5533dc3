//! From the annotated function to the one that is compiled: the same signature, its body behind a lookup. What is called at run time
//! is in `larder_client::__private`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Ident, ItemFn, ReturnType};

use crate::function::{Function, KeyArg};
use crate::options::{KeySource, Options};
use crate::types;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = syn::Error::new_spanned(&item, "this attribute belongs on a function with a body");
            return error.to_compile_error();
        }
    };
    generate(options, &parsed).unwrap_or_else(|error| {
        // The function stays, so that its callers are not reported as well.
        let error = error.write_errors();
        quote! { #error #parsed }
    })
}

fn generate(options: TokenStream, item: &ItemFn) -> darling::Result<TokenStream> {
    let options = Options::parse(options)?;
    let function = Function::of(item, &options)?;
    let (attrs, vis, sig, body) = (&item.attrs, &item.vis, &item.sig, &item.block);

    let key = key(&options.key_source()?, &function.key_args);
    let cache = match &options.cache {
        Some(cache) => quote_spanned! { cache.span()=> ::larder_client::__private::cache(&(#cache)) },
        None => quote! { ::larder_client::__private::installed() },
    };
    let ttl = match options.ttl.as_deref() {
        Some(ttl) => quote! { ::core::option::Option::Some(::core::time::Duration::from_secs(#ttl)) },
        None => quote! { ::core::option::Option::None },
    };
    let is_async = sig.asyncness.is_some();
    let kind = match (function.is_result, options.secure.is_present()) {
        (false, _) => "value",
        (true, false) => "result",
        (true, true) => "secure",
    };
    let call = match (is_async, options.refresh.is_present()) {
        (true, true) => format!("{kind}_refreshed"),
        (true, false) => kind.to_owned(),
        (false, _) => format!("{kind}_blocking"),
    };
    let (output, output_span) = match &sig.output {
        ReturnType::Type(_, ty) => (types::in_a_body(ty).into_token_stream(), ty.span()),
        ReturnType::Default => (quote! { () }, sig.ident.span()),
    };
    let (compute, wait) = match is_async {
        true => (in_the_future(&output, body), quote_spanned! { output_span=> .await }),
        false => (quote! { move || -> #output #body }, quote! {}),
    };
    // What the result must be able to do is asked for where the result is named.
    let call = Ident::new(&call, output_span);
    let (key_name, cache_name) = (format_ident!("__larder_key"), format_ident!("__larder_cache"));
    let call = quote_spanned! { output_span=>
        ::larder_client::__private::#call(#cache_name, #key_name, #ttl, #compute) #wait
    };
    let key_fn = options.key_fn.as_ref().map(|name| {
        let (generics, inputs) = (&sig.generics, &sig.inputs);
        let bounds = &sig.generics.where_clause;
        let text =
            format!("The key under which [`{}`](Self) keeps its result for these arguments.", sig.ident);
        let text = text.replace("[`", "`").replace("`](Self)", "`");
        quote! {
            #[doc = #text]
            #[allow(unused_variables, unused_mut, clippy::needless_pass_by_value, clippy::ptr_arg)]
            #vis fn #name #generics (#inputs)
                -> ::core::result::Result<::larder_client::Key<'static>, ::larder_client::Error>
            #bounds
            { #key }
        }
    });
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            let #key_name = #key;
            let #cache_name = #cache;
            #call
        }
        #key_fn
    })
}

/// The body as a closure that returns a future. The type that an `async` block returns cannot be written; it is what its first `return`
/// returns. That is one here that is never taken, so that the others are coerced to its type: `Box<Mine>` to `Box<dyn Error>`.
fn in_the_future(output: &TokenStream, body: &Block) -> TokenStream {
    // The braces are not those that were written, which rustc would call unnecessary.
    let statements = &body.stmts;
    quote! {
        move || async move {
            if let ::core::option::Option::Some(result) = ::larder_client::__private::no_result::<#output>() {
                return result;
            }
            { #(#statements)* }
        }
    }
}

/// An expression of the type `Result<Key<'static>, Error>`.
fn key(source: &KeySource<'_>, args: &[KeyArg]) -> TokenStream {
    match source {
        KeySource::Expr(key) => {
            quote_spanned! { key.span()=> ::larder_client::__private::key(#key) }
        }
        KeySource::Interop { namespace, operation, is_draft } => {
            let profile = if *is_draft {
                quote! { Draft }
            } else {
                quote! { V1 }
            };
            let args = args.iter().map(|KeyArg { name, is_set }| {
                let span = name.span();
                let arg = match is_set {
                    true => quote_spanned! { span=> &::larder_client::Set(&#name) },
                    false => quote_spanned! { span=> &#name },
                };
                quote_spanned! { span=> ::larder_client::__private::argument(#arg) }
            });
            quote! {
                ::larder_client::__private::interop_key(
                    ::larder_client::Profile::#profile,
                    #namespace,
                    #operation,
                    [#(#args),*],
                )
            }
        }
    }
}
