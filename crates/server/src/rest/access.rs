//! Who asks: the API key of a request, whose it is and what its class may do. Keys are kept and compared as their SHA-256, every one of
//! them and in constant time, so how long an answer takes tells nothing of how near a guess was.

use hyper::{HeaderMap, Method, header};
use subtle::ConstantTimeEq;

use super::{
    header::{L1_STATUS, single},
    path::Space,
    refusal::Refusal,
    route::{Place, Route},
};
use crate::{
    config::{ApiKey, digest_of, is_key},
    tenant::Tenant,
};

/// Who may use the API.
#[derive(Debug)]
pub(crate) struct Access {
    /// The digest of each key, and the number of its tenant.
    keys: Vec<([u8; 32], usize)>,
}

/// What a key begins with says what its holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Bound by nothing.
    Free,
    /// An SDK.
    Sdk,
    /// A program that uses the API directly.
    Api,
}

/// Whose request it is, and what it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The number of the tenant.
    pub(crate) tenant: usize,
    class: Class,
}

impl Access {
    pub(crate) fn new(keys: &[ApiKey], tenants: &[Tenant]) -> Access {
        let number = |key: &ApiKey| tenants.iter().position(|tenant| tenant.name == key.tenant());
        Access { keys: keys.iter().filter_map(|key| Some((key.digest, number(key)?))).collect() }
    }

    /// With one key, of the default tenant.
    pub(super) fn of_key(key: &[u8]) -> Access {
        Access { keys: vec![(digest_of(key), 0)] }
    }

    /// Whether nobody has to say who they are.
    pub(crate) fn is_open(&self) -> bool {
        self.keys.is_empty()
    }

    /// Who asks. Where there are no keys, everybody is the default tenant, whatever key they show.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        if self.is_open() {
            return Ok(Caller { tenant: 0, class: Class::Free });
        }
        let key = bearer(headers).filter(|key| is_key(key)).ok_or(Refusal::NoKey)?;
        let digest = digest_of(key);
        let mut found = None;
        for (known, tenant) in &self.keys {
            if bool::from(known.ct_eq(&digest)) {
                found = Some(*tenant);
            }
        }
        let tenant = found.ok_or(Refusal::WrongKey)?;
        Ok(Caller { tenant, class: Class::of(key) })
    }
}

impl Class {
    fn of(key: &[u8]) -> Class {
        if key.starts_with(b"ck_sdk_") {
            Class::Sdk
        } else if key.starts_with(b"ck_api_") {
            Class::Api
        } else {
            Class::Free
        }
    }
}

impl Caller {
    /// SDKs have to say what their own cache knew.
    pub(crate) fn check_headers(self, headers: &HeaderMap) -> Result<(), Refusal> {
        let statuses: [&[u8]; 3] = [b"hit", b"miss", b"disabled"];
        let is_fine = |status: Option<&[u8]>| status.is_some_and(|status| statuses.contains(&status));
        let is_right = self.class != Class::Sdk || is_fine(single(headers, &L1_STATUS)?);
        if is_right { Ok(()) } else { Err(Refusal::L1Status) }
    }

    /// Each of the two spaces is written by one class of keys only; everybody reads both.
    pub(crate) fn check_space(self, route: &Route, key: &[u8]) -> Result<(), Refusal> {
        let reads = route.place == Place::Health || [Method::GET, Method::HEAD].contains(&route.method);
        let closed = match self.class {
            Class::Free => None,
            Class::Sdk => Some(Space::Api),
            Class::Api => Some(Space::Sdk),
        };
        if !reads && closed.is_some() && Space::of(key) == closed { Err(Refusal::Space) } else { Ok(()) }
    }
}

/// The token of the one `Authorization` header, if it is a bearer's.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer ") && values.next().is_none();
    is_bearer.then(|| token.trim_ascii())
}
