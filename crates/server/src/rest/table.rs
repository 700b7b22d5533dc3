//! The routes. The answers that every route can give - 400, 401, 405, 429, 503 and the like - are in [`EVERYWHERE`], and those that
//! the routes with a body can give in [`WITH_BODY`].

use hyper::Method;

use super::{
    LOCK_MS_MAX, TTL_S_MAX, delete, get, health, lock, put,
    route::{Content, Described, Field, Parameter, ParameterPlace, Place, Route, Run, Schema},
    ttl,
};

const SUCCESS: Content = Content::Object(&[Field { name: "success", schema: Schema::True, nullable: false }]);
const TTL_SCHEMA: Schema = Schema::Integer { min: 1, max: TTL_S_MAX };

const fn header(name: &'static str, schema: Schema, summary: &'static str) -> Parameter {
    Parameter { name, place: ParameterPlace::Header, summary, schema }
}

const FRESHNESS: Parameter = header(
    "X-CacheKit-Freshness",
    Schema::Words(&["fresh", "stale"]),
    "Whether the entry's time to live is over",
);
const FRESH_FOR: Parameter = header(
    "X-CacheKit-Fresh-For",
    Schema::Integer { min: 0, max: TTL_S_MAX },
    "Whole seconds that the entry is still fresh; absent if it has no time to live",
);
const RETRY_AFTER: Parameter = header(
    "Retry-After",
    Schema::Integer { min: 1, max: u32::MAX as u64 },
    "Seconds after which to try again",
);

const ALLOW: Parameter = header("Allow", Schema::Text, "The methods that the path has");
const WWW_AUTHENTICATE: Parameter =
    header("WWW-Authenticate", Schema::Words(&["Bearer"]), "How to show a key");

const fn plain(status: u16, summary: &'static str, body: Content) -> Described {
    Described { status, summary, headers: &[], body: Some(body) }
}

const ABSENT: Described = plain(404, "There is no entry with this key", Content::Error);

/// Every route there is.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        place: Place::Entry,
        operation: "get",
        summary: "Read an entry",
        parameters: &[],
        body: None,
        answers: &[
            Described {
                status: 200,
                summary: "The bytes of the entry",
                headers: &[FRESHNESS, FRESH_FOR],
                body: Some(Content::Bytes),
            },
            ABSENT,
        ],
        run: Run::Bare(get::get),
    },
    Route {
        method: Method::HEAD,
        place: Place::Entry,
        operation: "exists",
        summary: "Whether there is an entry",
        parameters: &[],
        body: None,
        answers: &[
            Described { status: 200, summary: "There is one", headers: &[FRESHNESS], body: None },
            Described { status: 404, summary: "There is none", headers: &[], body: None },
        ],
        run: Run::Bare(get::head),
    },
    Route {
        method: Method::PUT,
        place: Place::Entry,
        operation: "put",
        summary: "Store an entry in place of what was there",
        parameters: &[
            header("X-CacheKit-TTL", TTL_SCHEMA, "Seconds that the entry is fresh; for ever if absent"),
            header("X-TTL", TTL_SCHEMA, "The former name of X-CacheKit-TTL; ignored beside it"),
            header(
                "X-CacheKit-Stale-TTL",
                Schema::Integer { min: 0, max: TTL_S_MAX - 1 },
                "Seconds that the entry is served as stale after that",
            ),
        ],
        body: Some(Content::Bytes),
        answers: &[plain(200, "Stored", SUCCESS), plain(413, "The value is too long", Content::Error)],
        run: Run::Body { limit: put::limit, run: put::put },
    },
    Route {
        method: Method::DELETE,
        place: Place::Entry,
        operation: "delete",
        summary: "Remove an entry, if there is one",
        parameters: &[],
        body: None,
        answers: &[plain(200, "There is no such entry now", SUCCESS)],
        run: Run::Bare(delete::delete),
    },
    Route {
        method: Method::POST,
        place: Place::Lock,
        operation: "lock",
        summary: "Take the lock of a key, if nobody holds it",
        parameters: &[],
        body: Some(Content::Object(&[Field {
            name: "timeout_ms",
            schema: Schema::Integer { min: 1, max: LOCK_MS_MAX },
            nullable: false,
        }])),
        answers: &[plain(
            200,
            "The id to release the lock with, or null if somebody else holds it",
            Content::Object(&[Field { name: "lock_id", schema: Schema::Text, nullable: true }]),
        )],
        run: Run::Body { limit: lock::limit, run: lock::lock },
    },
    Route {
        method: Method::DELETE,
        place: Place::Lock,
        operation: "unlock",
        summary: "Release the lock of a key",
        parameters: &[
            header("X-CacheKit-Lock-Id", Schema::Text, "The id that the lock was taken with"),
            Parameter {
                name: "lock_id",
                place: ParameterPlace::Query,
                summary: "The same; ignored beside the header, which no log records",
                schema: Schema::Text,
            },
        ],
        body: None,
        answers: &[
            plain(200, "Released", SUCCESS),
            plain(404, "The lock is not held with this id; nothing has changed", Content::Error),
        ],
        run: Run::Bare(lock::unlock),
    },
    Route {
        method: Method::GET,
        place: Place::Ttl,
        operation: "ttl",
        summary: "How long an entry is still there",
        parameters: &[],
        body: None,
        answers: &[
            plain(
                200,
                "Seconds until the entry is gone, or null if it has no time to live",
                Content::Object(&[Field { name: "ttl", schema: TTL_SCHEMA, nullable: true }]),
            ),
            ABSENT,
        ],
        run: Run::Bare(ttl::get),
    },
    Route {
        method: Method::PATCH,
        place: Place::Ttl,
        operation: "renew",
        summary: "Let a fresh entry live for so long from now",
        parameters: &[],
        body: Some(Content::Object(&[Field { name: "ttl", schema: TTL_SCHEMA, nullable: false }])),
        answers: &[
            plain(200, "Done, or there is no such entry", SUCCESS),
            plain(409, "The entry is stale", Content::Error),
        ],
        run: Run::Body { limit: ttl::limit, run: ttl::patch },
    },
    Route {
        method: Method::GET,
        place: Place::Health,
        operation: "health",
        summary: "How the cache is",
        parameters: &[],
        body: None,
        answers: &[plain(
            200,
            "It serves",
            Content::Object(&[
                Field { name: "status", schema: Schema::Words(&["ok"]), nullable: false },
                Field { name: "version", schema: Schema::Text, nullable: false },
                Field {
                    name: "cache_entries",
                    schema: Schema::Integer { min: 0, max: u64::MAX },
                    nullable: false,
                },
                Field {
                    name: "active_locks",
                    schema: Schema::Integer { min: 0, max: u64::MAX },
                    nullable: false,
                },
            ]),
        )],
        run: Run::Bare(health::health),
    },
];

/// The names of the operations, in the order of [`ROUTES`].
pub(crate) static OPERATIONS: [&str; ROUTES.len()] = {
    let mut names = [""; ROUTES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = ROUTES[at].operation;
        at += 1;
    }
    names
};

/// What any request may say.
pub(crate) static ANYWHERE: &[Parameter] = &[header(
    "X-CacheKit-L1-Status",
    // Whoever has another key may send what they like.
    Schema::Text,
    "How the client's own cache fared: hit, miss or disabled. Needed with a key that begins with ck_sdk_",
)];

/// What any route may answer instead.
pub(crate) static EVERYWHERE: &[Described] = &[
    plain(400, "The request is wrong; the error says where", Content::Error),
    Described {
        status: 401,
        summary: "There is no API key, or it is not known",
        headers: &[WWW_AUTHENTICATE],
        body: Some(Content::Error),
    },
    plain(403, "Keys of this class do not write where this key belongs", Content::Error),
    Described {
        status: 405,
        summary: "The path does not have this method",
        headers: &[ALLOW],
        body: Some(Content::Error),
    },
    plain(408, "The request did not arrive in time; the connection ends", Content::Error),
    plain(414, "The path is too long; the connection ends", Content::Error),
    Described {
        status: 429,
        summary: "Too many requests of the tenant",
        headers: &[RETRY_AFTER],
        body: Some(Content::Error),
    },
    plain(431, "The head of the request is too long; the connection ends", Content::Error),
    plain(501, "The body is coded in a way that is not read here; the connection ends", Content::Error),
    Described { status: 503, summary: "Not now", headers: &[RETRY_AFTER], body: Some(Content::Error) },
];

/// What a route that reads a body may answer besides.
pub(crate) static WITH_BODY: &[Described] = &[plain(413, "The body is too long", Content::Error)];
