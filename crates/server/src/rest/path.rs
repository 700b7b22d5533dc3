//! From the path of a request to a place and a key. The path is split at its raw slashes; what is between two of them is decoded
//! once, so an escaped slash never divides, and is then held against the grammar of keys.

use arrayvec::ArrayVec;

use super::{KEY_BYTES_MAX, refusal::KeyFault, route::Place};

/// A key whose escapes have been read.
pub(crate) type KeyBytes = ArrayVec<u8, KEY_BYTES_MAX>;

const PREFIX: &str = "/v1/cache/";

/// The place that a path stands for, and what stands for the key in it; `None` if there is nothing there.
pub(crate) fn place(path: &str) -> Option<(Place, &str)> {
    let rest = path.strip_prefix(PREFIX)?;
    match rest.split_once('/') {
        None if rest == "health" => Some((Place::Health, "")),
        None => Some((Place::Entry, rest)),
        Some((key, "lock")) => Some((Place::Lock, key)),
        Some((key, "ttl")) => Some((Place::Ttl, key)),
        Some(_) => None,
    }
}

/// Reads a segment of a path as a key.
pub(crate) fn key(segment: &str) -> Result<KeyBytes, KeyFault> {
    let key = decode(segment)?;
    check(&key)?;
    Ok(key)
}

fn decode(segment: &str) -> Result<KeyBytes, KeyFault> {
    let mut key = KeyBytes::new();
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(KeyFault::Escape),
            },
            byte => byte,
        };
        // That the rest has a bad escape as well does not matter any more.
        key.try_push(byte).map_err(|_| KeyFault::TooLong)?;
    }
    Ok(key)
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// What a byte may be in a key, by its value.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        allowed[byte] = c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b':' | b'-');
        byte += 1;
    }
    allowed
};

fn check(key: &[u8]) -> Result<(), KeyFault> {
    if key.is_empty() {
        return Err(KeyFault::Empty);
    }
    if !key.iter().all(|&byte| ALLOWED[usize::from(byte)]) {
        return Err(KeyFault::Character);
    }
    if key.windows(2).any(|pair| pair == b"..") {
        return Err(KeyFault::Dots);
    }
    if [&b"."[..], b"health", b"ttl", b"lock"].contains(&key) {
        return Err(KeyFault::Reserved);
    }
    let Some(space) = Space::of(key) else { return Ok(()) };
    let rest = key.get(space.prefix().len()..).unwrap_or_default();
    let name = rest.iter().take_while(|&&byte| byte != b':').count();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_well_formed = (1..=64).contains(&name) && name < rest.len() && rest.iter().take(name).all(is_name);
    if is_well_formed { Ok(()) } else { Err(KeyFault::Namespace) }
}

/// The two spaces that some API keys may not write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// What SDKs write, `ns:`.
    Sdk,
    /// What programs write that use the API directly, `nsapi:`.
    Api,
}

impl Space {
    /// The space of a key, if it is in one.
    pub(crate) fn of(key: &[u8]) -> Option<Space> {
        [Space::Sdk, Space::Api].into_iter().find(|space| key.starts_with(space.prefix()))
    }

    fn prefix(self) -> &'static [u8] {
        match self {
            Space::Sdk => b"ns:",
            Space::Api => b"nsapi:",
        }
    }
}

/// The value of `name` in a query, its escapes read; `None` if it is absent.
///
/// # Errors
///
/// A bad escape, or more than a key may have.
pub(crate) fn parameter(query: &str, name: &str) -> Result<Option<KeyBytes>, KeyFault> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.map(decode).transpose()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(segment: &str) -> Option<KeyFault> {
        key(segment).err()
    }

    #[test]
    fn places_are_told_by_raw_slashes() {
        assert_eq!(place("/v1/cache/health"), Some((Place::Health, "")));
        assert_eq!(place("/v1/cache/a%3Ab"), Some((Place::Entry, "a%3Ab")));
        assert_eq!(place("/v1/cache/a%2Flock"), Some((Place::Entry, "a%2Flock")));
        assert_eq!(place("/v1/cache/a/lock"), Some((Place::Lock, "a")));
        assert_eq!(place("/v1/cache/a/ttl"), Some((Place::Ttl, "a")));
        assert_eq!(place("/v1/cache/"), Some((Place::Entry, "")));
        assert_eq!(place("/v1/cache//ttl"), Some((Place::Ttl, "")));
        for nowhere in
            ["/v1/cache", "/", "", "/v1/cache/a/", "/v1/cache/a/%6Cock", "/v1/cache/a/b/lock", "/V1/cache/a"]
        {
            assert_eq!(place(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_key_is_decoded_once_and_held_against_the_grammar() {
        assert_eq!(
            key("ns%3Ausers%3Afunc%3Aa.b%3Aargs%3A0-1").unwrap().as_slice(),
            b"ns:users:func:a.b:args:0-1"
        );
        assert_eq!(key("%41%6a%4A").unwrap().as_slice(), b"AjJ");
        assert_eq!(key("raw:colon").unwrap().as_slice(), b"raw:colon");
        for (segment, expected) in [
            ("", KeyFault::Empty),
            ("a%", KeyFault::Escape),
            ("a%4", KeyFault::Escape),
            ("a%zz", KeyFault::Escape),
            ("%+1", KeyFault::Escape),
            ("a%2Fb", KeyFault::Character),
            ("a%253Ab", KeyFault::Character),
            ("a+b", KeyFault::Character),
            ("a%00", KeyFault::Character),
            ("%C3%A9", KeyFault::Character),
            ("..", KeyFault::Dots),
            ("%2e%2E", KeyFault::Dots),
            ("a..b", KeyFault::Dots),
            (".", KeyFault::Reserved),
            ("%68ealth", KeyFault::Reserved),
            ("ttl", KeyFault::Reserved),
            ("lock", KeyFault::Reserved),
        ] {
            assert_eq!(fault(segment), Some(expected), "{segment}");
        }
        assert_eq!(fault(&"k".repeat(400)), None);
        assert_eq!(fault(&"%3A".repeat(400)), None);
        assert_eq!(fault(&"k".repeat(401)), Some(KeyFault::TooLong));
    }

    #[test]
    fn a_namespace_has_a_name_and_an_end() {
        for fine in ["ns:a:b", "nsapi:a-_9:", "nsx:", "ns", "nsapi", "xns::", "ns%3Aa%3Ab"] {
            assert_eq!(fault(fine), None, "{fine}");
        }
        let long = format!("ns:{}:k", "n".repeat(65));
        for broken in ["ns:", "ns::a", "ns:a", "nsapi:", "nsapi:a.b:c", "ns:a.b:c", &long] {
            assert_eq!(fault(broken), Some(KeyFault::Namespace), "{broken}");
        }
        assert_eq!(fault(&long.replacen("nn", "n", 1)), None, "64 are a name");
        assert_eq!(Space::of(b"ns:a:b"), Some(Space::Sdk));
        assert_eq!(Space::of(b"nsapi:a:b"), Some(Space::Api));
        assert_eq!(Space::of(b"users:get:1"), None);
    }

    #[test]
    fn a_parameter_of_a_query_is_found_by_its_name() {
        let value = |query: &str| parameter(query, "lock_id").map(|value| value.map(|value| value.to_vec()));
        assert_eq!(value("lock_id=a%2Db"), Ok(Some(b"a-b".to_vec())));
        assert_eq!(value("x=1&lock_id=b"), Ok(Some(b"b".to_vec())));
        assert_eq!(value("xlock_id=1"), Ok(None));
        assert_eq!(value("lock_id"), Ok(None));
        for bad in ["%", "%a", "%zz", "a%2", "%%41", "%+1"] {
            assert_eq!(value(&format!("lock_id={bad}")), Err(KeyFault::Escape), "{bad}");
        }
        assert_eq!(value(&format!("lock_id={}", "a".repeat(401))), Err(KeyFault::TooLong));
    }

    proptest! {
        #[test]
        fn what_the_grammar_allows_comes_through_however_it_is_escaped(name in "[A-Za-z0-9_:-]{1,130}", escapes: u128) {
            let plain = format!("k{name}");
            let segment: String = plain.bytes().enumerate().map(|(at, byte)| {
                let escaped = escapes >> (at % 128) & 1 == 1;
                if escaped { format!("%{byte:02x}") } else { (byte as char).to_string() }
            }).collect();
            let key = key(&segment).unwrap();
            prop_assert_eq!(key.as_slice(), plain.as_bytes());
        }

        #[test]
        fn no_segment_panics_and_no_key_breaks_the_grammar(segment in "\\PC{0,500}|[%.a-f0-9:]{0,40}") {
            if let Ok(key) = key(&segment) {
                prop_assert!(check(&key).is_ok());
            }
        }
    }
}
