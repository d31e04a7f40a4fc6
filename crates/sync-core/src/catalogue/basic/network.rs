//! The network. What only makes sense together is one setting: half of another network's addresses leads nowhere. The
//! machine's own names and addresses go to no other machine.

use crate::catalogue::{
    Default, Form, InFile, Kind, Secret, Setting, choice, flag, number, of, optional, required, text,
};

const IPV4: Kind = Kind::Form(Form::Ipv4);
const IPV6: Kind = Kind::Form(Form::Ipv6);
const HOST: Kind = Kind::Form(Form::Host);
const PORT: Kind = Kind::Number(1, 65_535);
const NONE: Default = Default::Map(&[]);
const TLS: Kind = Kind::Choice(&["off", "if-offered", "required"]);

pub(super) const SETTINGS: &[Setting] = &[
    // Names and addresses: this machine's own.
    of(
        "network.host-name",
        "Host name and domain",
        Kind::Map(&[required("host", "Host name", HOST), optional("domain", "Domain", HOST)]),
        NONE,
    )
    .in_file(InFile::No),
    of(
        "network.ipv4",
        "IPv4 address",
        Kind::Map(&[
            required("method", "How it is found", Kind::Choice(&["dhcp", "manual", "off"])),
            optional("address", "Address", IPV4),
            optional("mask", "Subnet mask", IPV4),
            optional("gateway", "Gateway", IPV4),
        ]),
        Default::Map(&[("method", Default::Text("dhcp"))]),
    )
    .in_file(InFile::No),
    of(
        "network.ipv6",
        "IPv6 address",
        Kind::Map(&[
            required("enabled", "Use IPv6", Kind::Flag),
            optional("stateless", "Find an address by itself", Kind::Flag),
            optional("dhcp", "Ask DHCPv6", Kind::Flag),
            optional("address", "Address", IPV6),
            optional("prefix", "Length of the prefix", Kind::Number(0, 128)),
            optional("gateway", "Gateway", IPV6),
        ]),
        Default::Map(&[("enabled", Default::Flag(true)), ("stateless", Default::Flag(true))]),
    )
    .in_file(InFile::No),
    // What a fleet has in common.
    of(
        "network.dns",
        "DNS servers",
        Kind::Map(&[
            optional("primary", "First, IPv4", IPV4),
            optional("secondary", "Second, IPv4", IPV4),
            optional("primary_ipv6", "First, IPv6", IPV6),
            optional("secondary_ipv6", "Second, IPv6", IPV6),
            optional("search", "Domains to search", Kind::List(&HOST, 6)),
        ]),
        NONE,
    ),
    flag("network.dns-dynamic-update", "Register the host name at the DNS server", false),
    flag("network.mdns", "Be found by mDNS", true),
    of(
        "network.wins",
        "WINS server",
        Kind::Map(&[required("enabled", "Use WINS", Kind::Flag), optional("server", "Server", IPV4)]),
        NONE,
    ),
    of(
        "network.smtp",
        "Mail server for sending",
        Kind::Map(&[
            required("host", "Host", HOST),
            required("port", "Port", PORT),
            optional("tls", "TLS", TLS),
            optional("sender", "Sender's address", Kind::Form(Form::Mail)),
            optional("user", "User name", Kind::Text(128)),
            optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
        ]),
        NONE,
    )
    .sealed(),
    of(
        "network.pop",
        "Mail server for receiving",
        Kind::Map(&[
            required("host", "Host", HOST),
            required("port", "Port", PORT),
            optional("tls", "TLS", TLS),
            optional("user", "User name", Kind::Text(128)),
            optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
            optional("minutes", "Minutes between looks, 0 for never", Kind::Number(0, 99)),
        ]),
        NONE,
    )
    .sealed(),
    of(
        "network.proxy",
        "Proxy",
        Kind::Map(&[
            required("host", "Host", HOST),
            required("port", "Port", PORT),
            optional("same_domain", "Use it within the own domain too", Kind::Flag),
            optional("user", "User name", Kind::Text(128)),
            optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
        ]),
        NONE,
    )
    .sealed(),
    of(
        "network.directory-server",
        "Directory server (LDAP)",
        Kind::Map(&[
            required("host", "Host", HOST),
            required("port", "Port", PORT),
            optional("base", "Where the search begins", Kind::Text(255)),
            optional("tls", "TLS", TLS),
            optional("user", "User name", Kind::Text(255)),
            optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
            optional("seconds", "Seconds that a search may take", Kind::Number(1, 300)),
            optional("most", "Most entries found", Kind::Number(1, 2_000)),
        ]),
        NONE,
    )
    .sealed(),
    of(
        "network.time-server",
        "Time server",
        Kind::Map(&[
            required("host", "Host", HOST),
            optional("hours", "Hours between questions", Kind::Number(1, 48)),
        ]),
        NONE,
    ),
    of(
        "network.snmp",
        "SNMP",
        Kind::Map(&[
            required("version_1", "SNMPv1", Kind::Flag),
            required("version_3", "SNMPv3", Kind::Flag),
            optional("community", "Name of the community", Kind::Text(32)).secret(Secret::Sealed),
            optional("write", "Whether it may be written", Kind::Flag),
        ]),
        Default::Map(&[("version_1", Default::Flag(false)), ("version_3", Default::Flag(false))]),
    )
    .sealed(),
    of(
        "network.syslog",
        "Server for audit logs",
        Kind::Map(&[
            required("host", "Host", HOST),
            required("port", "Port", PORT),
            optional("protocol", "Protocol", Kind::Choice(&["udp", "tcp", "tls"])),
        ]),
        NONE,
    ),
    of(
        "network.ieee-802-1x",
        "Login at the network (IEEE 802.1X)",
        Kind::Map(&[
            required("enabled", "Use it", Kind::Flag),
            optional("method", "Method", Kind::Choice(&["tls", "ttls", "peap"])),
            optional("user", "User name", Kind::Text(128)),
            optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
        ]),
        Default::Map(&[("enabled", Default::Flag(false))]),
    )
    .sealed(),
    of(
        "network.filter-ipv4",
        "Addresses that may connect",
        Kind::Map(&[
            required("enabled", "Look at addresses", Kind::Flag),
            optional("default", "Whoever is not named", Kind::Choice(&["allow", "reject"])),
            optional("except", "The others", Kind::List(&Kind::Text(43), 32)),
        ]),
        Default::Map(&[("enabled", Default::Flag(false))]),
    ),
    number("network.http-port", "Port of the remote user interface", (1, 65_535), 8_000),
    number("network.https-port", "Port of the remote user interface with TLS", (1, 65_535), 8_443),
    choice("network.least-tls", "Least TLS version", &["1.0", "1.1", "1.2", "1.3"], "1.2"),
    flag("network.raw-print", "Accept print jobs on port 9100", true),
    flag("network.lpd-print", "Accept print jobs by LPD", false),
    flag("network.ipp-print", "Accept print jobs by IPP", true),
    flag("network.wsd-print", "Accept print jobs by WSD", true),
    flag("network.smb-server", "SMB server", false),
    flag("network.ftp-server", "FTP server for printing", false),
    text("network.workgroup", "Workgroup", 15),
    number("network.start-wait-seconds", "Seconds to wait at the start", (0, 300), 0),
    choice("network.ethernet", "Speed of Ethernet", &["auto", "10", "100", "1000"], "auto"),
];
