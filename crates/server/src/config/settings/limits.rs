//! The settings of what clients may use. [`Limits`](crate::limits::Limits) says more about each.

use larder_engine::limits::KEY_BYTES_MAX;

use super::{
    Arity, Setting,
    values::{one, read_count, read_size, read_time},
};
use crate::config::duration;

pub(super) const ROWS: &[Setting] = &[
    Setting {
        key: "limits.connections",
        variable: "LARDER_LIMITS_CONNECTIONS",
        flag: "connections",
        value_name: "N",
        default: "1024",
        help: "Clients served at the same time, by all listeners together; one more is told so and closed",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_count(text, 1, 1_000_000)).map(|value| config.limits.connections = value)
        },
        show: |config| config.limits.connections.into(),
    },
    Setting {
        key: "limits.key_bytes",
        variable: "LARDER_LIMITS_KEY_BYTES",
        flag: "key-bytes",
        value_name: "SIZE",
        default: "64KiB",
        help: "The longest key",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            let max = KEY_BYTES_MAX as u64;
            one(texts, |text| read_size(text, 1, max)).map(|value| config.limits.key_bytes = saturate(value))
        },
        show: |config| config.limits.key_bytes.into(),
    },
    Setting {
        key: "limits.value_bytes",
        variable: "LARDER_LIMITS_VALUE_BYTES",
        flag: "value-bytes",
        value_name: "SIZE",
        default: "512MiB",
        help: "The longest value; one that cannot fit into the cache is refused in any case",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            let max = u64::from(u32::MAX);
            one(texts, |text| read_size(text, 1, max))
                .map(|value| config.limits.value_bytes = saturate(value))
        },
        show: |config| config.limits.value_bytes.into(),
    },
    Setting {
        key: "limits.output_bytes",
        variable: "LARDER_LIMITS_OUTPUT_BYTES",
        flag: "output-bytes",
        value_name: "SIZE",
        default: "1MiB",
        help: "Replies that may wait for one client to read before nothing more of it is executed",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 1, 1 << 40))
                .map(|value| config.limits.output_bytes = value as usize)
        },
        show: |config| config.limits.output_bytes.into(),
    },
    Setting {
        key: "limits.bytes_in_flight",
        variable: "LARDER_LIMITS_BYTES_IN_FLIGHT",
        flag: "bytes-in-flight",
        value_name: "SIZE",
        default: "1GiB",
        help: "Memory for unfinished requests and unread replies of all connections together",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 1, u64::MAX)).map(|value| config.limits.bytes_in_flight = value)
        },
        show: |config| config.limits.bytes_in_flight.into(),
    },
    Setting {
        key: "limits.discard_bytes",
        variable: "LARDER_LIMITS_DISCARD_BYTES",
        flag: "discard-bytes",
        value_name: "SIZE",
        default: "4GiB",
        help: "The longest part of a refused request that is read past; a longer one closes the connection",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 0, u64::MAX)).map(|value| config.limits.discard_bytes = value)
        },
        show: |config| config.limits.discard_bytes.into(),
    },
    Setting {
        key: "limits.auth_time",
        variable: "LARDER_LIMITS_AUTH_TIME",
        flag: "auth-time",
        value_name: "TIME|off",
        default: "10s",
        help: "How long a client may take to authorise itself where a token is set",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.auth_time = value),
        show: |config| duration::Shown(config.limits.auth_time).to_string().into(),
    },
    Setting {
        key: "limits.auth_delay",
        variable: "LARDER_LIMITS_AUTH_DELAY",
        flag: "auth-delay",
        value_name: "TIME|off",
        default: "100ms",
        help: "How long the answer to a wrong token waits; doubles with each further one from that address, up to 32 times",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, read_time).map(|value| config.limits.auth_delay = value.unwrap_or_default())
        },
        show: |config| {
            let delay = config.limits.auth_delay;
            duration::Shown((!delay.is_zero()).then_some(delay)).to_string().into()
        },
    },
    Setting {
        key: "limits.idle_time",
        variable: "LARDER_LIMITS_IDLE_TIME",
        flag: "idle-time",
        value_name: "TIME|off",
        default: "off",
        help: "How long a PaperCache client may be silent before it is disconnected",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.idle_time = value),
        show: |config| duration::Shown(config.limits.idle_time).to_string().into(),
    },
    Setting {
        key: "limits.crowded_time",
        variable: "LARDER_LIMITS_CROWDED_TIME",
        flag: "crowded-time",
        value_name: "TIME|off",
        default: "60s",
        help: "How long a client may be silent while others are refused because all connections are taken",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.crowded_time = value),
        show: |config| duration::Shown(config.limits.crowded_time).to_string().into(),
    },
    Setting {
        key: "limits.stall_time",
        variable: "LARDER_LIMITS_STALL_TIME",
        flag: "stall-time",
        value_name: "TIME|off",
        default: "30s",
        help: "How long a client may leave a reply unread, or a large request unfinished, without moving a byte",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.stall_time = value),
        show: |config| duration::Shown(config.limits.stall_time).to_string().into(),
    },
    Setting {
        key: "limits.stop_time",
        variable: "LARDER_LIMITS_STOP_TIME",
        flag: "stop-time",
        value_name: "TIME",
        default: "5s",
        help: "How long a stop waits for replies to be taken",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, read_time).map(|value| config.limits.stop_time = value.unwrap_or_default())
        },
        show: |config| {
            let time = config.limits.stop_time;
            duration::Shown((!time.is_zero()).then_some(time)).to_string().into()
        },
    },
];

fn saturate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
