//! How long decoding takes: 64 pipelined requests of each protocol, as a server finds them in its buffer after one
//! read, and the check that a value is JSON.
#![allow(missing_docs, reason = "the macros below document nothing")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use larder_wire::{Decoded, paper, seriput};
use std::hint::black_box;

const PIPELINED: u64 = 64;

fn key(at: u64) -> String {
    format!("user:{at:011}")
}

fn paper_requests(c: &mut Criterion) {
    let limits = paper::Limits::default();
    let mut group = c.benchmark_group("paper requests");
    group.throughput(Throughput::Elements(PIPELINED));
    let value = [7; 64];
    let mut stream = |name: &str, write: &dyn Fn(&str, &mut Vec<u8>)| {
        let mut input = Vec::new();
        (0..PIPELINED).for_each(|at| write(&key(at), &mut input));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut rest = black_box(&input[..]);
                while let Ok(Decoded::Frame { value, used }) = paper::decode(rest, &limits) {
                    black_box(value);
                    rest = &rest[used..];
                }
                assert!(rest.is_empty());
            });
        });
    };
    stream("GET", &|key, out| paper::Request::Get { key: key.as_bytes() }.encode(out).unwrap());
    stream("SET of 64 bytes", &|key, out| {
        paper::Request::Set { key: key.as_bytes(), value: &value, ttl_s: 0 }.encode(out).unwrap();
    });
    group.finish();
}

fn seriput_requests(c: &mut Criterion) {
    let limits = seriput::Limits::default();
    let mut group = c.benchmark_group("seriput requests");
    group.throughput(Throughput::Elements(PIPELINED));
    let value = "{\"name\":\"Alice\",\"age\":30}";
    let mut stream = |name: &str, write: &dyn Fn(&str, &mut Vec<u8>)| {
        let mut input = Vec::new();
        (0..PIPELINED).for_each(|at| write(&key(at), &mut input));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut rest = black_box(&input[..]);
                while let Ok(Decoded::Frame { value, used }) = seriput::decode(rest, &limits) {
                    black_box(value);
                    rest = &rest[used..];
                }
                assert!(rest.is_empty());
            });
        });
    };
    stream("GET", &|key, out| seriput::Request::Get { key, discard: 0 }.encode(out).unwrap());
    stream("PUT of 25 bytes", &|key, out| {
        let value_type = seriput::ValueType::Json;
        seriput::Request::Put { key, value_type, value: value.as_bytes() }.encode(out).unwrap();
    });
    group.finish();
}

fn paper_replies(c: &mut Criterion) {
    let mut group = c.benchmark_group("paper replies");
    group.throughput(Throughput::Elements(PIPELINED));
    let value = [7; 64];
    let mut out = Vec::new();
    group.bench_function("64 bytes", |b| {
        b.iter(|| {
            out.clear();
            for _ in 0..PIPELINED {
                paper::reply::bytes(&mut out, black_box(&value));
            }
            black_box(out.len())
        });
    });
    group.finish();
}

fn json(c: &mut Criterion) {
    let members: Vec<_> = (0..100)
        .map(|at| serde_json::json!({"id": at, "name": key(at), "tags": ["a", "bc", null, true], "score": 1.5}))
        .collect();
    let texts = [
        ("one plain string", serde_json::to_vec(&"plain text, ".repeat(1_000))),
        ("one string of Cyrillic", serde_json::to_vec(&"простой текст, ".repeat(500))),
        ("a hundred small objects", serde_json::to_vec(&members)),
    ];
    let mut group = c.benchmark_group("json");
    for (name, text) in texts {
        let text = text.unwrap();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| seriput::json::check(black_box(&text))));
    }
    group.finish();
}

criterion_group!(benches, paper_requests, seriput_requests, paper_replies, json);
criterion_main!(benches);
