//! What HTTP/1.1 asks of a request beyond what the library checks, so that nobody between client and server can take it for another
//! one: exactly one `Host` (RFC 9112, section 3.2), and no coding of the body that is not read here (section 6.1). A request that breaks
//! it is the last of its connection.

use hyper::{HeaderMap, Version, header, http::request::Parts};

use super::refusal::Refusal;

/// Whether a request is one that can only be read in one way.
pub(crate) fn check(parts: &Parts) -> Result<(), Refusal> {
    check_host(&parts.headers, parts.version)?;
    check_coding(&parts.headers)
}

fn check_host(headers: &HeaderMap, version: Version) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.as_bytes().iter().all(|&byte| may_name_host(byte)) => Ok(()),
        (Some(_), None) => Err(Refusal::Host),
        (Some(_), Some(_)) => Err(Refusal::Hosts),
        // HTTP/1.0 has none, and HTTP/2 says it elsewhere.
        (None, _) if version == Version::HTTP_11 => Err(Refusal::NoHost),
        (None, _) => Ok(()),
    }
}

/// Whether a byte may stand in a host and its port. A host may be empty.
fn may_name_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

/// The one coding that is read is `chunked`, once. (The library has refused what does not end with it.)
fn check_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    let lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    // An empty member of a list stands for nothing.
    let mut codings = codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::Coding),
    }
}
