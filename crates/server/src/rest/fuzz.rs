//! What is read of the path, the headers and the body of a request, opened for the fuzz target `rest_request`, which is a crate of its
//! own. Nothing else calls this.

use hyper::{
    HeaderMap, Uri,
    header::{HeaderName, HeaderValue},
};

use super::{access::Access, header::lifetime, lock, path, ttl};

/// What has been read of one request.
#[derive(Debug)]
pub struct Read {
    /// The path as HTTP has it.
    pub path: String,
    /// The path that the route has, and the key in it or what is wrong with that; `None` if there is nothing at the path.
    pub place: Option<(&'static str, Result<Vec<u8>, &'static str>)>,
    /// Seconds that the entry is to be fresh, and stale after that, or what is wrong with them.
    pub lifetime: Result<Option<(u64, u64)>, &'static str>,
    /// Whether the key `ck_live_fuzz` has been shown.
    pub is_let_in: bool,
    /// The id of a lock: 16 bytes, or `None` if it is none that was ever given; or what is wrong with the request.
    pub lock_id: Result<Option<[u8; 16]>, &'static str>,
    /// The body as a request for a lock, in milliseconds.
    pub lock_ms: Result<u64, &'static str>,
    /// The body as a request for another time to live, in seconds.
    pub ttl_s: Result<u64, &'static str>,
}

/// Reads a request; `None` if HTTP would not let it through.
pub fn read(target: &[u8], headers: &[(&[u8], &[u8])], body: &[u8]) -> Option<Read> {
    let uri = Uri::try_from(target).ok()?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    let place = path::place(uri.path()).map(|(place, segment)| {
        let key = if place.has_key() {
            path::key(segment).map(|key| key.to_vec()).map_err(|fault| fault.message())
        } else {
            Ok(Vec::new())
        };
        (place.path(), key)
    });
    Some(Read {
        path: uri.path().to_owned(),
        place,
        lifetime: lifetime(&map)
            .map(|life| life.map(|life| (life.ttl.get() / 1_000, u64::from(life.stale_ms) / 1_000)))
            .map_err(|refusal| refusal.message()),
        is_let_in: Access::of_key(b"ck_live_fuzz").authenticate(&map).is_ok(),
        lock_id: lock::read_id(&map, uri.query())
            .map(|id| id.map(uuid::Uuid::into_bytes))
            .map_err(|refusal| refusal.message()),
        lock_ms: lock::read_time(body).map(|ttl| ttl.get()).map_err(|refusal| refusal.message()),
        ttl_s: ttl::read_time(body).map_err(|refusal| refusal.message()),
    })
}
