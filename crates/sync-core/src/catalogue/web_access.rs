//! Web access: the machine's browser, and its favorites.

use super::{
    Default, Form, Kind, Part, Place, RecordType, Setting, choice, flag, number, of, optional, required, text,
};

/// A page that is called up by its name.
pub const FAVORITE: RecordType = RecordType::new(
    "web-favorite",
    "Favorite of web access",
    &["url"],
    &[
        required("name", "Name", Kind::Text(64)),
        required("url", "Address of the page", Kind::Text(1_024)),
        optional("folder", "Folder", Kind::Text(64)),
        optional("number", "Its place", Kind::Number(1, 1_000)),
    ],
);

/// How the browser behaves.
pub const SETTINGS: &[Setting] = &[
    flag("web-access.enabled", "Use web access", true),
    text("web-access.home-page", "Page at the beginning", 1_024),
    choice("web-access.text-size", "Size of text", &["small", "medium", "large", "largest"], "medium"),
    flag("web-access.cookies", "Accept cookies", true),
    flag("web-access.scripts", "Run scripts", true),
    flag("web-access.images", "Show pictures", true),
    flag("web-access.pop-ups", "Let pages open others", false),
    choice("web-access.cache", "Keep pages", &["off", "until-logout", "on"], "until-logout"),
    flag("web-access.clear-at-logout", "Forget cookies and entries at logout", true),
    number("web-access.time-out", "Seconds that a page may take", (5, 300), 60),
    choice("web-access.least-tls", "Least TLS version", &["1.0", "1.1", "1.2", "1.3"], "1.2"),
    flag("web-access.check-certificates", "Refuse pages whose certificate is not trusted", true),
    of(
        "web-access.proxy",
        "Proxy of the browser",
        Kind::Map(&[
            required("host", "Host", Kind::Form(Form::Host)),
            required("port", "Port", Kind::Number(1, 65_535)),
            optional("same_domain", "Use it within the own domain too", Kind::Flag),
        ]),
        Default::Map(&[]),
    ),
    flag("web-access.enter-addresses", "People may enter addresses of pages", true),
    flag("web-access.print-pages", "People may print pages", true),
];

/// The favorites.
pub const FAVORITES: Part =
    Part { place: Place::Local("web-access-favorites"), types: &[&FAVORITE], settings: &[] };
/// The settings.
pub const BROWSER: Part = Part { place: Place::Local("web-access"), types: &[], settings: SETTINGS };
