//! Authentication users: who may log in at the machine. A password is never here, only its salted hash.

use super::{
    Field, Form, Kind, Part, Place, RecordType, Secret, Setting, choice, flag, number, optional, required,
};

/// A password as a salted hash: what compares it needs all of it.
pub const PASSWORD_HASH: Kind = Kind::Map(&[
    required("scheme", "How it was hashed", Kind::Choice(&["sha256", "pbkdf2-sha256", "argon2id"])),
    optional("rounds", "How many rounds", Kind::Number(1, 10_000_000)),
    required("salt", "Salt", Kind::Bytes(64)),
    required("hash", "Hash", Kind::Bytes(64)).secret(Secret::Sealed),
]);

/// A field for a password.
pub(super) const PASSWORD: Field =
    optional("password", "Password, as a salted hash", PASSWORD_HASH).secret(Secret::Sealed);

/// Somebody who may log in.
pub const USER: RecordType = RecordType {
    // Which two they are is the machine's own.
    stays: &["built_in"],
    ..RecordType::new(
        "login-user",
        "User",
        &["name"],
        &[
            required("name", "User name", Kind::Text(128)),
            optional("display_name", "Name that is shown", Kind::Text(128)),
            optional("reading", "How the name is read aloud and sorted", Kind::Text(128)),
            optional("mail", "E-mail address", Kind::Form(Form::Mail)),
            PASSWORD,
            optional("pin", "PIN for a keypad login", Kind::Form(Form::Digits(1, 7))).secret(Secret::Sealed),
            required(
                "role",
                "What they may",
                Kind::Choice(&[
                    "administrator",
                    "device-administrator",
                    "network-administrator",
                    "power-user",
                    "general-user",
                    "limited-user",
                    "guest",
                ]),
            ),
            optional("group:*", "Member of this group, by its id", Kind::Flag),
            optional("department", "Department ID", Kind::Form(Form::Digits(1, 7))),
            optional("built_in", "One of the two that no import deletes", Kind::Flag),
            optional("enabled", "Whether they may log in", Kind::Flag),
            optional("expires", "The last day on which they may", Kind::Form(Form::Date)),
            optional("icon", "Picture", Kind::Text(64)),
        ],
    )
};

/// A group of users, whose address list synchronizes.
pub const GROUP: RecordType = RecordType::new(
    "login-group",
    "User group",
    &["id"],
    &[
        required("id", "Its id", Kind::Text(64)),
        optional("name", "Name", Kind::Text(128)),
        optional("comment", "Comment", Kind::Text(256)),
    ],
);

/// How people log in.
pub const SETTINGS: &[Setting] = &[
    choice("login.when", "When people must log in", &["at-start", "at-functions", "never"], "at-functions"),
    choice(
        "login.screen",
        "How people log in",
        &["keyboard", "picture", "card", "picture-and-card"],
        "keyboard",
    ),
    flag("login.local", "People whom this machine knows", true),
    flag("login.server", "People whom a directory server knows", false),
    flag("login.guests", "Let guests in", false),
    number("login.kept-users", "How many people of a server are kept", (0, 5_000), 100),
    number("login.logout-seconds", "Seconds without use until people are logged out", (10, 900), 120),
    flag("login.remember-name", "Show the last user name", false),
    flag("login.case-sensitive", "User names differ by upper and lower case", true),
    choice(
        "login.new-user-role",
        "What new people may",
        &["general-user", "limited-user", "guest"],
        "general-user",
    ),
    flag("login.keypad-pin", "A PIN in place of the password", false),
    choice(
        "login.delete-at-limit",
        "At the limit of kept people",
        &["refuse", "delete-oldest"],
        "delete-oldest",
    ),
];

/// The machine's. Password hashes leave it only in an encrypted file.
pub const USERS: Part =
    Part { place: Place::Local("authentication-users"), types: &[&USER, &GROUP], settings: SETTINGS };
