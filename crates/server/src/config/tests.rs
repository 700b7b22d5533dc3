use std::{collections::HashMap, fs, io::Write, path::Path, time::Duration};

use tempfile::NamedTempFile;

use super::*;

/// A file that ends with `suffix`.
fn file(suffix: &str, text: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn resolve_with(
    file: Option<&NamedTempFile>,
    variables: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Resolved, ConfigErrors> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let flag = |(flag, value): &(&str, &str)| {
        let setting = SETTINGS.iter().find(|setting| setting.flag == *flag).unwrap();
        (setting, vec![(*value).to_owned()])
    };
    resolve(&Sources {
        file: file.map(|file| file.path().to_owned()),
        variable: &|name| variables.get(name).map(|value| Ok((*value).to_owned())),
        flags: flags.iter().map(flag).collect(),
    })
}

/// The errors as an operator reads them, with `FILE` for the name of the file.
fn errors(file: &NamedTempFile, variables: &[(&str, &str)]) -> Vec<String> {
    let errors = resolve_with(Some(file), variables, &[]).unwrap_err();
    let name = file.path().display().to_string();
    errors.0.iter().map(|error| error.to_string().replace(&name, "FILE")).collect()
}

fn origin_of<'r>(resolved: &'r Resolved, key: &str) -> &'r Origin {
    &resolved.origins[settings::index_of(key).unwrap()]
}

#[test]
fn without_sources_the_defaults_hold_and_are_what_the_table_says() {
    let resolved = resolve_with(None, &[], &[]).unwrap();
    assert_eq!(resolved.config, Config::default());
    for setting in SETTINGS.iter() {
        let as_written = setting.split(setting.default);
        let texts: Vec<_> = as_written.iter().map(String::as_str).collect();
        let mut config = Config::default();
        if !["tokens", "workers", "api_key", "tenant", "rest.tls_cert", "rest.tls_key"].contains(&setting.key)
        {
            assert!(setting.read(&mut config, &texts).is_ok(), "{}", setting.key);
        }
        assert_eq!(config, Config::default(), "{}", setting.key);
    }
}

#[test]
fn names_follow_one_rule_and_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for setting in SETTINGS.iter() {
        let variable = format!("LARDER_{}", setting.key.replace('.', "_").to_uppercase());
        if setting.key != "tokens" {
            assert_eq!(setting.variable, variable);
        }
        for name in [setting.key, setting.variable, setting.flag] {
            assert!(seen.insert(name) || setting.key == setting.flag, "{name} twice");
        }
    }
}

#[test]
fn later_sources_win_and_every_value_knows_its_origin() {
    let file = file(".toml", "max_size = \"1MiB\"\nworkers = 3\n\n[limits]\nconnections = 7\n");
    let resolved = resolve_with(
        Some(&file),
        &[("LARDER_WORKERS", "4"), ("LARDER_LIMITS_CONNECTIONS", "8")],
        &[("connections", "9")],
    )
    .unwrap();
    assert_eq!(resolved.config.max_size, 1 << 20);
    assert_eq!(resolved.config.workers, 4);
    assert_eq!(resolved.config.limits.connections, 9);
    let path = file.path().to_owned();
    assert_eq!(*origin_of(&resolved, "max_size"), Origin::File { path, line: 1 });
    assert_eq!(*origin_of(&resolved, "workers"), Origin::Variable("LARDER_WORKERS"));
    assert_eq!(*origin_of(&resolved, "limits.connections"), Origin::Flag("connections"));
    assert_eq!(*origin_of(&resolved, "policy"), Origin::Default);
}

#[test]
fn a_toml_file_sets_everything() {
    let file = file(
        ".toml",
        r#"
max_size = 1_000_000
policies = ["lru", "s3-fifo-0.10"]
policy = "s3-fifo-.1"
tokens = ["one", "two"]
allow_insecure = true
workers = 2
[paper]
listen = "[::1]:4000"
booleans = "published"
[seriput]
listen = "cache:9091"
validate = "none"
idle_time = "1h"
[rest]
listen = "0.0.0.0:80"
idle_time = "off"
tls_cert = "cert.pem"
tls_key = "key.pem"
[[api_key]]
key = "ck_live_a_0123456789"
tenant = "one"
[[api_key]]
key = "ck_sdk_b_0123456789"
[[tenant]]
name = "one"
max_size = "1000"
requests_per_second = 7
[limits]
connections = 5
key_bytes = "1k"
value_bytes = "1.5M"
output_bytes = "64KiB"
bytes_in_flight = "10M"
discard_bytes = 0
auth_time = "off"
auth_delay = "off"
idle_time = "5m"
crowded_time = "2m"
stall_time = "250ms"
stop_time = "1s"
[log]
format = "json"
level = "debug"
"#,
    );
    let config = resolve_with(Some(&file), &[], &[]).unwrap().config;
    assert_eq!(config.paper.listen, Listen::Address("[::1]:4000".to_owned()));
    assert_eq!(config.paper.booleans, Booleans::Published);
    assert_eq!(
        config.seriput,
        SeriputConfig {
            listen: Listen::Address("cache:9091".to_owned()),
            validate: Validate::None,
            idle_time: Some(Duration::from_secs(3600)),
        }
    );
    let listen = Listen::Address("0.0.0.0:80".to_owned());
    assert_eq!(
        config.rest,
        RestConfig {
            listen,
            idle_time: None,
            tls: Some(("cert.pem".into(), "key.pem".into())),
            keys: vec![
                ApiKey::read("ck_live_a_0123456789=one").unwrap(),
                ApiKey::read("ck_sdk_b_0123456789=default").unwrap()
            ],
            tenants: vec![TenantConfig::read("one,max_size=1000,requests_per_second=7").unwrap()],
        }
    );
    assert_eq!(config.max_size, 1_000_000);
    assert_eq!(show::join(&config.policies), "lru,s3-fifo-0.1");
    assert_eq!(config.policy.to_string(), "s3-fifo-0.1");
    assert_eq!(config.tokens, [Token::new("one").unwrap(), Token::new("two").unwrap()]);
    assert!(config.allow_insecure);
    assert_eq!(
        config.limits,
        Limits {
            connections: 5,
            key_bytes: 1000,
            value_bytes: 1_500_000,
            output_bytes: 65_536,
            bytes_in_flight: 10_000_000,
            discard_bytes: 0,
            auth_time: None,
            auth_delay: Duration::ZERO,
            idle_time: Some(Duration::from_secs(300)),
            crowded_time: Some(Duration::from_secs(120)),
            stall_time: Some(Duration::from_millis(250)),
            stop_time: Duration::from_secs(1),
        }
    );
    assert_eq!(config.log, LogConfig { format: LogFormat::Json, level: LogLevel::Debug });
}

#[test]
fn all_errors_of_a_toml_file_are_listed_with_their_lines() {
    let file = file(
        ".toml",
        "max_size = \"lots\"\nmax_sice = 1\n[paper]\nlisten = 3145\n[limits]\nconnections = 0\nauth_time = \"10\"\n\
         nonsense = true\n[log]\nlevel = \"loud\"\n",
    );
    let errors = errors(&file, &[("LARDER_WORKERS", "many")]);
    let expected = [
        ("FILE:1: max_size: found \"lots\"; allowed: a size is a number", ""),
        ("FILE:2: there is no key `max_sice`; allowed here: paper, seriput, rest, api_key, tenant", ""),
        ("FILE:4: paper.listen: found \"3145\"; allowed: HOST:PORT", "or off"),
        ("FILE:6: limits.connections: found \"0\"; allowed: a whole number from 1 to 1000000", ""),
        ("FILE:7: limits.auth_time: found \"10\"; allowed: a whole number with a unit", ""),
        ("FILE:8: there is no key `limits.nonsense`; allowed here: connections, key_bytes", ""),
        ("FILE:10: log.level: found \"loud\"; allowed: off, error, warn, info, debug, trace", ""),
        ("LARDER_WORKERS: workers: found \"many\"; allowed: a whole number from 1 to 1024", ""),
    ];
    for (start, end) in expected {
        let found = errors.iter().any(|error| error.starts_with(start) && error.ends_with(end));
        assert!(found, "{start}… not in\n{}", errors.join("\n"));
    }
    assert_eq!(errors.len(), expected.len(), "{}", errors.join("\n"));
}

#[test]
fn a_key_is_of_one_tenant() {
    let digest = "0".repeat(64);
    let keys = format!("[[api_key]]\nsha256 = \"{digest}\"\ntenant = \"a\"\n");
    let file = file(".toml", &format!("{keys}{}", keys.replace("\"a\"", "\"b\"")));
    let found = errors(&file, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("FILE:4: api_key: ") && found[0].contains("of the tenant a already"),
        "{found:?}"
    );
}

#[test]
fn errors_come_in_the_order_of_their_places() {
    let file = file(".toml", "b = 1\nmax_size = 0\na = 1\n[log]\nlevel = 1\n");
    let found = errors(&file, &[("LARDER_WORKERS", "0"), ("LARDER_ADVISE", "maybe")]);
    let places: Vec<_> = found.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["FILE:1", "FILE:2", "FILE:3", "FILE:5", "LARDER_ADVISE", "LARDER_WORKERS"]);
    // Each key that is allowed is named once.
    let named = found[0].split("allowed here: ").nth(1).unwrap().split(", ");
    let distinct: std::collections::HashSet<_> = named.clone().collect();
    assert_eq!(distinct.len(), named.count(), "{}", found[0]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    for (suffix, text) in [(".pconf", "\u{feff}max_size=1\n"), (".toml", "\u{feff}max_size = 1\n")] {
        assert_eq!(resolve_with(Some(&file(suffix, text)), &[], &[]).unwrap().config.max_size, 1);
    }
}

#[test]
fn an_element_of_a_list_has_its_own_line() {
    let file = file(".toml", "policies = [\n  \"lru\",\n  \"LFU\",\n]\n");
    let errors = errors(&file, &[]);
    assert!(errors[0].starts_with("FILE:3: policies: found \"LFU\""), "{errors:?}");
}

#[test]
fn values_of_the_wrong_type_are_errors() {
    for (text, start) in [
        ("max_size = [1]", "FILE:1: max_size: found a value of type array; allowed: a single value"),
        ("paper = 1", "FILE:1: `paper` is a table"),
        ("policies = [[\"lru\"]]", "FILE:1: policies: found a value of type array; allowed: a list of texts"),
        ("policies = []", "FILE:1: policies: found nothing; allowed: at least one policy"),
        ("max_size = 1979-05-27", "FILE:1: max_size: found a value of type datetime"),
        ("max_size = 0", "FILE:1: max_size: found \"0\"; allowed: at least 1 byte"),
        ("workers = -1", "FILE:1: workers: found \"-1\""),
        ("x = 1\nmax_size = \"unclosed", "FILE:2: "),
    ] {
        let found = errors(&file(".toml", text), &[]);
        assert!(found[0].starts_with(start), "{text}: {found:?}");
    }
}

#[test]
fn settings_that_cannot_be_together_name_the_one_to_change() {
    for (text, start) in [
        ("policies = [\"fifo\"]\npolicy = \"lru\"", "FILE:2: policy: lru is not among the policies fifo"),
        (
            "[limits]\nbytes_in_flight = 1000",
            "FILE:2: limits.bytes_in_flight: 1000 is less than one request may",
        ),
        (
            "[paper]\nlisten = \"off\"\n[seriput]\nlisten = \"off\"\n[rest]\nlisten = \"off\"",
            "FILE:2: paper.listen: every listener is off",
        ),
    ] {
        let found = errors(&file(".toml", text), &[]);
        assert!(found[0].starts_with(start), "{text}: {found:?}");
    }
}

#[test]
fn whoever_chooses_the_policies_need_not_choose_the_first() {
    let resolved = resolve_with(None, &[], &[("policies", "fifo, sieve")]).unwrap();
    assert_eq!(resolved.config.policy.to_string(), "auto");
}

#[test]
fn a_papercache_file_is_read_as_it_is() {
    let text = "# A comment\r\n\r\nhost=0.0.0.0\r\nport=4000\r\nmax_size=64 MiB\r\n  policies[]=lfu\r\n\
                policies[]=2q-0.250-0.50\r\npolicy=auto\r\nmax_connections=1\r\nmax_connections=20\r\n\
                auth_token=c2VjcmV0PQ==\r\n";
    let file = file(".pconf", text);
    let resolved = resolve_with(Some(&file), &[], &[]).unwrap();
    let config = &resolved.config;
    assert_eq!(config.paper.listen, Listen::Address("0.0.0.0:4000".to_owned()));
    assert_eq!(config.max_size, 64 << 20);
    assert_eq!(show::join(&config.policies), "lfu,2q-0.25-0.5");
    assert_eq!(config.policy, PolicyChoice::Auto);
    assert_eq!(config.limits.connections, 20, "the last one wins");
    assert_eq!(config.tokens, [Token::new("c2VjcmV0PQ==").unwrap()]);
    let path = file.path().to_owned();
    assert_eq!(*origin_of(&resolved, "limits.connections"), Origin::File { path, line: 10 });
}

#[test]
fn with_a_papercache_file_nothing_else_listens_unless_it_is_asked_for() {
    let file = file(".pconf", "max_size=1M\nauth_token=secret\n");
    let resolved = resolve_with(Some(&file), &[], &[]).unwrap();
    for (key, listen) in
        [("seriput.listen", &resolved.config.seriput.listen), ("rest.listen", &resolved.config.rest.listen)]
    {
        assert_eq!(*listen, Listen::Off);
        let origin = origin_of(&resolved, key).to_string();
        assert!(origin.ends_with(".pconf is a PaperCache file"), "{origin}");
    }
    assert!(resolved.notes.is_empty(), "{:?}", resolved.notes);
    let asked = [("seriput", "127.0.0.1:9090"), ("rest", "127.0.0.1:8080")];
    let resolved = resolve_with(Some(&file), &[], &asked).unwrap();
    assert_eq!(resolved.config.seriput.listen, Listen::Address("127.0.0.1:9090".to_owned()));
    assert_eq!(resolved.config.rest.listen, Listen::Address("127.0.0.1:8080".to_owned()));
}

#[test]
fn where_tokens_are_set_a_listener_that_cannot_ask_for_them_is_off_unless_it_is_asked_for() {
    let resolved = resolve_with(None, &[("LARDER_TOKEN", "secret")], &[("allow-insecure", "true")]).unwrap();
    assert_eq!(resolved.config.seriput.listen, Listen::Off);
    assert_eq!(resolved.config.rest.listen, Listen::Off);
    assert_eq!(origin_of(&resolved, "seriput.listen").to_string(), "tokens are set");
    assert_eq!(origin_of(&resolved, "rest.listen").to_string(), "tokens are set");
    let [seriput, rest] = &resolved.notes[..] else { panic!("{:?}", resolved.notes) };
    assert!(seriput.starts_with("the Seriput listener is off: tokens are set"), "{seriput}");
    assert!(rest.starts_with("the REST listener is off: tokens are set"), "{rest}");
    for asked in ["127.0.0.1:9090", "127.0.0.1:7"] {
        let flags = [("token", "secret"), ("seriput", asked), ("rest", asked)];
        let resolved = resolve_with(None, &[], &flags).unwrap();
        assert_eq!(resolved.config.seriput.listen, Listen::Address(asked.to_owned()));
        assert_eq!(resolved.config.rest.listen, Listen::Address(asked.to_owned()));
        assert!(resolved.notes.is_empty());
    }
    let flags = [("token", "secret"), ("seriput", "off"), ("rest", "off")];
    let resolved = resolve_with(None, &[], &flags).unwrap();
    assert!(resolved.notes.is_empty(), "who turned it off knows");
}

#[test]
fn a_papercache_file_need_not_be_called_one() {
    let file = file(".conf", "# drop-in\nport=4000\nmax_size=1M\n");
    let config = resolve_with(Some(&file), &[], &[]).unwrap().config;
    assert_eq!(config.paper.listen, Listen::Address("127.0.0.1:4000".to_owned()));
}

#[test]
fn variables_in_a_papercache_file_are_expanded_and_must_be_set() {
    let file = file(".pconf", "max_size=$SIZE\nauth_token= $TOKEN\nport=$PORT\n");
    let variables = [("SIZE", "1.5G"), ("TOKEN", "$literally="), ("PORT", "0")];
    let config = resolve_with(Some(&file), &variables, &[]).unwrap().config;
    assert_eq!(config.max_size, 1_500_000_000);
    assert_eq!(config.tokens, [Token::new("$literally=").unwrap()]);

    let nameless = errors(&self::file(".pconf", "port=$\n"), &[]);
    assert!(nameless[0].starts_with("FILE:1: port: found \"$\" without a name"), "{nameless:?}");

    assert_eq!(
        errors(&file, &[("SIZE", "1"), ("PORT", "0")]),
        ["FILE:2: auth_token: the environment variable TOKEN is not set; set it, or write the value itself"]
    );
}

#[test]
fn all_errors_of_a_papercache_file_are_listed_with_their_lines() {
    let text = "port = 3145\nport=65536\nmax_size=0\nmax_size=1,000\npolicies[]=auto\npolicies[]=LRU\npolicies[]=lru\n\
                policies[]=2q-0.25-0.5\npolicies[]=2q-.250-.50\nmax_connections=0\nauth_token=\nwhat=1\nnothing\n\
                max_size=1k # a comment\npolicy=mru\nhost=\n";
    let errors = errors(&file(".pconf", text), &[]);
    let expected = [
        "FILE:1: there is no key `port `; allowed in a PaperCache file: host, port",
        "FILE:2: port: found \"65536\"; allowed: a port from 0 to 65535",
        "FILE:3: max_size: found \"0\"; allowed: at least 1 byte",
        "FILE:4: max_size: found \"1,000\"; allowed: a size is",
        "FILE:5: policies[]: found \"auto\"",
        "FILE:6: policies[]: found \"LRU\"",
        "FILE:9: policies[]: found \"2q-.250-.50\"; allowed: each policy once",
        "FILE:10: max_connections: found \"0\"",
        "FILE:11: auth_token: found ***; allowed: a token of at least one byte",
        "FILE:12: there is no key `what`",
        "FILE:13: a line is key=value",
        "FILE:14: max_size: found \"1k # a comment\"",
        "FILE:15: policy: mru is not among the policies lru,2q-0.25-0.5",
        "FILE:16: host: found \"\"; allowed: a name or an address",
    ];
    for start in expected {
        assert!(
            errors.iter().any(|error| error.starts_with(start)),
            "{start}… not in\n{}",
            errors.join("\n")
        );
    }
    assert_eq!(errors.len(), expected.len(), "{}", errors.join("\n"));
}

#[test]
fn a_setting_is_called_as_where_its_value_comes_from() {
    let file = file(".pconf", "host=::1\nmax_connections=5\nauth_token=t\npolicies[]=lru\n");
    let resolved = resolve_with(Some(&file), &[], &[]).unwrap();
    let names = |resolved: &Resolved| {
        ["paper.listen", "limits.connections", "tokens", "policies"].map(|key| resolved.name(key).to_owned())
    };
    assert_eq!(names(&resolved), ["host", "max_connections", "auth_token", "policies[]"]);
    let flags = [("paper", "[::1]:0"), ("token", "u"), ("policies", "lfu")];
    let resolved = resolve_with(Some(&file), &[], &flags).unwrap();
    assert_eq!(names(&resolved)[2..], ["tokens", "policies"]);
    assert_eq!(resolved.name("paper.listen"), "paper.listen");
    let port = self::file(".pconf", "port=0\n");
    assert_eq!(resolve_with(Some(&port), &[], &[]).unwrap().name("paper.listen"), "port");
    for bad in ["a b", "x:1", "[::1", "me@x", " x"] {
        let errors = errors(&self::file(".pconf", &format!("port=1\nhost={bad}\n")), &[]);
        assert!(errors.len() == 1 && errors[0].starts_with("FILE:2: host: found"), "{errors:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let sources =
        |path: &Path| Sources { file: Some(path.to_owned()), variable: &|_| None, flags: Vec::new() };
    let missing = folder.path().join("missing.toml");
    let errors = resolve(&sources(&missing)).unwrap_err();
    assert!(matches!(&errors.0[..], [ConfigError::Unreadable { path, .. }] if *path == missing));
    let binary = folder.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    assert!(resolve(&sources(&binary)).unwrap_err().to_string().ends_with("it is not UTF-8 text"));
}

#[test]
fn a_variable_that_is_not_utf8_is_an_error() {
    let sources = Sources {
        file: None,
        variable: &|name| (name == "LARDER_POLICY").then_some(Err(NotUtf8)),
        flags: Vec::new(),
    };
    assert_eq!(
        resolve(&sources).unwrap_err().to_string(),
        "LARDER_POLICY: policy: found bytes that are not UTF-8; allowed: text"
    );
}

#[test]
fn tokens_are_shown_to_nobody() {
    let secret = "hunter2";
    let resolved = resolve_with(None, &[("LARDER_TOKEN", secret)], &[("token", secret)]).unwrap();
    let shown = [to_text(&resolved), to_json(&resolved).to_string(), format!("{resolved:?}")];
    for text in &shown {
        assert!(text.contains("***") && !text.contains(secret), "{text}");
    }
    let file = file(".toml", "tokens = [\"\"]");
    assert!(errors(&file, &[])[0].contains("found ***"));
}

#[test]
fn text_and_json_name_value_and_origin() {
    let resolved = resolve_with(None, &[("LARDER_MAX_SIZE", "1MiB")], &[("workers", "3")]).unwrap();
    let text = to_text(&resolved);
    let line = |key: &str| {
        text.lines().find(|line| line.starts_with(key)).unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("max_size"), ["max_size", "1MiB", "LARDER_MAX_SIZE"]);
    assert_eq!(line("workers"), ["workers", "3", "--workers"]);
    assert_eq!(line("paper.listen"), ["paper.listen", "127.0.0.1:3145", "default"]);
    let json = to_json(&resolved);
    assert_eq!(json["max_size"], serde_json::json!({ "value": 1_048_576, "origin": "LARDER_MAX_SIZE" }));
    assert_eq!(json["policies"]["value"][0], "lfu");
}

#[test]
fn a_flag_of_a_list_may_be_given_again_and_again() {
    let setting = SETTINGS.iter().find(|setting| setting.flag == "policies").unwrap();
    let flags = vec![(setting, vec!["lru,lfu".to_owned(), "mru".to_owned()])];
    let resolved = resolve(&Sources { file: None, variable: &|_| None, flags }).unwrap();
    assert_eq!(show::join(&resolved.config.policies), "lru,lfu,mru");
}
