//! The settings of the cache, of who may use it, and of the threads that serve it.

use larder_engine::{PolicyChoice, PolicyName};

use super::{
    Arity, Refusal, Setting,
    values::{choose, one, read_count, read_size},
};
use crate::config::Token;

pub(super) const ROWS: &[Setting] = &[
    Setting {
        key: "max_size",
        variable: "LARDER_MAX_SIZE",
        flag: "max-size",
        value_name: "SIZE",
        default: "2GiB",
        help: "The most that all entries together may take, their overhead included",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 1, u64::MAX)).map(|value| config.max_size = value)
        },
        show: |config| config.max_size.into(),
    },
    Setting {
        key: "policies",
        variable: "LARDER_POLICIES",
        flag: "policies",
        value_name: "LIST",
        default: "lfu,fifo,clock,sieve,lru,mru,2q-0.25-0.5,arc,s3-fifo-0.1",
        help: "The eviction policies that clients may choose from",
        arity: Arity::Commas,
        secret: false,
        read: |config, texts| read_policies(texts).map(|value| config.policies = value),
        show: |config| config.policies.iter().map(PolicyName::to_string).collect(),
    },
    Setting {
        key: "policy",
        variable: "LARDER_POLICY",
        flag: "policy",
        value_name: "NAME",
        default: "auto",
        help: "The eviction policy at the start: one of the policies, or auto, which picks among them",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_policy).map(|value| config.policy = value),
        show: |config| config.policy.to_string().into(),
    },
    Setting {
        key: "advise",
        variable: "LARDER_ADVISE",
        flag: "advise",
        value_name: "true|false",
        default: "false",
        help: "Watch what other policies would miss, and tell, without changing the policy: for one that is not auto",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, |text| choose(text, &TRUTH)).map(|value| config.advise = value),
        show: |config| config.advise.into(),
    },
    Setting {
        key: "tokens",
        variable: "LARDER_TOKEN",
        flag: "token",
        value_name: "TOKEN",
        default: "",
        help: "A token that authorises a client; without any, every client is authorised",
        arity: Arity::Whole,
        secret: true,
        read: |config, texts| read_tokens(texts).map(|value| config.tokens = value),
        show: |config| config.tokens.iter().map(|_| "***").collect(),
    },
    Setting {
        key: "allow_insecure",
        variable: "LARDER_ALLOW_INSECURE",
        flag: "allow-insecure",
        value_name: "true|false",
        default: "false",
        help: "Let a listener without authentication be reachable from other machines, or stand beside tokens",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| choose(text, &TRUTH)).map(|value| config.allow_insecure = value)
        },
        show: |config| config.allow_insecure.into(),
    },
    Setting {
        key: "workers",
        variable: "LARDER_WORKERS",
        flag: "workers",
        value_name: "N",
        default: "one per core",
        help: "Threads that serve connections",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_count(text, 1, 1024)).map(|value| config.workers = value)
        },
        show: |config| config.workers.into(),
    },
];

const TRUTH: [(&str, bool); 2] = [("true", true), ("false", false)];

fn read_policy(text: &str) -> Result<PolicyChoice, String> {
    text.parse().map_err(|error: larder_engine::PolicyNameError| error.to_string())
}

fn read_policies(texts: &[&str]) -> Result<Vec<PolicyName>, Refusal> {
    let mut policies = Vec::new();
    for (piece, text) in texts.iter().enumerate() {
        let refuse = |allowed: String| Refusal { piece, allowed };
        if *text == "auto" {
            return Err(refuse("policies that evict; auto is a value of `policy`".to_owned()));
        }
        let policy = text.parse::<PolicyName>().map_err(|error| refuse(error.to_string()))?;
        if policies.contains(&policy) {
            return Err(refuse(format!("each policy once, and {policy} is there already")));
        }
        policies.push(policy);
    }
    if policies.is_empty() {
        return Err(Refusal { piece: 0, allowed: "at least one policy".to_owned() });
    }
    Ok(policies)
}

fn read_tokens(texts: &[&str]) -> Result<Vec<Token>, Refusal> {
    let tokens = texts.iter().enumerate().map(|(piece, text)| {
        Token::new(*text).ok_or_else(|| Refusal { piece, allowed: "a token of at least one byte".to_owned() })
    });
    tokens.collect()
}
