//! Documents to `serde` types, with the bounds of the reader in front. A type sees what a format for people would show it (a
//! UUID is text), as when it was written; or else what a format for machines would, which is how the published SDK for Rust writes
//! (an address is a variant with four bytes). What does not fit is told without what `serde` quotes of the document.

use rmp_serde::decode::Error;
use serde::de::DeserializeOwned;

use super::read::{DecodeError, check};
use crate::limits::Limits;

/// A `serde` type from exactly these bytes, checked against [`Limits::PROTOCOL`] before the type sees any of them.
///
/// # Errors
///
/// As [`check`], and [`DecodeError::Type`] if the document is sound but does not fit.
///
/// ```
/// use larder_cachekit::msgpack::{self, DecodeError};
///
/// assert_eq!(msgpack::from_slice(b"\xa5alice"), Ok("alice".to_owned()));
/// let misfit = DecodeError::Type { message: "invalid type: string, expected a sequence".into() };
/// assert_eq!(msgpack::from_slice::<Vec<u8>>(b"\xa5alice"), Err(misfit));
/// ```
pub fn from_slice<T: DeserializeOwned>(input: &[u8]) -> Result<T, DecodeError> {
    from_slice_within(input, &Limits::PROTOCOL)
}

/// [`from_slice`] with limits of one's own.
///
/// # Errors
///
/// As [`from_slice`].
pub fn from_slice_within<T: DeserializeOwned>(input: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    check(input, limits)?;
    from_checked_slice(input)
}

/// [`from_slice`] for bytes that were [checked](check) before.
///
/// # Errors
///
/// [`DecodeError::Type`].
pub fn from_checked_slice<T: DeserializeOwned>(checked: &[u8]) -> Result<T, DecodeError> {
    let mut document = rmp_serde::Deserializer::from_read_ref(checked).with_human_readable();
    T::deserialize(&mut document).or_else(|error| {
        rmp_serde::from_slice(checked).map_err(|_| DecodeError::Type { message: misfit(&error) })
    })
}

fn misfit(error: &Error) -> String {
    match error {
        Error::TypeMismatch(_) => "an item is of another kind than the type expects".to_owned(),
        Error::OutOfRange => "a number is out of range".to_owned(),
        Error::LengthMismatch(len) => format!("{len} elements are not what the type expects"),
        Error::Syntax(message) | Error::Uncategorized(message) => without_data(message),
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => "it ends early".to_owned(),
        Error::Utf8Error(_) => "a text is not UTF-8".to_owned(),
        Error::DepthLimitExceeded => "it is nested too deep".to_owned(),
    }
}

/// Of a message of `serde` what comes from the type, without what comes from the document. A type's own words may quote the
/// document anywhere, so nothing is left of them, unless they look like `serde`'s: whoever has secrets tells less.
fn without_data(message: &str) -> String {
    if ["missing field `", "duplicate field `"].iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    for nothing in [", there are no variants", ", there are no fields"] {
        if let Some(found) = message.strip_suffix(nothing) {
            let kind =
                if found.starts_with("unknown variant ") { "unknown variant" } else { "unknown field" };
            return format!("{kind}{nothing}");
        }
    }
    let starts =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant ", "unknown field "];
    // What is found is quoted behind these words. The document may hold the words, too, but before the type's.
    let expected = message.rfind(", expected ");
    match expected.and_then(|at| message.split_at_checked(at)) {
        Some((found, expected)) if starts.iter().any(|start| message.starts_with(start)) => {
            let kind = found.split(['`', '"']).next().unwrap_or_default();
            format!("{}{expected}", kind.trim_end())
        }
        _ => "the type refuses what it says".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgpack::to_vec;
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    enum Shape {
        Point,
        Circle { radius: u8 },
    }

    fn refused<T: DeserializeOwned + std::fmt::Debug>(document: impl Serialize) -> String {
        match from_slice::<T>(&to_vec(&document).unwrap()) {
            Err(DecodeError::Type { message }) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_text_to_people_is_read_as_it_was_written() {
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(from_slice(&to_vec(&address).unwrap()), Ok(address));
        for shape in [Shape::Point, Shape::Circle { radius: 3 }] {
            assert_eq!(from_slice(&to_vec(&shape).unwrap()), Ok(shape));
        }
    }

    #[test]
    fn what_the_sdk_for_rust_has_written_for_machines_is_read_too() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(from_slice(&rmp_serde::to_vec(&address).unwrap()), Ok(address));
        assert_eq!(from_slice(&rmp_serde::to_vec_named(&address).unwrap()), Ok(address));
    }

    #[test]
    fn a_misfit_is_told_without_the_document() {
        assert_eq!(
            refused::<Vec<u8>>("secret, expected \"secret"),
            "invalid type: string, expected a sequence"
        );
        assert_eq!(refused::<String>(424_242), "invalid type: integer, expected a string");
        assert_eq!(refused::<u8>("secret"), "an item is of another kind than the type expects");
        assert_eq!(refused::<Shape>("secret"), "unknown variant, expected `Point` or `Circle`");
        let circle = |field: &str| BTreeMap::from([("Circle", BTreeMap::from([(field.to_owned(), 1)]))]);
        assert_eq!(refused::<Shape>(circle("secret")), "unknown field, expected `radius`");
        assert_eq!(refused::<IpAddr>("secret"), "the type refuses what it says");
        assert_eq!(refused::<(u8, u8)>([1]), "invalid length 1, expected a tuple of size 2");
        let empty = BTreeMap::from([("Circle", BTreeMap::<String, u8>::new())]);
        assert_eq!(refused::<Shape>(empty), "missing field `radius`");
    }

    #[test]
    fn a_type_without_fields_or_variants_quotes_nothing_either() {
        #[derive(Debug, Deserialize)]
        enum Never {}
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        assert_eq!(refused::<Never>("a, expected secret"), "unknown variant, there are no variants");
        let named = BTreeMap::from([("a, expected secret", 1)]);
        assert_eq!(refused::<Nothing>(named), "unknown field, there are no fields");
    }

    #[test]
    fn no_document_shows_in_a_misfit() {
        let documents =
            [b"\xcd\x30\x39".as_slice(), b"\xa512345", b"\xc4\x0512345", b"\xcb@\xc8\x1c\x80\0\0\0\0"];
        for document in documents {
            let errors = [
                from_slice::<bool>(document).unwrap_err().to_string(),
                from_slice::<Vec<u8>>(document).err().map(|error| error.to_string()).unwrap_or_default(),
                from_slice::<Shape>(document).unwrap_err().to_string(),
                from_slice::<u8>(document).unwrap_err().to_string(),
            ];
            assert!(errors.iter().all(|error| !error.contains("12345")), "{errors:?}");
        }
    }
}
