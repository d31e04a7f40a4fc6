//! Set destination: how address lists are used. The lists themselves are items of their own.

use crate::catalogue::{
    Default, Form, Kind, Secret, Setting, choice, flag, number, of, optional, required, text,
};

/// Names of the lists 1 to 10, in order; together, since they are ordered together.
const NAMES: Kind = Kind::List(&Kind::Text(24), 10);

pub(super) const SETTINGS: &[Setting] = &[
    of("destination.list-names", "Names of the address lists", NAMES, Default::List(&[])),
    choice(
        "destination.first-list",
        "Which is shown first",
        &["all", "1", "personal", "group", "one-touch"],
        "all",
    ),
    of("destination.pin", "PIN of the address book", Kind::Form(Form::Digits(1, 7)), Default::Text(""))
        .sealed(),
    flag("destination.access-numbers", "Use access numbers", false),
    flag("destination.new-addresses", "People may enter addresses that no list has", true),
    flag("destination.personal-lists", "People have address lists of their own", true),
    flag("destination.group-lists", "Groups have address lists", true),
    flag("destination.show-personal-first", "A person's own list comes first", false),
    flag("destination.one-touch", "Use the one-touch list", true),
    flag("destination.recent", "Offer the latest destinations", true),
    number("destination.one-touch-per-page", "One-touch buttons on a page", (8, 48), 24),
    of(
        "destination.remote-book",
        "Address book of another machine",
        Kind::Map(&[
            required("enabled", "Use it", Kind::Flag),
            optional("host", "Which machine", Kind::Form(Form::Host)),
            optional("seconds", "Seconds to wait", Kind::Number(15, 120)),
        ]),
        Default::Map(&[("enabled", Default::Flag(false))]),
    ),
    flag("destination.open-book", "Let other machines use this address book", false),
    of(
        "destination.directory",
        "Search in a directory",
        Kind::Map(&[
            required("enabled", "Use it", Kind::Flag),
            optional("name", "What people call it", Kind::Text(24)),
            optional(
                "attribute",
                "What is searched first",
                Kind::Choice(&["name", "mail", "fax", "organization"]),
            ),
            optional("user", "User name", Kind::Text(128)),
            optional("password", "Password", Kind::Text(128)).secret(Secret::Sealed),
        ]),
        Default::Map(&[("enabled", Default::Flag(false))]),
    )
    .sealed(),
    text("destination.domain", "Domain that is added to an e-mail address without one", 120),
];
