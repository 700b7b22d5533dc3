//! `#[cachekit(…)]` on a function: its results are kept in a cache, under a key of its arguments. Use it through
//! `larder-client`, whose documentation describes it; what the generated code calls is there.

#![forbid(unsafe_code)]

mod expand;
mod form;
mod function;
mod options;
mod segment;
mod types;

use proc_macro::TokenStream;

/// Keeps the results of a function in a cache. See `larder_client::cachekit`.
#[proc_macro_attribute]
pub fn cachekit(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}

/// Keeps the results of a function in a cache: the same as `cachekit`. See `larder_client::cached`.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}
