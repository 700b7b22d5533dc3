//! What stands in the parentheses, and which of it goes together.

use darling::ast::NestedMeta;
use darling::util::{Flag, PathList, SpannedValue, parse_expr};
use darling::{Error, FromMeta};
use proc_macro2::{Span, TokenStream};
use syn::{Expr, Ident};

use crate::{form, segment};

/// 30 days: the longest time to live of the protocol.
const TTL_S_MAX: u64 = 2_592_000;

#[derive(Debug, FromMeta)]
pub(crate) struct Options {
    pub(crate) interop: Option<SpannedValue<String>>,
    pub(crate) namespace: Option<SpannedValue<String>>,
    pub(crate) profile: Option<SpannedValue<String>>,
    #[darling(default, with = parse_key, map = Some)]
    pub(crate) key: Option<Expr>,
    #[darling(default, with = parse_key, map = Some)]
    pub(crate) cache: Option<Expr>,
    pub(crate) ttl: Option<SpannedValue<u64>>,
    pub(crate) secure: Flag,
    pub(crate) refresh: Flag,
    #[darling(default)]
    pub(crate) skip: PathList,
    pub(crate) key_fn: Option<Ident>,
}

fn parse_key(meta: &syn::Meta) -> darling::Result<Expr> {
    parse_expr::preserve_str_literal(meta)
}

/// How the key is made.
pub(crate) enum KeySource<'o> {
    Interop { namespace: &'o str, operation: &'o str, is_draft: bool },
    Expr(&'o Expr),
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> darling::Result<Self> {
        let list = NestedMeta::parse_meta_list(tokens)?;
        let mut errors = Error::accumulator();
        for option in &list {
            errors.handle(form::check(option));
        }
        errors.finish()?;
        let options = Self::from_list(&list)?;
        options.check()?;
        Ok(options)
    }

    pub(crate) fn key_source(&self) -> darling::Result<KeySource<'_>> {
        match (&self.interop, &self.namespace, &self.key) {
            (Some(operation), Some(namespace), None) => {
                Ok(KeySource::Interop { namespace, operation, is_draft: self.is_draft() })
            }
            (None, None, Some(key)) => Ok(KeySource::Expr(key)),
            (Some(operation), None, None) => {
                Err(at(operation, "an interop key needs a namespace: add `namespace = \"…\"`"))
            }
            (None, Some(namespace), None) => Err(at(
                namespace,
                "a namespace is part of an interop key: add `interop = \"…\"`, the name of the operation",
            )),
            (Some(operation), _, Some(_)) => Err(at(operation, "`interop` and `key` exclude each other")),
            (None, Some(namespace), Some(_)) => Err(at(
                namespace,
                "`namespace` is part of an interop key; with `key` put it into the key, or build the cache with it",
            )),
            (None, None, None) => Err(Error::custom(
                "how is the key made? Say `interop = \"…\", namespace = \"…\"` for one that every language computes \
                 alike, or `key = …`",
            )
            .with_span(&Span::call_site())),
        }
    }

    fn is_draft(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| profile.as_str() == "draft")
    }

    fn check(&self) -> darling::Result<()> {
        let mut errors = Error::accumulator();
        if let Some(profile) = &self.profile {
            if !matches!(profile.as_str(), "v1" | "draft") {
                errors.push(at(profile, "the profiles are \"v1\", the default, and \"draft\""));
            }
            if self.key.is_some() {
                errors.push(at(profile, "`profile` is about interop keys; this function has `key`"));
            }
        }
        if let Some(ttl) = &self.ttl
            && !(1..=TTL_S_MAX).contains(&**ttl)
        {
            errors.push(at(ttl, "a time to live is 1 to 2592000 seconds (30 days)"));
        }
        if !self.is_draft() {
            for (segment, is_namespace) in [(&self.namespace, true), (&self.interop, false)] {
                if let Some(segment) = segment
                    && let Some(fault) = segment::fault(segment, is_namespace)
                {
                    errors.push(at(segment, fault));
                }
            }
        }
        errors.handle(self.key_source());
        errors.finish()
    }
}

fn at<T>(value: &SpannedValue<T>, message: impl std::fmt::Display) -> Error {
    Error::custom(message).with_span(&value.span())
}
