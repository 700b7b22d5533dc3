//! What memcached answers, from bytes. Pure: lines have a limit, and the length of a value is checked before it is waited for.

use crate::error::Fault;
use crate::tcp::Progress;
use std::ops::Range;

/// Longest line of an answer in bytes: a key and three numbers, or a word and a reason.
const LINE_BYTES_MAX: usize = 1_024;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Stored,
    NotStored,
    Deleted,
    Touched,
    NotFound,
    Version(String),
    /// `SERVER_ERROR`.
    Failed(String),
    /// `CLIENT_ERROR` or `ERROR`.
    Refused(String),
}

/// A line without its end, and how many bytes there are with it.
fn line(input: &[u8]) -> Result<Option<(&str, usize)>, Fault> {
    let window = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        if window.len() == LINE_BYTES_MAX {
            return Err(Fault::NotTheProtocol(format!("a line of more than {LINE_BYTES_MAX} bytes")));
        }
        return Ok(None);
    };
    let text = window[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    match text {
        Some(text) => Ok(Some((text, end + 1))),
        None => Err(Fault::NotTheProtocol("a line that is not text, or does not end in CR LF".to_owned())),
    }
}

fn said(line: &str) -> Result<Said, Fault> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match (word, rest) {
        ("STORED", "") => Said::Stored,
        ("NOT_STORED", "") => Said::NotStored,
        ("DELETED", "") => Said::Deleted,
        ("TOUCHED", "") => Said::Touched,
        ("NOT_FOUND", "") => Said::NotFound,
        ("VERSION", version) => Said::Version(version.to_owned()),
        ("SERVER_ERROR", reason) => Said::Failed(reason.to_owned()),
        ("CLIENT_ERROR", reason) => Said::Refused(reason.to_owned()),
        ("ERROR", "") => Said::Refused("the command is not known there".to_owned()),
        _ => return Err(Fault::NotTheProtocol(format!("{line:?}"))),
    })
}

/// Reads an answer of one line.
pub(super) fn read_line(input: &[u8]) -> Result<Progress<Said>, Fault> {
    match line(input)? {
        Some((text, used)) => Ok(Progress::Done { value: said(text)?, used }),
        None => Ok(Progress::Need(input.len() + 1)),
    }
}

/// Where in the answer to a get its value is; `None` for a miss; what else was said.
pub(super) type Place = Result<Option<Range<usize>>, Said>;

/// Reads the answer to a get of `key`.
pub(super) fn read_get(input: &[u8], key: &[u8], value_bytes_max: u64) -> Result<Progress<Place>, Fault> {
    let Some((head, start)) = line(input)? else { return Ok(Progress::Need(input.len() + 1)) };
    if head == "END" {
        return Ok(Progress::Done { value: Ok(None), used: start });
    }
    let Some(fields) = head.strip_prefix("VALUE ") else {
        return Ok(Progress::Done { value: Err(said(head)?), used: start });
    };
    let mut fields = fields.split(' ');
    let (name, flags, len) = (fields.next(), fields.next(), fields.next());
    let len: Option<u64> = len.and_then(|len| len.parse().ok());
    let is_flags = flags.is_some_and(|flags| flags.parse::<u32>().is_ok());
    let Some(len) = len.filter(|_| name.map(str::as_bytes) == Some(key) && is_flags) else {
        return Err(Fault::NotTheProtocol(format!("{head:?}")));
    };
    if len > value_bytes_max {
        return Err(Fault::AnswerTooLarge { len, max: value_bytes_max });
    }
    // Within the limit, which is an index on any machine.
    let end = start + len as usize;
    const AFTER: &[u8] = b"\r\nEND\r\n";
    match input.get(end..end + AFTER.len()) {
        Some(AFTER) => Ok(Progress::Done { value: Ok(Some(start..end)), used: end + AFTER.len() }),
        Some(_) => Err(Fault::NotTheProtocol("a value that does not end where it should".to_owned())),
        None => Ok(Progress::Need(end + AFTER.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_says_what_it_needs_wherever_it_is_cut() {
        let whole = b"VALUE k 0 5\r\nvalue\r\nEND\r\n";
        for cut in 0..whole.len() {
            match read_get(&whole[..cut], b"k", 10) {
                Ok(Progress::Need(need)) => assert!(need > cut && need <= whole.len(), "{cut}: {need}"),
                other => panic!("{cut}: {other:?}"),
            }
        }
        let done = Ok(Progress::Done { value: Ok(Some(13..18)), used: whole.len() });
        assert_eq!(read_get(whole, b"k", 10), done);
        assert_eq!(read_get(b"END\r\n", b"k", 10), Ok(Progress::Done { value: Ok(None), used: 5 }));
    }

    #[test]
    fn an_answer_about_another_key_or_of_another_length_is_none() {
        for bad in [
            &b"VALUE x 0 5\r\nvalue\r\nEND\r\n"[..],
            b"VALUE k 0 5\r\nvalue and more\r\nEND\r\n",
            b"VALUE k 0 -5\r\n",
            b"VALUE k 0\r\n",
            b"VALUE k x 5\r\n",
            b"value\r\n",
            b"END\n",
            b"\xff\r\n",
            &[b'x'; LINE_BYTES_MAX],
        ] {
            assert!(matches!(read_get(bad, b"k", 10), Err(Fault::NotTheProtocol(_))), "{bad:?}");
        }
        let large = read_get(b"VALUE k 0 99999999999999999999\r\n", b"k", 10);
        assert!(matches!(large, Err(Fault::NotTheProtocol(_))));
        let large = read_get(b"VALUE k 0 11\r\n", b"k", 10);
        assert_eq!(large, Err(Fault::AnswerTooLarge { len: 11, max: 10 }));
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(input: Vec<u8>) {
            let _ = read_line(&input);
            let _ = read_get(&input, b"k", 10);
        }
    }
}
