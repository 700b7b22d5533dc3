//! Plays every wire script in `tests/scripts`: bytes in, bytes out, for each command and each error of the protocol. Each is
//! played on one worker and on several, with its requests sent whole and byte by byte.
//!
//! A line of a script is one of
//!
//! ```text
//! # a comment
//! set KEY VALUE      a setting of the server, before anything else
//! client NAME        the lines that follow are about this connection, to PaperCache (opened by its first line)
//! seriput NAME       as above, to Seriput
//! > 00 "text" 00*40  send these bytes: hex, text (in quotes of either kind), or a byte so many times; lines in a row are
//!                    sent in one write
//! < 21 .*4           expect these bytes; .*4 stands for any four
//! advance 950ms      move the server's clock
//! end                half-close: nothing more will be sent
//! eof                expect that the server closes
//! ```
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{collections::HashMap, fs, path::Path};

use larder_server::config::{self, Config, Listen, SETTINGS, Sources};
use support::{Client, TestServer, hex, test_config};

#[derive(Clone, Copy)]
enum Split {
    Whole,
    Bytes,
}

#[test]
fn scripts_on_one_worker() {
    play_all(1, Split::Whole);
}

#[test]
fn scripts_on_several_workers() {
    play_all(3, Split::Whole);
}

#[test]
fn scripts_byte_by_byte_on_one_worker() {
    play_all(1, Split::Bytes);
}

#[test]
fn scripts_byte_by_byte_on_several_workers() {
    play_all(3, Split::Bytes);
}

fn play_all(workers: usize, split: Split) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "the scripts are there");
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Player::new(&name, &fs::read_to_string(&path).unwrap(), workers, split).play();
    }
}

struct Player<'s> {
    name: &'s str,
    lines: Vec<(usize, &'s str)>,
    server: TestServer,
    /// By face (whether it is Seriput) and name.
    clients: HashMap<(bool, String), Client>,
    current: (bool, String),
    unsent: Vec<u8>,
    split: Split,
}

impl<'s> Player<'s> {
    fn new(name: &'s str, text: &'s str, workers: usize, split: Split) -> Player<'s> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let lines: Vec<_> = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
        let settings = lines.iter().filter_map(|(_, line)| line.strip_prefix("set ")?.split_once(' '));
        let config = configure(&settings.collect::<Vec<_>>());
        let server = TestServer::start(|it| *it = Config { workers, ..config });
        let (clients, current) = (HashMap::new(), (false, "a".to_owned()));
        Player { name, lines, server, clients, current, unsent: Vec::new(), split }
    }

    fn play(mut self) {
        for (number, line) in std::mem::take(&mut self.lines) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let place = format!("{}:{number}: {line}", self.name);
            if word == ">" {
                self.unsent.extend(parse(rest, &place).into_iter().map(|byte| byte.expect("a byte to send")));
                continue;
            }
            self.flush();
            match word {
                "<" => self.expect(&parse(rest, &place), &place),
                "client" | "seriput" => self.current = (word == "seriput", rest.to_owned()),
                "advance" => {
                    let by = config::duration::parse(rest).expect("a length of time").expect("not off");
                    self.server.clock.advance(by);
                }
                "end" => self.client().end_requests(),
                "eof" => self.client().expect_end(),
                "set" => {}
                _ => panic!("{place}: no such line"),
            }
        }
        self.flush();
    }

    fn client(&mut self) -> &mut Client {
        let address = if self.current.0 { self.server.seriput_address() } else { self.server.address() };
        self.clients.entry(self.current.clone()).or_insert_with(|| Client::connect(address))
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.unsent);
        match self.split {
            Split::Whole if !bytes.is_empty() => self.client().send(&bytes),
            Split::Whole => {}
            // One at a time where it matters; in the middle of long keys and values a few at a time.
            Split::Bytes => {
                for (index, piece) in bytes.chunks(61).enumerate() {
                    let len = if index < 8 { 1 } else { piece.len() };
                    piece.chunks(len).for_each(|bytes| self.client().send(bytes));
                }
            }
        }
    }

    fn expect(&mut self, expected: &[Option<u8>], place: &str) {
        let received = self.client().receive(expected.len());
        let is_same = received.iter().zip(expected).all(|(got, want)| want.is_none_or(|want| want == *got));
        assert!(is_same, "{place}\nreceived {}", hex(&received));
    }
}

fn configure(settings: &[(&str, &str)]) -> Config {
    let flag = |(key, value): &(&str, &str)| {
        let setting = SETTINGS.iter().find(|setting| setting.key == *key).expect("a setting");
        (setting, vec![(*value).to_owned()])
    };
    let flags = settings.iter().map(flag).collect();
    let resolved = config::resolve(&Sources { file: None, variable: &|_| None, flags }).expect("settings");
    let mut config = resolved.config;
    config.paper.listen = test_config().paper.listen;
    config.rest.listen = Listen::Off;
    if config.seriput.listen != Listen::Off {
        config.seriput.listen = test_config().paper.listen;
    }
    config.admin.listen = Listen::Off;
    config.limits.auth_delay = test_config().limits.auth_delay;
    config
}

/// Bytes in the notation of the scripts; `None` is any byte.
fn parse(text: &str, place: &str) -> Vec<Option<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(quote) = rest.chars().next().filter(|first| ['"', '\''].contains(first)) {
            let unclosed = || panic!("{place}: unclosed text");
            let (inner, after) = rest[1..].split_once(quote).unwrap_or_else(unclosed);
            bytes.extend(inner.bytes().map(Some));
            rest = after.trim_start();
            continue;
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let times: usize = times.parse().unwrap_or_else(|_| panic!("{place}: {word}"));
        for _ in 0..times {
            match digits {
                "." => bytes.push(None),
                _ => bytes.extend(hex_bytes(digits, place).into_iter().map(Some)),
            }
        }
        rest = after.trim_start();
    }
    bytes
}

fn hex_bytes(digits: &str, place: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{place}: {digits}");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16);
    (0..digits.len()).step_by(2).map(|at| byte(at).unwrap_or_else(|_| panic!("{place}: {digits}"))).collect()
}
