//! Keys: text of the caller's choice, which the cache's namespace goes in front of, or an interop key, which every language
//! computes alike and nothing goes in front of. An interop key also says how its value is stored: as one plain document.

use std::borrow::Cow;

use larder_cachekit::key::interop;
use larder_cachekit::{Value, to_value};
use larder_store::KeyFault;
use serde::Serialize;

use crate::error::KeyError;
use crate::limits::KEY_BYTES_MAX;

/// The rules of an interop key.
///
/// ```
/// use larder_client::{Key, Profile};
///
/// let shared = Key::interop_with(Profile::V1, "users", "get_user", (42,))?;
/// assert_eq!(shared, Key::interop("users", "get_user", (42,))?);
/// # Ok::<(), larder_client::KeyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// What the SDKs for Python, TypeScript and Rust compute.
    #[default]
    V1,
    /// What the first draft of the document described; no other SDK computes it.
    Draft,
}

/// A key.
///
/// ```
/// use larder_client::Key;
///
/// let text = Key::from("user:42");
/// let shared = Key::interop("users", "get_user", (42,))?;
/// assert!(shared.as_str().starts_with("users:get_user:61598716"));
/// # Ok::<(), larder_client::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'k> {
    text: Cow<'k, str>,
    is_interop: bool,
}

impl<'k> Key<'k> {
    /// The key that every SDK computes for an operation and its arguments: a tuple in the order in which they are declared,
    /// defaults filled in.
    ///
    /// ```
    /// use larder_client::Key;
    ///
    /// let none = Key::interop("jobs", "list_open", ())?;
    /// let two = Key::interop("users", "search", ("alice", 10))?;
    /// assert_ne!(none, two);
    /// # Ok::<(), larder_client::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Interop`] for names that break the grammar `[a-z0-9][a-z0-9._-]{0,63}` and for arguments without a
    /// canonical form (NaN, a datetime without an offset), [`KeyError::Argument`] for what is outside the model.
    pub fn interop(namespace: &str, operation: &str, args: impl Arguments) -> Result<Self, KeyError> {
        Self::interop_with(Profile::V1, namespace, operation, args)
    }

    /// As [`interop`](Key::interop), by the rules of a profile.
    ///
    /// ```
    /// use larder_client::{Key, Profile};
    ///
    /// let draft = Key::interop_with(Profile::Draft, "users", "get_user", (42,))?;
    /// assert_ne!(draft, Key::interop("users", "get_user", (42,))?);
    /// # Ok::<(), larder_client::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`interop`](Key::interop).
    pub fn interop_with(
        profile: Profile,
        namespace: &str,
        operation: &str,
        args: impl Arguments,
    ) -> Result<Self, KeyError> {
        let values = args.values()?;
        let text = match profile {
            Profile::V1 => interop::key(namespace, operation, &values)?,
            Profile::Draft => interop::draft_key(namespace, operation, &values, &Default::default())?,
        };
        Ok(Self { text: text.into(), is_interop: true })
    }

    /// The text, without the cache's namespace.
    ///
    /// ```
    /// assert_eq!(larder_client::Key::from("user:42").as_str(), "user:42");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is an interop key.
    ///
    /// ```
    /// assert!(!larder_client::Key::from("user:42").is_interop());
    /// ```
    #[must_use]
    pub fn is_interop(&self) -> bool {
        self.is_interop
    }

    /// Makes it the key as the store knows it, if it is one.
    pub(crate) fn complete(&mut self, namespace: Option<&str>) -> Result<(), KeyFault> {
        // An empty key is not one, whatever goes in front of it.
        check(&self.text)?;
        match namespace {
            Some(namespace) if !self.is_interop => {
                self.text = [namespace, ":", &self.text].concat().into();
                check(&self.text)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn into_owned(self) -> Key<'static> {
        Key { text: self.text.into_owned().into(), is_interop: self.is_interop }
    }
}

/// What all SDKs demand of a key: 1 to 1024 bytes, no control characters.
pub(crate) fn check(text: &str) -> Result<(), KeyFault> {
    if text.is_empty() {
        return Err(KeyFault::Empty);
    }
    if text.len() > KEY_BYTES_MAX {
        return Err(KeyFault::TooLong { len: text.len(), max: KEY_BYTES_MAX });
    }
    match text.bytes().enumerate().find(|(_, byte)| byte.is_ascii_control()) {
        Some((at, byte)) => Err(KeyFault::Byte { byte, at }),
        None => Ok(()),
    }
}

impl<'k> From<&'k str> for Key<'k> {
    fn from(text: &'k str) -> Self {
        Self { text: text.into(), is_interop: false }
    }
}

impl<'k> From<&'k String> for Key<'k> {
    fn from(text: &'k String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Key<'_> {
    fn from(text: String) -> Self {
        Self { text: text.into(), is_interop: false }
    }
}

impl<'k> From<&'k Key<'_>> for Key<'k> {
    fn from(key: &'k Key<'_>) -> Self {
        Self { text: Cow::Borrowed(&key.text), is_interop: key.is_interop }
    }
}

/// Arguments of an operation: a tuple of up to twelve, or values that were converted before.
///
/// Integers, floats, text, lists, maps with string keys and options become what the protocol has for them. For bytes use a
/// type that says so to serde (`serde_bytes`), for instants [`DateTime`](crate::DateTime).
///
/// **A set must be in a [`Set`](crate::Set)**, wherever it stands: serde shows a `HashSet` as a list, a list keeps its order, and the
/// order of a `HashSet` is another in each process, so that equal arguments would get different keys and never be found. Maps need
/// nothing: they are sorted.
///
/// ```
/// use std::collections::HashSet;
/// use larder_client::{Key, Set};
///
/// let key = Key::interop("users", "by_ids", (Set(HashSet::from([3, 1, 2])), "names"))?;
/// assert_eq!(key, Key::interop("users", "by_ids", (Set([1, 2, 3]), "names"))?);
/// # Ok::<(), larder_client::KeyError>(())
/// ```
///
/// ```
/// use larder_client::{Key, Value};
///
/// let by_tuple = Key::interop("users", "search", ("alice", 10))?;
/// let by_values = Key::interop("users", "search", vec![Value::from("alice"), Value::from(10)])?;
/// assert_eq!(by_tuple, by_values);
/// # Ok::<(), larder_client::KeyError>(())
/// ```
pub trait Arguments {
    /// The arguments in order.
    ///
    /// ```
    /// use larder_client::{Arguments, Value};
    ///
    /// assert_eq!((1, "a").values()?, [Value::from(1), Value::from("a")]);
    /// # Ok::<(), larder_client::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Argument`].
    fn values(self) -> Result<Vec<Value>, KeyError>;
}

impl Arguments for Vec<Value> {
    fn values(self) -> Result<Vec<Value>, KeyError> {
        Ok(self)
    }
}

impl Arguments for () {
    fn values(self) -> Result<Vec<Value>, KeyError> {
        Ok(Vec::new())
    }
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        impl<$($name: Serialize),+> Arguments for ($($name,)+) {
            #[expect(non_snake_case, reason = "a name for each type and its value")]
            fn values(self) -> Result<Vec<Value>, KeyError> {
                let ($($name,)+) = self;
                let mut values = Vec::new();
                $({
                    let position = values.len() + 1;
                    let value = to_value(&$name);
                    values.push(value.map_err(|source| KeyError::Argument { position, source })?);
                })+
                Ok(values)
            }
        }
    )*};
}

tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H) (A, B, C, D, E, F, G, H, I) (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K) (A, B, C, D, E, F, G, H, I, J, K, L)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_goes_in_front_of_text_and_not_of_an_interop_key() {
        let mut text = Key::from("k");
        text.complete(Some("ns")).unwrap();
        assert_eq!(text.as_str(), "ns:k");
        let shared = Key::interop("users", "get_user", (42,)).unwrap();
        let mut complete = shared.clone();
        complete.complete(Some("ns")).unwrap();
        assert_eq!(complete, shared);
    }

    #[test]
    fn the_published_keys_are_computed() {
        let hash = "61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875";
        assert_eq!(
            Key::interop("users", "get_user", (42,)).unwrap().as_str(),
            format!("users:get_user:{hash}")
        );
        let draft = Key::interop_with(Profile::Draft, "users", "get_user", (42,)).unwrap();
        assert!(draft.as_str().starts_with("users:get_user:3870b2ea"), "{draft:?}");
    }

    #[test]
    fn what_no_sdk_takes_is_refused() {
        let longest = "k".repeat(1024);
        assert!(Key::from(&longest).complete(None).is_ok());
        let fault = |key: &str, namespace| Key::from(key).complete(namespace).unwrap_err();
        assert_eq!(fault("", None), KeyFault::Empty);
        assert_eq!(fault("", Some("ns")), KeyFault::Empty);
        assert_eq!(fault(&longest, Some("ns")), KeyFault::TooLong { len: 1027, max: 1024 });
        assert_eq!(fault("a\nb", None), KeyFault::Byte { byte: b'\n', at: 1 });
        assert_eq!(fault("\x7f", None), KeyFault::Byte { byte: 0x7f, at: 0 });
    }

    #[test]
    fn an_argument_outside_the_model_is_named_by_its_position() {
        let error = Key::interop("n", "op", (1, u128::MAX)).unwrap_err();
        assert!(matches!(error, KeyError::Argument { position: 2, .. }), "{error}");
        assert!(matches!(Key::interop("n", "op", (f64::NAN,)), Err(KeyError::Interop(_))));
    }
}
