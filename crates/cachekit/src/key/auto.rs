//! The keys that the Python SDK makes by itself:
//! `[ns:{namespace}:]func:{module}.{qualname}:args:{hash}:{integrity}{serializer}`. Replacement of white space comes
//! before the length rule, as the SDK does it. Sets, naive datetimes and plain dates are refused, as there.

use std::collections::BTreeMap;

use blake2::{Blake2b, Digest, digest::consts::U2};

use super::{KeyError, Profile, canonical, hash};
use crate::value::Value;

const KEY_CHARS_MAX: usize = 250;
const KEPT_CHARS: usize = 50;
const KEPT_HASH_DIGITS: usize = 32;
const FUNCTION_CHARS_MAX: usize = 200;

/// A cached function, as the Python SDK identifies it.
///
/// ```
/// use larder_cachekit::{Value, key::auto::Function};
///
/// let function = Function { namespace: Some("test"), module: "__main__", qualname: "get_user", ..Function::default() };
/// let key = function.key(&[Value::from(42)], &Default::default())?;
/// assert!(key.starts_with("ns:test:func:__main__.get_user:args:3870b2ea"));
/// assert!(key.ends_with(":1s"));
/// # Ok::<(), larder_cachekit::key::KeyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function<'a> {
    /// The namespace; an empty one is none.
    pub namespace: Option<&'a str>,
    /// `__module__`.
    pub module: &'a str,
    /// `__qualname__`.
    pub qualname: &'a str,
    /// Whether values are stored in an envelope.
    pub integrity: bool,
    /// The serializer: `default`, `auto`, `orjson`, `arrow`, `local`, an alias, or `<custom>:ClassName`.
    pub serializer: &'a str,
}

impl Default for Function<'_> {
    fn default() -> Self {
        Self { namespace: None, module: "", qualname: "", integrity: true, serializer: "default" }
    }
}

impl Function<'_> {
    /// The key of a call.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn key(&self, args: &[Value], kwargs: &BTreeMap<String, Value>) -> Result<String, KeyError> {
        let code = serializer_code(self.serializer)?;
        let namespace = self.namespace.filter(|namespace| !namespace.is_empty());
        let prefix = namespace.map(|namespace| format!("ns:{namespace}:")).unwrap_or_default();
        let function = clean(&format!("{}.{}", self.module, self.qualname));
        let args = hash(&canonical_args(args, kwargs)?);
        let integrity = u8::from(self.integrity);
        Ok(shorten(
            format!("{prefix}func:{function}:args:{args}:{integrity}{code}").replace([' ', '\n', '\r'], "_"),
        ))
    }
}

/// The document that an automatic key hashes.
///
/// # Errors
///
/// [`KeyError`].
pub fn canonical_args(args: &[Value], kwargs: &BTreeMap<String, Value>) -> Result<Vec<u8>, KeyError> {
    canonical::pair(Profile::Auto, args, kwargs)
}

/// The letters at the end of a key that stand for a serializer: one for those that the protocol knows, `x` and four
/// digits of a hash for any other.
///
/// # Errors
///
/// [`KeyError::SerializerName`] for an empty name.
pub fn serializer_code(identity: &str) -> Result<String, KeyError> {
    Ok(match identity {
        "" => return Err(KeyError::SerializerName),
        "default" | "std" | "standard" => "s".into(),
        "auto" | "pythonic" => "a".into(),
        "orjson" => "o".into(),
        "arrow" => "w".into(),
        "local" => "l".into(),
        other => format!("x{}", hex::encode(Blake2b::<U2>::digest(other))),
    })
}

/// Every other character becomes `_`, runs of dots become one.
fn clean(function: &str) -> String {
    let mut cleaned = String::with_capacity(function.len());
    for c in function.chars() {
        let c = if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' };
        if !(c == '.' && cleaned.ends_with('.')) {
            cleaned.push(c);
        }
    }
    cleaned.truncate(FUNCTION_CHARS_MAX);
    cleaned
}

fn shorten(key: String) -> String {
    if key.chars().count() <= KEY_CHARS_MAX {
        return key;
    }
    let digits: String = hash(key.as_bytes()).chars().take(KEPT_HASH_DIGITS).collect();
    key.chars().take(KEPT_CHARS).chain([':']).chain(digits.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, qualname: &str, args: &[Value]) -> String {
        let function = Function { namespace: Some(namespace), module: "m", qualname, ..Function::default() };
        function.key(args, &BTreeMap::new()).unwrap()
    }

    /// Expected texts as cachekit 0.24.1 for Python computes them.
    #[test]
    fn names_are_cleaned_and_long_keys_cut_as_in_python() {
        let empty = "args:f9cf3864b6e929eb73f84cf6d69409e0bd7575f8cf6feafe3a543b0f7267b2b2:1s";
        assert_eq!(key("", "q", &[]), format!("func:m.q:{empty}"));
        assert_eq!(key("a b\tc\r\nd", "q", &[]), format!("ns:a_b\tc__d:func:m.q:{empty}"));
        assert_eq!(
            key("n", "outer.<locals>.in ner..x...y é日", &[]),
            format!("ns:n:func:m.outer._locals_.in_ner.x.y___:{empty}")
        );
        assert_eq!(
            key("n", &"q".repeat(300), &[]),
            format!("ns:n:func:m.{}:559684a0c874fe6ab43ab28107fe9d27", "q".repeat(38))
        );
        assert_eq!(
            key(&"é".repeat(200), "q", &[]),
            format!("ns:{}:b02e8605550aaafeedb229d8d882b70d", "é".repeat(47)),
            "characters are counted, not bytes"
        );
        let lengths: Vec<_> = (165..168).map(|length| key(&"n".repeat(length), "q", &[]).len()).collect();
        assert_eq!(lengths, [250, 83, 83]);
    }

    #[test]
    fn floats_keep_their_type_and_zero_has_no_sign() {
        let hashed = |value: f64| key("n", "q", &[Value::Float(value)]);
        assert!(
            hashed(f64::NAN).contains("a77ae183d4749ff1c4e56eb098d1d8f7088cc5e32177d619b35c690d0404d97c")
        );
        assert_eq!(hashed(f64::NAN), hashed(-f64::NAN));
        assert!(
            hashed(f64::INFINITY)
                .contains("1b5888c2924c05ee8145dc8b5a59b300690cfc9a8ce7d7b99f133edff12dac2d")
        );
        assert_eq!(hashed(-0.0), hashed(0.0));
        assert_ne!(hashed(0.0), key("n", "q", &[Value::from(0)]));
    }

    #[test]
    fn instants_are_text_and_what_python_refuses_is_refused() {
        let when = "2024-01-01T00:00:00+00:00";
        assert_eq!(
            key("n", "q", &[Value::DateTime(when.parse().unwrap())]),
            key("n", "q", &[Value::from(when)])
        );
        let refused = |value| Function::default().key(&[value], &BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(refused(Value::Set(vec![])), "args[0]: a set cannot be part of an automatic key");
        assert_eq!(
            refused(Value::Date("2024-01-01".parse().unwrap())),
            "args[0]: a date cannot be part of an automatic key"
        );
        assert_eq!(
            refused(Value::DateTime("2024-01-01T00:00:00".parse().unwrap())),
            "args[0]: the datetime 2024-01-01T00:00:00 has no offset from UTC; add one, such as +00:00"
        );
    }

    #[test]
    fn every_serializer_has_its_code() {
        for (identity, code) in [
            ("std", "s"),
            ("standard", "s"),
            ("default", "s"),
            ("pythonic", "a"),
            ("auto", "a"),
            ("orjson", "o"),
            ("arrow", "w"),
            ("local", "l"),
            ("cbor", "x23d5"),
            ("<custom>:ArrowSerializer", "x2263"),
        ] {
            assert_eq!(serializer_code(identity).unwrap(), code);
        }
        assert_eq!(serializer_code(""), Err(KeyError::SerializerName));
    }
}
