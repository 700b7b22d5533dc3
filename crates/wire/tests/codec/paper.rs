//! PaperCache messages for the properties of `stream.rs`: requests as a server reads them, the handshake and replies as
//! a client does.

use crate::paper_vectors;
use crate::stream::{Message, Protocol, Script, Seen, properties};
use larder_wire::Decoded;
use larder_wire::paper::{
    self, Booleans, Command, Error, Handshake, Limits, Part, Reply, ReplyLimits, Request, Status, reply,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

struct Requests {
    limits: Limits,
}

/// Small enough for anything to cross them.
const REQUESTS: Requests =
    Requests { limits: Limits { key_bytes_max: 24, value_bytes_max: 48, text_bytes_max: 16 } };

/// Where in the stream a server is.
#[derive(Debug, Clone, Copy)]
enum At {
    Request,
    /// Behind the key of a SET that was too long.
    Rest,
}

impl Protocol for Requests {
    type Context = At;

    fn decode(&self, at: &At, input: &[u8]) -> Result<Decoded<Seen>, String> {
        let decoded = match at {
            At::Request => paper::decode(input, &self.limits),
            At::Rest => Ok(paper::decode_rest(input)),
        };
        match decoded {
            Ok(Decoded::Need(bytes)) => Ok(Decoded::Need(bytes)),
            Ok(Decoded::Frame { value, used }) => {
                let value = Seen { text: format!("{value:?}"), discard: value.discard() };
                Ok(Decoded::Frame { value, used })
            }
            Err(violation) => Err(format!("{violation:?}")),
        }
    }

    fn frame_bytes_max(&self) -> usize {
        self.limits.frame_bytes_max() as usize
    }

    fn scripts(&self) -> Vec<Script<At>> {
        let vectors = paper_vectors::read();
        // Those within the limits here.
        let fitting = vectors.requests.iter().filter(|vector| vector.hex.0.len() <= 40);
        let mut messages: Vec<_> =
            fitting.map(|vector| message(vector.hex.0.clone(), &vector.request())).collect();
        messages.extend(OVERSIZED.map(|(command, part)| oversized(command, part, 50)));
        messages.extend([oversized(Command::Set, Part::Key, 50), rest(60)]);
        messages.extend([message(vec![Command::Ping.byte()], &Request::Ping)]);
        let mut scripts = vec![Script { messages: messages.clone(), violation: None }];
        scripts.extend(vectors.request_violations.iter().map(|vector| Script {
            messages: messages[..3].to_vec(),
            violation: Some(Message {
                context: At::Request,
                bytes: vector.hex.0.clone(),
                text: format!("{:?}", vector.violation()),
            }),
        }));
        scripts
    }

    fn messages(&self) -> BoxedStrategy<Message<At>> {
        let fields = (vec(any::<u8>(), 0..=24), vec(any::<u8>(), 0..=48), vec(any::<u8>(), 0..=16));
        let numbers = (any::<u32>(), any::<u64>());
        let encoded = (select(&Command::ALL[..]), fields, numbers).prop_map(|(command, fields, numbers)| {
            let request = request(command, &fields, numbers);
            let mut bytes = Vec::new();
            request.encode(&mut bytes).unwrap();
            message(bytes, &request)
        });
        let key_of_set = (25..120_u32).prop_map(|len| oversized(Command::Set, Part::Key, len));
        let oversized = (select(&OVERSIZED[..]), 49..120_u32)
            .prop_map(|((command, part), len)| oversized(command, part, len));
        let rest = (0..120_u32).prop_map(rest);
        prop_oneof![12 => encoded, 2 => oversized, 1 => key_of_set, 1 => rest].boxed()
    }

    fn contexts(&self) -> BoxedStrategy<At> {
        prop_oneof![9 => Just(At::Request), 1 => Just(At::Rest)].boxed()
    }
}

fn message(bytes: Vec<u8>, request: &Request<'_>) -> Message<At> {
    Message { context: At::Request, bytes, text: format!("{request:?}") }
}

fn request<'b>(
    command: Command,
    (key, value, text): &'b (Vec<u8>, Vec<u8>, Vec<u8>),
    (ttl_s, size): (u32, u64),
) -> Request<'b> {
    match command {
        Command::Ping => Request::Ping,
        Command::Version => Request::Version,
        Command::Auth => Request::Auth { token: text },
        Command::Get => Request::Get { key },
        Command::Set => Request::Set { key, value, ttl_s },
        Command::Del => Request::Del { key },
        Command::Has => Request::Has { key },
        Command::Peek => Request::Peek { key },
        Command::Ttl => Request::Ttl { key, ttl_s },
        Command::Size => Request::Size { key },
        Command::Wipe => Request::Wipe,
        Command::Resize => Request::Resize { size },
        Command::Policy => Request::Policy { name: text },
        Command::Status => Request::Status,
    }
}

/// All parts that can be oversized and have all that follows them discarded at once.
const OVERSIZED: [(Command, Part); 9] = [
    (Command::Auth, Part::Text),
    (Command::Get, Part::Key),
    (Command::Set, Part::Value),
    (Command::Del, Part::Key),
    (Command::Has, Part::Key),
    (Command::Peek, Part::Key),
    (Command::Ttl, Part::Key),
    (Command::Size, Part::Key),
    (Command::Policy, Part::Text),
];

/// A request whose `part` has `len` bytes, above every limit of `REQUESTS`, with all of them.
fn oversized(command: Command, part: Part, len: u32) -> Message<At> {
    let mut bytes = vec![command.byte()];
    if part == Part::Value {
        bytes.extend_from_slice(b"\x03\0\0\0key");
    }
    bytes.extend_from_slice(&len.to_le_bytes());
    let after = match (command, part) {
        (Command::Set, Part::Value) | (Command::Ttl, _) => 4,
        _ => 0,
    };
    let discard = u64::from(len) + after;
    bytes.extend((0..discard).map(|at| at as u8));
    let max = match part {
        Part::Key => REQUESTS.limits.key_bytes_max,
        Part::Value => REQUESTS.limits.value_bytes_max,
        Part::Text => REQUESTS.limits.text_bytes_max,
    };
    message(bytes, &Request::Oversized { command, part, len, max, discard })
}

/// What follows a key above its limit in a SET: a value of `len` bytes and its length, a TTL.
fn rest(len: u32) -> Message<At> {
    let discard = u64::from(len) + 4;
    let mut bytes = len.to_le_bytes().to_vec();
    bytes.extend((0..discard).map(|at| at as u8));
    Message { context: At::Rest, bytes, text: format!("{:?}", Request::Rest { discard }) }
}

/// What a client is waiting for.
#[derive(Debug, Clone, Copy)]
enum Awaited {
    Handshake,
    ReplyTo(Command),
}

struct Replies {
    limits: ReplyLimits,
}

const REPLIES: Replies =
    Replies { limits: ReplyLimits { value_bytes_max: 300, text_bytes_max: 16, policies_max: 9 } };

impl Protocol for Replies {
    type Context = Awaited;

    fn decode(&self, awaited: &Awaited, input: &[u8]) -> Result<Decoded<Seen>, String> {
        let decoded = match awaited {
            Awaited::Handshake => shown(paper::decode_handshake(input)),
            Awaited::ReplyTo(command) => shown(paper::decode_reply(input, *command, &self.limits)),
        };
        decoded.map_err(|violation| format!("{violation:?}"))
    }

    fn frame_bytes_max(&self) -> usize {
        let ReplyLimits { value_bytes_max, text_bytes_max, policies_max } = self.limits;
        let name = 4 + text_bytes_max as usize;
        let status = 1 + 4 + 8 * 8 + 8 + 4 + policies_max as usize * name + name + 1 + 8;
        status.max(5 + value_bytes_max as usize)
    }

    fn scripts(&self) -> Vec<Script<Awaited>> {
        let vectors = paper_vectors::read();
        let handshakes = vectors.handshakes.iter().map(|vector| Message {
            context: Awaited::Handshake,
            bytes: vector.hex.0.clone(),
            text: format!("{:?}", vector.handshake()),
        });
        let replies = vectors.replies.iter().map(|vector| Message {
            context: Awaited::ReplyTo(vector.command()),
            bytes: vector.hex.0.clone(),
            text: format!("{:?}", vector.reply()),
        });
        let messages: Vec<_> = handshakes.chain(replies).collect();
        messages.chunks(12).map(|messages| Script { messages: messages.to_vec(), violation: None }).collect()
    }

    fn messages(&self) -> BoxedStrategy<Message<Awaited>> {
        let handshake = any::<bool>().prop_map(|admitted| {
            let mut bytes = Vec::new();
            if admitted {
                reply::admitted(&mut bytes);
            } else {
                reply::refused(&mut bytes);
            }
            let handshake =
                if admitted { Handshake::Admitted } else { Handshake::Refused(Error::MaxConnections) };
            Message { context: Awaited::Handshake, bytes, text: format!("{handshake:?}") }
        });
        let parts = (vec(any::<u8>(), 0..=300), any::<bool>(), any::<u32>(), status());
        let error = prop::option::weighted(0.2, select(&Error::ALL[..]));
        let booleans = select(&[Booleans::Clients, Booleans::Published][..]);
        let reply = (select(&Command::ALL[..]), error, parts, booleans).prop_map(
            |(command, error, (value, boolean, size, status), booleans)| {
                let reply = match (error, command) {
                    (Some(error), _) => Reply::Error(error),
                    (None, Command::Ping | Command::Version | Command::Get | Command::Peek) => {
                        Reply::Bytes(&value)
                    }
                    (None, Command::Has) => Reply::Boolean(boolean),
                    (None, Command::Size) => Reply::Size(size),
                    (None, Command::Status) => Reply::Status(status),
                    (None, _) => Reply::Ok,
                };
                let mut bytes = Vec::new();
                paper_vectors::write(&mut bytes, &reply, booleans);
                Message { context: Awaited::ReplyTo(command), bytes, text: format!("{reply:?}") }
            },
        );
        prop_oneof![1 => handshake, 9 => reply].boxed()
    }

    fn contexts(&self) -> BoxedStrategy<Awaited> {
        prop_oneof![
            1 => Just(Awaited::Handshake),
            9 => select(&Command::ALL[..]).prop_map(Awaited::ReplyTo),
        ]
        .boxed()
    }
}

fn shown<T: std::fmt::Debug, V>(decoded: Result<Decoded<T>, V>) -> Result<Decoded<Seen>, V> {
    decoded.map(|decoded| match decoded {
        Decoded::Need(bytes) => Decoded::Need(bytes),
        Decoded::Frame { value, used } => {
            Decoded::Frame { value: Seen { text: format!("{value:?}"), discard: 0 }, used }
        }
    })
}

fn status() -> impl Strategy<Value = Status<'static>> {
    let names = vec("[a-z0-9.-]{0,16}", 0..=9);
    let rest = ("[a-z0-9é]{0,8}", any::<bool>(), any::<u64>());
    (any::<u32>(), any::<[u64; 8]>(), any::<f64>(), names, rest).prop_map(
        |(pid, numbers, miss_ratio, policies, (policy, is_auto, uptime_ms))| {
            let [max_size, used_size, num_objects, rss, hwm, gets, sets, dels] = numbers;
            let policies = policies.into_iter().map(Into::into).collect();
            let policy = policy.into();
            Status {
                pid,
                max_size,
                used_size,
                num_objects,
                rss,
                hwm,
                gets,
                sets,
                dels,
                miss_ratio,
                policies,
                policy,
                is_auto,
                uptime_ms,
            }
        },
    )
}

properties!(requests, REQUESTS);
properties!(replies, REPLIES);
