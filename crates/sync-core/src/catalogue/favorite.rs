//! Favorites: jobs that are called up with all their settings.

use super::{Field, Keys, Kind, Part, Place, RecordType, Setting, flag, home, optional, required};

const NUMBER: Field = required("number", "Its number", Kind::Number(1, 99));
const NAME: Field = required("name", "Name", Kind::Text(64));
const COMMENT: Field = optional("comment", "Comment", Kind::Text(128));
const JOB: Field = optional("settings", "Settings of the job", Kind::List(&home::JOB_SETTING, 100));
const START: Field = optional("start", "Begin the job at once", Kind::Flag);

/// For sending, with destinations: addresses of the machine's lists, by their ids.
pub const SENDING: RecordType = RecordType::new(
    "favorite-sending",
    "Favorite for sending",
    &["number"],
    &[
        NUMBER,
        NAME,
        COMMENT,
        optional("function", "Which function", Kind::Choice(&["scan-and-send", "fax"])),
        optional("destination:*", "Address: its place among the destinations", Kind::Number(1, 1_000))
            .keys(Keys::Record),
        optional("cc:*", "Address for a copy: its place", Kind::Number(1, 1_000)).keys(Keys::Record),
        optional("sender_name", "Sender's name", Kind::Text(64)),
        optional("subject", "Subject of the e-mail", Kind::Text(128)),
        optional("message", "Text of the e-mail", Kind::Lines(1_024)),
        JOB,
        START,
    ],
);
/// For copying.
pub const COPYING: RecordType = RecordType::new(
    "favorite-copy",
    "Favorite for copying",
    &["number"],
    &[NUMBER, NAME, COMMENT, JOB, START],
);
/// For storing.
pub const STORING: RecordType = RecordType::new(
    "favorite-storing",
    "Favorite for storing",
    &["number"],
    &[NUMBER, NAME, COMMENT, optional("folder", "Where", Kind::Text(255)), JOB, START],
);

/// What holds for all of them.
pub const SETTINGS: &[Setting] = &[
    flag("favorite.confirm-on-call", "Show the settings before they are taken", true),
    flag("favorite.keep-destinations", "Keep destinations that are chosen already", false),
    flag("favorite.restrict", "Only administrators change favorites", false),
];

const PLACE: Place = Place::Local("favorite");
/// All of the machine's.
pub const ALL: Part = Part { place: PLACE, types: &[&SENDING, &COPYING, &STORING], settings: SETTINGS };
/// Those for sending alone.
pub const FOR_SENDING: Part = Part { place: PLACE, types: &[&SENDING], settings: &[] };
