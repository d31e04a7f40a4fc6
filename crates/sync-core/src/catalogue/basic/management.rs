//! Management settings: users, device, licence, data.

use crate::catalogue::{
    Default, Form, InFile, Kind, Setting, choice, flag, number, of, optional, required, text,
};

pub(super) const SETTINGS: &[Setting] = &[
    // Users.
    flag("management.users.login-needed", "People must log in", false),
    choice("management.users.logout-message", "Message at logout", &["off", "jobs", "always"], "jobs"),
    flag("management.users.personal-settings", "People have settings of their own", true),
    number("management.users.most-kept", "How many people's settings are kept", (1, 1_000), 500),
    choice("management.users.at-limit", "At that limit", &["delete-oldest", "discard-new"], "delete-oldest"),
    flag("management.users.role-by-group", "Roles by groups of the directory", false),
    // The device: this one's own names.
    of(
        "management.device.information",
        "Name and place of the machine",
        Kind::Map(&[optional("name", "Name", Kind::Text(32)), optional("location", "Place", Kind::Text(32))]),
        Default::Map(&[]),
    )
    .in_file(InFile::No),
    of(
        "management.device.contact",
        "Whom to call",
        Kind::Map(&[
            optional("name", "Name", Kind::Text(64)),
            optional("telephone", "Telephone", Kind::Text(32)),
            optional("mail", "E-mail address", Kind::Form(Form::Mail)),
            optional("comment", "Comment", Kind::Lines(256)),
        ]),
        Default::Map(&[]),
    ),
    flag("management.device.remote-interface", "Use the remote user interface", true),
    flag("management.device.remote-interface-tls", "Only with TLS", true),
    flag("management.device.remote-operation", "Let the screen be used from afar", false),
    of("management.device.remote-password", "Password of remote operation", Kind::Text(8), Default::Text(""))
        .sealed(),
    flag("management.device.usb-storage", "Use USB storage", true),
    flag("management.device.usb-input", "Use keyboards by USB", true),
    flag("management.device.job-log", "Show the job log", true),
    flag("management.device.job-log-open", "Let managing software read the job log", false),
    flag("management.device.audit-log", "Keep an audit log", false),
    choice(
        "management.device.toner-levels",
        "Show toner levels to",
        &["everybody", "administrators"],
        "everybody",
    ),
    of(
        "management.device.distribution",
        "Receive settings that others distribute",
        Kind::Map(&[
            required("enabled", "Receive them", Kind::Flag),
            optional("from", "From whom", Kind::List(&Kind::Form(Form::Host), 10)),
            optional("refuse", "What is refused", Kind::List(&Kind::Text(64), 30)),
        ]),
        Default::Map(&[("enabled", Default::Flag(false))]),
    ),
    // Synchronization.
    flag("management.sync.apply-at-once", "Apply what arrives while somebody works", false),
    number("management.sync.search-depth", "Routers that a search for the server passes", (1, 8), 1),
    // Licence.
    text("management.license.registration-name", "To whom the machine is registered", 64),
    flag("management.license.feature-trial", "Offer features on trial", false),
    of(
        "management.license.features",
        "Features that are switched on",
        Kind::List(&Kind::Text(32), 50),
        Default::List(&[]),
    )
    .in_file(InFile::No),
    // Data.
    flag("management.data.erase", "Overwrite what is deleted", false),
    choice(
        "management.data.erase-mode",
        "How often",
        &["once-zeros", "once-random", "three-random", "dod"],
        "once-zeros",
    ),
    flag("management.data.encrypt", "Encrypt the storage", true),
    choice("management.data.backup-cycle", "Back up", &["off", "daily", "weekly", "monthly"], "off"),
    of("management.data.backup-at", "When", Kind::Form(Form::Time), Default::Text("02:00")),
    number("management.data.keep-logs-days", "Days that logs are kept", (1, 3_650), 365),
];
