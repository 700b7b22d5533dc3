//! The address of a server as a person writes it: `paper://HOST:PORT` or
//! `seriput://HOST:PORT`. The scheme names the protocol; another protocol is
//! another [`Scheme`] and one file under `client/`.

use std::fmt;
use std::str::FromStr;

/// A protocol that a server can be spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// PaperCache.
    Paper,
    /// Seriput.
    Seriput,
}

impl Scheme {
    /// Every scheme, for error messages and parsing.
    const ALL: [Self; 2] = [Self::Paper, Self::Seriput];

    fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Seriput => "seriput",
        }
    }

    /// Whether there are commands that show and change the server, and times to live.
    pub(crate) fn can_administer(self) -> bool {
        self == Self::Paper
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Paper => 3145,
            Self::Seriput => 9090,
        }
    }
}

/// Where a server is and what it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    /// The protocol.
    pub(crate) scheme: Scheme,
    /// A name or an address; IPv6 without its brackets.
    pub(crate) host: String,
    /// 1 to 65535.
    pub(crate) port: u16,
}

/// Why a text is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServerUrlError {
    /// There is no `://`.
    #[error("no protocol is given: write paper://{0}")]
    NoScheme(String),
    /// A protocol that this program does not speak.
    #[error("`{0}://` is not spoken here: write {known}", known = known_schemes())]
    UnknownScheme(String),
    /// Nothing before the port.
    #[error("no host is given: write {0}://HOST:PORT")]
    NoHost(&'static str),
    /// Not a number from 1 to 65535.
    #[error("`{0}` is no port: a port is a number from 1 to 65535")]
    Port(String),
    /// `[` without `]`, or an IPv6 address without brackets.
    #[error("`{0}`: an IPv6 address stands in brackets, such as [::1]:3145")]
    Brackets(String),
    /// Something follows the port.
    #[error("`/{0}` follows the address: a server has no path")]
    Path(String),
}

fn known_schemes() -> String {
    Scheme::ALL.map(|scheme| format!("{}://HOST:PORT", scheme.name())).join(" or ")
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(ServerUrlError::NoScheme(text.to_owned()));
        };
        let Some(scheme) = Scheme::ALL.into_iter().find(|known| known.name() == scheme) else {
            return Err(ServerUrlError::UnknownScheme(scheme.to_owned()));
        };
        let authority = match rest.split_once('/') {
            None | Some((_, "")) => rest.trim_end_matches('/'),
            Some((_, path)) => return Err(ServerUrlError::Path(path.to_owned())),
        };
        let (host, port) = split_port(authority)?;
        if host.is_empty() {
            return Err(ServerUrlError::NoHost(scheme.name()));
        }
        let port = match port {
            None => scheme.default_port(),
            Some(text) => match text.parse() {
                Ok(port) if port != 0 => port,
                _ => return Err(ServerUrlError::Port(text.to_owned())),
            },
        };
        Ok(Self { scheme, host: host.to_owned(), port })
    }
}

/// Host and port text; the host without brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), ServerUrlError> {
    let brackets = || ServerUrlError::Brackets(authority.to_owned());
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(brackets)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(brackets()),
        };
    }
    match authority.split_once(':') {
        None => Ok((authority, None)),
        Some((_, port)) if port.contains(':') => Err(brackets()),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        if host.contains(':') {
            write!(f, "{}://[{host}]:{port}", scheme.name())
        } else {
            write!(f, "{}://{host}:{port}", scheme.name())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerUrl, ServerUrlError> {
        text.parse()
    }

    #[test]
    fn host_and_port_are_read_and_printed_alike() {
        for text in [
            "paper://127.0.0.1:3145",
            "seriput://127.0.0.1:9090",
            "paper://cache.example:1",
            "paper://[::1]:65535",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("paper://[::1]:9").unwrap().host, "::1");
    }

    #[test]
    fn the_port_may_be_left_out_and_a_slash_may_follow() {
        assert_eq!(parse("paper://localhost").unwrap().port, 3145);
        assert_eq!(parse("paper://[::1]").unwrap().port, 3145);
        assert_eq!(parse("seriput://localhost").unwrap().port, 9090);
        assert_eq!(parse("paper://localhost:7/").unwrap().port, 7);
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        use ServerUrlError::*;
        let cases = [
            ("localhost:3145", NoScheme("localhost:3145".into())),
            ("http://localhost", UnknownScheme("http".into())),
            ("PAPER://localhost", UnknownScheme("PAPER".into())),
            ("paper://", NoHost("paper")),
            ("paper://:3145", NoHost("paper")),
            ("paper://h:", Port(String::new())),
            ("paper://h:0", Port("0".into())),
            ("paper://h:65536", Port("65536".into())),
            ("paper://h:port", Port("port".into())),
            ("paper://::1:3145", Brackets("::1:3145".into())),
            ("paper://[::1:3145", Brackets("[::1:3145".into())),
            ("paper://[::1]3145", Brackets("[::1]3145".into())),
            ("paper://h:1/db", Path("db".into())),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_message_says_what_to_write() {
        assert_eq!(
            parse("localhost:3145").unwrap_err().to_string(),
            "no protocol is given: write paper://localhost:3145"
        );
        assert_eq!(
            parse("http://x").unwrap_err().to_string(),
            "`http://` is not spoken here: write paper://HOST:PORT or seriput://HOST:PORT"
        );
    }
}
