//! Paths, headers and bodies of REST requests, as the server reads them, against a slow reading of the same rules. An input is the
//! target of a request, a line for each header, an empty line, and the body.
#![no_main]

use larder_server::fuzz::{Read, read};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const TTL_S_MAX: u64 = 2_592_000;
const LOCK_MS_MAX: u64 = 86_400_000;

fuzz_target!(|input: &[u8]| {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let headers: Vec<_> = lines.filter_map(split).collect();
    let Some(request) = read(target, &headers, body) else { return };
    check_place(&request);
    check_times(&request, &headers);
    check_key(&request, &headers);
    check_lock(&request, &headers);
    check_body(request.lock_ms, body, "timeout_ms", LOCK_MS_MAX);
    check_body(request.ttl_s, body, "ttl", TTL_S_MAX);
});

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// The values of a header.
fn values<'h>(headers: &[(&[u8], &'h [u8])], name: &str) -> Vec<&'h [u8]> {
    let named = headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| *value).collect()
}

fn check_place(request: &Read) {
    let parts: Vec<_> = request.path.split('/').collect();
    let (path, segment) = match parts[..] {
        ["", "v1", "cache", "health"] => ("/v1/cache/health", None),
        ["", "v1", "cache", key] => ("/v1/cache/{key}", Some(key)),
        ["", "v1", "cache", key, "lock"] => ("/v1/cache/{key}/lock", Some(key)),
        ["", "v1", "cache", key, "ttl"] => ("/v1/cache/{key}/ttl", Some(key)),
        _ => return assert!(request.place.is_none(), "{request:?}"),
    };
    let Some((found, key)) = &request.place else { panic!("{request:?}") };
    assert_eq!(*found, path);
    let expected = segment.map_or(Some(Vec::new()), |segment| unescape(segment).filter(|key| is_key(key)));
    assert_eq!(key.clone().ok(), expected, "{request:?}");
    // However a key is written, it is the same.
    if let (Some(_), Ok(key)) = (segment, key) {
        let escaped: String = key.iter().map(|byte| format!("%{byte:02X}")).collect();
        let again = read(path.replace("{key}", &escaped).as_bytes(), &[], b"").expect("a target");
        assert_eq!(again.place, Some((path, Ok(key.clone()))));
    }
}

fn unescape(segment: &str) -> Option<Vec<u8>> {
    let mut parts = segment.as_bytes().split(|byte| *byte == b'%');
    let mut key = parts.next()?.to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        key.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        key.extend_from_slice(&part[2..]);
    }
    Some(key)
}

fn is_key(key: &[u8]) -> bool {
    let Ok(key) = std::str::from_utf8(key) else { return false };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let has_space = |name: &str| {
        let of_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        matches!(name.split_once(':'), Some((name, _)) if (1..=64).contains(&name.len()) && name.chars().all(of_name))
    };
    let space = key.strip_prefix("ns:").or_else(|| key.strip_prefix("nsapi:"));
    (1..=400).contains(&key.len())
        && key.chars().all(is_plain)
        && !key.contains("..")
        && ![".", "health", "ttl", "lock"].contains(&key)
        && space.is_none_or(has_space)
}

/// A whole number in digits; `None` for anything else, and for what is above any time.
fn number(text: &[u8]) -> Option<u64> {
    let digits = Some(text).filter(|text| text.len() <= 12 && text.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn check_times(request: &Read, headers: &[(&[u8], &[u8])]) {
    let ttl = match &values(headers, "x-cachekit-ttl")[..] {
        [] => values(headers, "x-ttl"),
        ttl => ttl.to_vec(),
    };
    let stale = values(headers, "x-cachekit-stale-ttl");
    let expected = match (&ttl[..], &stale[..]) {
        ([], []) => Ok(None),
        ([ttl], stale) if stale.len() < 2 => {
            match (number(ttl), stale.first().map_or(Some(0), |stale| number(stale))) {
                (Some(ttl @ 1..), Some(stale)) if ttl + stale <= TTL_S_MAX => Ok(Some((ttl, stale))),
                _ => Err(()),
            }
        }
        _ => Err(()),
    };
    assert_eq!(request.lifetime.map_err(|_| ()), expected, "{headers:?}");
}

fn check_key(request: &Read, headers: &[(&[u8], &[u8])]) {
    let is_let_in = match &values(headers, "authorization")[..] {
        [shown] => {
            let (scheme, token) = shown.split_at_checked(7).unwrap_or_default();
            scheme.eq_ignore_ascii_case(b"bearer ") && token.trim_ascii() == b"ck_live_fuzz"
        }
        _ => false,
    };
    assert_eq!(request.is_let_in, is_let_in, "{headers:?}");
}

fn check_lock(request: &Read, headers: &[(&[u8], &[u8])]) {
    match &values(headers, "x-cachekit-lock-id")[..] {
        [id] if !id.is_empty() => {
            let Ok(read) = request.lock_id else { panic!("{request:?}") };
            // Whatever else passes for an id has its digits, and no others.
            if let Some(read) = read {
                let digits: String = read.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = std::str::from_utf8(id).expect("an id is text").to_ascii_lowercase();
                let text = text.strip_prefix("urn:uuid:").unwrap_or(&text);
                let shown: String = text.chars().filter(char::is_ascii_hexdigit).collect();
                assert_eq!(shown, digits);
            }
        }
        [_, _, ..] => assert!(request.lock_id.is_err()),
        _ => {}
    }
}

/// What is taken is an object of one field, a whole number in its range.
fn check_body(read: Result<u64, &'static str>, body: &[u8], field: &str, max: u64) {
    let value = serde_json::from_slice::<Value>(body).ok();
    let object = value.as_ref().and_then(Value::as_object).filter(|object| object.len() == 1);
    let number = object.and_then(|object| object.get(field)?.as_f64());
    let whole = number.filter(|number| number.fract() == 0.0 && (1.0..=max as f64).contains(number));
    match read {
        Ok(read) => assert_eq!(whole, Some(read as f64)),
        // Of a field that is there twice, a map shows one.
        Err(_) => assert!(whole.is_none() || body.iter().filter(|byte| **byte == b':').count() > 1),
    }
}
