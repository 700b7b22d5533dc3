//! Which hosts a store may talk to over HTTP, so that nobody who can set an address in a configuration makes this process fetch
//! from inside its own network (request forgery). Pure: names and addresses in, a verdict out. A name is judged again by
//! each address that it stands for, when it is resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which hosts a store may talk to.
///
/// ```
/// use larder_store::Hosts;
///
/// assert!(Hosts::Public.allows([93, 184, 216, 34].into()));
/// assert!(!Hosts::Public.allows([127, 0, 0, 1].into()));
/// assert!(Hosts::Private.allows([10, 0, 0, 7].into()));
/// assert!(!Hosts::Private.allows([169, 254, 169, 254].into()));
/// assert!(Hosts::Any.allows([169, 254, 169, 254].into()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hosts {
    /// Those of the public internet.
    #[default]
    Public,
    /// Those of a private network, and this machine, as well; but neither link-local addresses nor those where clouds serve the
    /// credentials of a machine.
    Private,
    /// All.
    Any,
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Public,
    /// A private network, or this machine.
    Private,
    /// Neither: link-local, credentials of a cloud's machine, multicast, reserved.
    Never,
}

impl Hosts {
    /// Whether this address may be talked to.
    ///
    /// ```
    /// use larder_store::Hosts;
    ///
    /// assert!(!Hosts::Public.allows([10, 0, 0, 7].into()));
    /// ```
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Private => self != Self::Public,
            Reach::Never => self == Self::Any,
        }
    }

    /// Whether this name may be resolved at all.
    pub(crate) fn allows_name(self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_local = name == "localhost"
            || [".localhost", ".local", ".internal", ".home.arpa"]
                .iter()
                .any(|suffix| name.ends_with(suffix));
        self != Self::Public || !is_local
    }
}

/// Whether what is sent to this address stays in a private network, so that it may be sent in the clear.
pub(crate) fn is_near(address: IpAddr) -> bool {
    reach(address) == Reach::Private
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // Where Alibaba serves credentials, in the range of carriers.
        [100, 100, 100, 200] => Reach::Never,
        [127 | 10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Reach::Private,
        // Unspecified, link-local (credentials among them), protocol assignments, documentation, benchmarks, multicast and up.
        [0, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        // Where Amazon serves credentials.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Reach::Never,
        // IPv4 in IPv6: mapped, NAT64, 6to4. Another way to write the address within.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Only 2000::/3 is given out; documentation and Teredo in it are not to be talked to.
        [0x2001, 0x0db8 | 0, ..] => Reach::Never,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_their_registries_say() {
        let cases = [
            (
                Reach::Public,
                "1.1.1.1 93.184.216.34 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 223.255.255.255",
            ),
            (
                Reach::Public,
                "2606:4700:4700::1111 2a00:1450::1 ::ffff:1.1.1.1 64:ff9b::1.1.1.1 2002:101:101::1",
            ),
            (Reach::Private, "127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1"),
            (
                Reach::Private,
                "::1 fd12:3456::1 fc00::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
            ),
            (
                Reach::Never,
                "169.254.169.254 169.254.0.1 0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 100.100.100.200",
            ),
            (
                Reach::Never,
                ":: fe80::1 ff02::1 fd00:ec2::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::",
            ),
            (Reach::Never, "2001:db8::1 2001::1 ::127.0.0.1 192.0.0.1 198.18.0.1 203.0.113.9 4000::1"),
        ];
        for (expected, addresses) in cases {
            for address in addresses.split(' ') {
                assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
            }
        }
    }

    #[test]
    fn local_names_are_private_however_they_are_written() {
        for name in ["localhost", "LOCALHOST.", "a.localhost", "printer.local", "metadata.google.internal"] {
            assert!(!Hosts::Public.allows_name(name), "{name}");
            assert!(Hosts::Private.allows_name(name), "{name}");
        }
        assert!(
            Hosts::Public.allows_name("api.cachekit.io")
                && Hosts::Public.allows_name("localhost.example.org")
        );
    }
}
