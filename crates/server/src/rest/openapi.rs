//! The description of the API, made of the [table of routes](super::table) that serves it: OpenAPI 3.1 as JSON. What a schema cannot
//! say - that a stale window needs a time to live, that both together have a limit - the summaries do.

use serde_json::{Map, Value, json};

use super::{
    KEY_BYTES_MAX,
    route::{Content, Described, Field, Parameter, ParameterPlace, Place, Route, Schema},
    table::{ANYWHERE, EVERYWHERE, ROUTES, WITH_BODY},
};

/// What a key may be: its characters, no two dots in a row, no word that means something else in a path, and a name behind `ns:` and
/// `nsapi:`.
const KEY_PATTERN: &str =
    r"^(?!(\.|health|ttl|lock)$)(?!.*\.\.)(?!(ns|nsapi):(?![A-Za-z0-9_-]{1,64}:))[A-Za-z0-9_.:-]+$";

/// The whole description.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.place.path()).or_insert_with(|| path_item(route.place));
        if let Value::Object(path) = path {
            path.insert(route.method.as_str().to_ascii_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Larder",
            "summary": "The CacheKit REST API",
            "description": "Bytes under keys, with times to live, freshness and locks. Every answer has Cache-Control: no-store and Vary: Authorization.",
            "version": crate::VERSION,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        // A server without keys serves everybody who can reach it.
        "security": [{ "key": [] }, {}],
        "tags": [{ "name": "cache" }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key, which belongs to one tenant" },
            },
            "schemas": { "Error": error_schema() },
        },
    })
}

fn path_item(place: Place) -> Value {
    if !place.has_key() {
        return json!({});
    }
    json!({
        "parameters": [{
            "name": "key",
            "in": "path",
            "required": true,
            "description": "The key, every byte outside A-Z a-z 0-9 - . _ ~ escaped",
            "schema": { "type": "string", "minLength": 1, "maxLength": KEY_BYTES_MAX, "pattern": KEY_PATTERN },
        }],
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<_> = ANYWHERE.iter().chain(route.parameters).map(parameter).collect();
    let with_body = if route.body.is_some() { WITH_BODY } else { &[] };
    let mut responses = Map::new();
    // What a route says itself is more to the point.
    for described in EVERYWHERE.iter().chain(with_body).chain(route.answers) {
        responses.insert(described.status.to_string(), response(route, described));
    }
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "tags": ["cache"],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = route.body {
        // No bytes are a value as well, and a client need not send a body for them.
        let required = body != Content::Bytes;
        operation["requestBody"] = json!({ "required": required, "content": content(body) });
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": match parameter.place {
            ParameterPlace::Header => "header",
            ParameterPlace::Query => "query",
        },
        "description": parameter.summary,
        "schema": schema(parameter.schema),
    })
}

fn response(route: &Route, described: &Described) -> Value {
    let mut response = json!({ "description": described.summary });
    if !described.headers.is_empty() {
        let headers = described.headers.iter().map(|header| {
            let value = json!({ "description": header.summary, "schema": schema(header.schema) });
            (header.name.to_owned(), value)
        });
        response["headers"] = Value::Object(headers.collect());
    }
    if let Some(body) = described.body.filter(|_| route.method != hyper::Method::HEAD) {
        response["content"] = content(body);
    }
    response
}

fn content(content: Content) -> Value {
    match content {
        // Since OpenAPI 3.1 bytes have no schema.
        Content::Bytes => json!({ "application/octet-stream": {} }),
        Content::Object(fields) => json!({ "application/json": { "schema": object(fields) } }),
        Content::Error => {
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } })
        }
    }
}

fn object(fields: &[Field]) -> Value {
    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
    let properties = fields.iter().map(|field| {
        let mut schema = schema(field.schema);
        if field.nullable {
            schema["type"] = json!([schema["type"], "null"]);
        }
        (field.name.to_owned(), schema)
    });
    json!({
        "type": "object",
        "properties": Value::Object(properties.collect()),
        "required": names,
        "additionalProperties": false,
    })
}

fn schema(schema: Schema) -> Value {
    match schema {
        Schema::Integer { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Schema::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Schema::True => json!({ "type": "boolean", "const": true }),
        Schema::Text => json!({ "type": "string" }),
        Schema::Words(words) => json!({ "type": "string", "enum": words }),
    }
}

fn error_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": { "code": text, "message": text },
                "required": ["code", "message"],
                "additionalProperties": false,
            },
        },
        "required": ["error"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use hyper::{
        HeaderMap,
        header::{self, HeaderName},
    };

    use super::*;
    use crate::rest::{
        answer::Answer,
        refusal::{KeyFault, Refusal},
    };

    #[test]
    fn the_file_in_docs_is_what_the_routes_make() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        let made = format!("{:#}\n", document());
        if std::env::var_os("LARDER_WRITE_DOCS").is_some() {
            fs::write(&file, &made).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == made, "run this test with LARDER_WRITE_DOCS=1 to write {}", file.display());
    }

    #[test]
    fn whatever_a_request_is_refused_for_is_described() {
        let document = document();
        let refusals = [
            Refusal::NoHost,
            Refusal::Coding,
            Refusal::NoKey,
            Refusal::WrongKey,
            Refusal::TooFast(1),
            Refusal::L1Status,
            Refusal::Space,
            Refusal::Method { allowed: Place::Entry },
            Refusal::Key(KeyFault::Empty),
            Refusal::Repeated,
            Refusal::Busy,
        ];
        let with_body =
            [Refusal::BodySlow, Refusal::BodyBroken, Refusal::ValueTooLarge, Refusal::BodyTooLarge];
        for route in ROUTES {
            let method = route.method.as_str().to_ascii_lowercase();
            let responses = &document["paths"][route.place.path()][method]["responses"];
            let given = refusals.iter().chain(with_body.iter().filter(|_| route.body.is_some()));
            for refusal in given {
                let response = &responses[refusal.status().as_str()];
                assert!(response.is_object(), "{}: {refusal:?}", route.operation);
                let answer = Answer::from(*refusal).into_response(HeaderMap::new());
                for name in answer.headers().keys().filter(|name| !EVERY_ANSWER.contains(name)) {
                    let headers = response["headers"].as_object().unwrap();
                    let is_described =
                        headers.keys().any(|described| described.eq_ignore_ascii_case(name.as_str()));
                    assert!(is_described, "{}: {refusal:?}: {name}", route.operation);
                }
            }
        }
    }

    /// What every answer has, and what HTTP says of every body.
    const EVERY_ANSWER: [HeaderName; 5] = [
        header::CACHE_CONTROL,
        header::VARY,
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONNECTION,
    ];

    #[test]
    fn every_route_is_described_once() {
        let document = document();
        let names: HashSet<_> = ROUTES.iter().map(|route| route.operation).collect();
        assert_eq!(names.len(), ROUTES.len());
        for route in ROUTES {
            let method = route.method.as_str().to_ascii_lowercase();
            assert_eq!(document["paths"][route.place.path()][method]["operationId"], route.operation);
        }
    }
}
