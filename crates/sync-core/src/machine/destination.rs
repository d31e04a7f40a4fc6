//! The destination server address of a client function, as a machine stores and rule 6 compares it.

use alloc::{
    format,
    string::{String, ToString},
};
use core::{fmt, net::Ipv6Addr, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The port of the server function; a destination may leave it out.
pub const DEFAULT_PORT: u16 = 8443;

const LOCALHOST: &str = "localhost";

/// The destination server address of a client function, as the machine stores it (rule 6): trimmed, the host in ASCII
/// lower case, the port only where one was written. Blank means that the server is found automatically.
///
/// ```
/// use sync_core::machine::DestinationAddress;
/// let own: DestinationAddress = " LocalHost:8443 ".parse()?;
/// assert!(own.is_own_server());
/// assert_eq!(own.to_string(), "localhost:8443");
/// let other: DestinationAddress = "localhost".parse()?;
/// assert!(!other.is_own_server());
/// assert_eq!((other.host(), other.port()), (Some("localhost"), 8443));
/// # Ok::<(), sync_core::machine::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct DestinationAddress(Option<HostAndPort>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HostAndPort {
    /// Without the brackets of an IPv6 address.
    host: String,
    explicit_port: Option<u16>,
}

impl DestinationAddress {
    /// `localhost:8443`: the machine's own server function, the one form that rule 6 accepts as such.
    #[must_use]
    pub fn own_server() -> Self {
        Self(Some(HostAndPort { host: LOCALHOST.into(), explicit_port: Some(DEFAULT_PORT) }))
    }

    /// The blank address: the server is found automatically.
    #[must_use]
    pub const fn automatic() -> Self {
        Self(None)
    }

    /// Whether the address is blank.
    #[must_use]
    pub const fn is_automatic(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this is exactly `localhost:8443` (rule 6). `127.0.0.1:8443`, `[::1]:8443`, `localhost` and
    /// `localhost:443` are other addresses, wherever they lead to.
    #[must_use]
    pub fn is_own_server(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|address| address.host == LOCALHOST && address.explicit_port == Some(DEFAULT_PORT))
    }

    /// The host to connect to, an IPv6 address without its brackets; `None` where the address is blank.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.as_ref().map(|address| address.host.as_str())
    }

    /// The port to connect to: the one that was written, else [`DEFAULT_PORT`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.explicit_port().unwrap_or(DEFAULT_PORT)
    }

    /// The port that was written.
    #[must_use]
    pub fn explicit_port(&self) -> Option<u16> {
        self.0.as_ref().and_then(|address| address.explicit_port)
    }

    /// `host:port` for a URL, brackets and port always written; `None` where the address is blank.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        let host = self.host()?;
        let port = self.port();
        Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }
}

/// The stored form; nothing where the address is blank.
impl fmt::Display for DestinationAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(address) = &self.0 else {
            return Ok(());
        };
        if address.host.contains(':') {
            write!(f, "[{}]", address.host)?;
        } else {
            f.write_str(&address.host)?;
        }
        match address.explicit_port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Why a text is no destination server address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// `https://host` and the like.
    #[error("`{0}` is a URL: write only the host and the port, such as server.example:8443")]
    Scheme(String),
    /// Something after the host and port.
    #[error("`{0}` goes on after the host and the port: write only these, such as server.example:8443")]
    Path(String),
    /// `name@host`.
    #[error("`{0}` holds a user name: write only the host and the port, such as server.example:8443")]
    UserName(String),
    /// Inside the text.
    #[error(
        "{0:?} holds a space or a control character: write a host and a port, such as server.example:8443"
    )]
    Blank(String),
    /// A port alone.
    #[error("`{0}` has no host: write one before the port, such as server.example:8443")]
    NoHost(String),
    /// Not a number from 1 to 65535.
    #[error(
        "`{0}` is no port: write a number from 1 to 65535 without leading zeros, or leave the port and its colon out"
    )]
    Port(String),
    /// An IPv6 address without brackets, which leaves open where the port begins.
    #[error("`{0}` has several colons: write an IPv6 address in brackets, such as [2001:db8::1]:8443")]
    Unbracketed(String),
    /// What stands in the brackets is no IPv6 address.
    #[error("`{0}` is no IPv6 address in brackets (a zone can't be given): write it as [2001:db8::1]:8443")]
    Ipv6(String),
    /// Characters or lengths that no host name has.
    #[error(
        "`{0}` is no host name: use letters, digits, hyphens and dots (an international name in its xn-- form)"
    )]
    Host(String),
}

impl AddressError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "address_has_scheme",
            Self::Path(_) => "address_has_path",
            Self::UserName(_) => "address_has_user_name",
            Self::Blank(_) => "address_has_space",
            Self::NoHost(_) => "address_without_host",
            Self::Port(_) => "address_port",
            Self::Unbracketed(_) => "address_ipv6_without_brackets",
            Self::Ipv6(_) => "address_ipv6",
            Self::Host(_) => "address_host",
        }
    }
}

impl FromStr for DestinationAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::automatic());
        }
        // The order matters to people only: the first thing that looks wrong is named.
        let wrong: Option<fn(String) -> AddressError> =
            if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
                Some(AddressError::Blank)
            } else if text.contains("://") {
                Some(AddressError::Scheme)
            } else if text.contains(['/', '\\', '?', '#']) {
                Some(AddressError::Path)
            } else if text.contains('@') {
                Some(AddressError::UserName)
            } else {
                None
            };
        if let Some(wrong) = wrong {
            return Err(wrong(text.into()));
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let wrong = || AddressError::Ipv6(text.into());
            let (inside, port) = rest.split_once(']').ok_or_else(wrong)?;
            let address: Ipv6Addr = inside.parse().map_err(|_| wrong())?;
            let port = match port.strip_prefix(':') {
                Some(port) => Some(port),
                None if port.is_empty() => None,
                None => return Err(wrong()),
            };
            (address.to_string(), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(AddressError::Unbracketed(text.into()));
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            if host.is_empty() {
                return Err(AddressError::NoHost(text.into()));
            }
            if !is_host_name(host) {
                return Err(AddressError::Host(host.into()));
            }
            (host.to_ascii_lowercase(), port)
        };
        let explicit_port = port.map(parse_port).transpose()?;
        Ok(Self(Some(HostAndPort { host, explicit_port })))
    }
}

/// RFC 1123 with the underscore that Windows networks use; one dot may stand at the end.
fn is_host_name(host: &str) -> bool {
    host.len() <= 253
        && host.strip_suffix('.').unwrap_or(host).split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let wrong = || AddressError::Port(text.into());
    // `parse` alone would take `+8443` and `08443`.
    if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

impl Serialize for DestinationAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DestinationAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_exact_form_is_the_own_server() {
        for own in ["localhost:8443", "LOCALHOST:8443", "\tLocalHost:8443\n"] {
            assert!(own.parse::<DestinationAddress>().unwrap().is_own_server(), "{own}");
        }
        for other in [
            "",
            "  ",
            "localhost",
            "localhost:443",
            "localhost.:8443",
            "127.0.0.1:8443",
            "[::1]:8443",
            "[::1]",
            "localhost.localdomain:8443",
            "server.example:8443",
            "localhost-8443",
            "127.1:8443",
        ] {
            assert!(!other.parse::<DestinationAddress>().unwrap().is_own_server(), "{other}");
        }
        assert_eq!("localhost:8443".parse(), Ok(DestinationAddress::own_server()));
        assert_eq!(" ".parse(), Ok(DestinationAddress::automatic()));
    }

    #[test]
    fn the_stored_form_and_where_it_connects() {
        for (text, stored, authority) in [
            ("Server.Example", "server.example", Some("server.example:8443")),
            ("10.0.0.7:444", "10.0.0.7:444", Some("10.0.0.7:444")),
            ("[2001:DB8:0::1]", "[2001:db8::1]", Some("[2001:db8::1]:8443")),
            ("[::1]:1", "[::1]:1", Some("[::1]:1")),
            ("", "", None),
        ] {
            let address: DestinationAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), stored);
            assert_eq!(address.authority().as_deref(), authority);
        }
    }

    #[test]
    fn nonsense_is_named() {
        for (text, code) in [
            ("https://localhost:8443", "address_has_scheme"),
            ("localhost:8443/", "address_has_path"),
            ("localhost:8443?x", "address_has_path"),
            ("admin@server", "address_has_user_name"),
            ("local host:8443", "address_has_space"),
            ("localhost :8443", "address_has_space"),
            ("localhost\0:8443", "address_has_space"),
            (":8443", "address_without_host"),
            (":", "address_without_host"),
            ("localhost:", "address_port"),
            ("localhost:0", "address_port"),
            ("localhost:08443", "address_port"),
            ("localhost:+8443", "address_port"),
            ("localhost:65536", "address_port"),
            ("localhost:https", "address_port"),
            ("[::1]:", "address_port"),
            ("::1", "address_ipv6_without_brackets"),
            ("localhost:8443:8443", "address_ipv6_without_brackets"),
            ("[::1", "address_ipv6"),
            ("[]:8443", "address_ipv6"),
            ("[localhost]:8443", "address_ipv6"),
            ("[fe80::1%eth0]:8443", "address_ipv6"),
            ("[::1]8443", "address_ipv6"),
            ("a..b", "address_host"),
            (".", "address_host"),
            ("ｌocalhost:8443", "address_host"),
            ("a,b", "address_host"),
        ] {
            let error = text.parse::<DestinationAddress>().unwrap_err();
            assert_eq!(error.code(), code, "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_the_stored_form_is_stable(
            text in prop_oneof![any::<String>(), "[ \\[\\]a-zA-Z0-9.:_%-]{0,24}", "[Ll]ocalhost(:[0-9]{0,6})?"]
        ) {
            if let Ok(address) = text.parse::<DestinationAddress>() {
                let stored = address.to_string();
                prop_assert_eq!(stored.trim(), &stored);
                prop_assert_eq!(address.is_own_server(), stored == "localhost:8443");
                prop_assert_eq!(address.is_automatic(), stored.is_empty());
                prop_assert_eq!(stored.parse::<DestinationAddress>().unwrap(), address.clone());
                let json = serde_json::to_string(&address).unwrap();
                prop_assert_eq!(serde_json::from_str::<DestinationAddress>(&json).unwrap(), address);
            }
        }

        #[test]
        fn good_addresses_are_taken(
            name in "[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?(\\.[a-z]{2,8}){0,3}", port in proptest::option::of(1u16..), v6 in any::<u128>()
        ) {
            let with_port = |host: &str| port.map_or(host.to_string(), |port| format!("{host}:{port}"));
            let address: DestinationAddress = with_port(&name).parse().unwrap();
            prop_assert_eq!(address.host().unwrap(), name.to_ascii_lowercase());
            prop_assert_eq!(address.explicit_port(), port);
            let v6 = Ipv6Addr::from_bits(v6);
            let address: DestinationAddress = with_port(&format!("[{v6}]")).parse().unwrap();
            prop_assert_eq!(address.host().unwrap().parse::<Ipv6Addr>().unwrap(), v6);
            prop_assert_eq!(address.port(), port.unwrap_or(DEFAULT_PORT));
        }
    }
}
