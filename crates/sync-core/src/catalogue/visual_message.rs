//! Visual messages: what the machine shows to people before they log in, or while nobody uses it.

use super::{Form, Kind, Part, Place, RecordType, Setting, choice, flag, number, optional, required, text};

/// A message.
pub const MESSAGE: RecordType = RecordType::new(
    "visual-message",
    "Visual message",
    &["title"],
    &[
        required("title", "Title", Kind::Text(64)),
        optional("text", "Text", Kind::Lines(2_048)),
        optional("url", "Address of the page or picture that is shown", Kind::Text(1_024)),
        optional(
            "show",
            "When it is shown",
            Kind::Choice(&["at-start", "before-login", "after-login", "idle"]),
        ),
        optional("from", "First day", Kind::Form(Form::Date)),
        optional("until", "Last day", Kind::Form(Form::Date)),
        optional("seconds", "How long it is shown", Kind::Number(1, 600)),
        optional("order", "Its place among the messages", Kind::Number(1, 100)),
        optional("enabled", "Whether it is shown", Kind::Flag),
        optional("picture", "Picture", Kind::Bytes(256 * 1024)),
    ],
);

/// How messages are shown.
pub const SETTINGS: &[Setting] = &[
    flag("visual-message.enabled", "Show messages", false),
    choice(
        "visual-message.source",
        "Where messages come from",
        &["this-machine", "web-server", "folder"],
        "this-machine",
    ),
    text("visual-message.url", "Where the web server or folder is", 1_024),
    number("visual-message.refresh-minutes", "Minutes until it is looked at again", (1, 1_440), 60),
    number("visual-message.idle-seconds", "Seconds without use until one is shown", (10, 3_600), 120),
    flag("visual-message.close-by-touch", "A touch closes a message", true),
];

/// The machine's.
pub const MESSAGES: Part =
    Part { place: Place::Local("visual-message"), types: &[&MESSAGE], settings: SETTINGS };
