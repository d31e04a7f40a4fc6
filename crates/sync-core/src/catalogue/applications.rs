//! Applications that were installed in the machine, and their settings. What the settings mean only the application knows;
//! each is a field of its own, under its type and name.

use super::{Kind, Part, Place, RecordType, Secret, optional, required};

/// The settings of one application.
pub const APPLICATION: RecordType = RecordType::new(
    "application",
    "Application",
    &["id"],
    &[
        required("id", "Its id, as its maker gave it", Kind::Text(128)),
        required("name", "Name", Kind::Text(128)),
        required("version", "Version", Kind::Text(32)),
        optional("started", "Whether it runs", Kind::Flag),
        optional("order", "Its place in the menu", Kind::Number(1, 999)),
        optional("flag:*", "Setting: on or off", Kind::Flag),
        optional("number:*", "Setting: a whole number", Kind::Number(i64::MIN, i64::MAX)),
        optional("text:*", "Setting: text", Kind::Lines(4_096)),
        optional("bytes:*", "Setting: bytes", Kind::Bytes(64 * 1024)),
        optional("secret:*", "Setting: secret text", Kind::Lines(4_096)).secret(Secret::Sealed),
    ],
);

/// The machine's.
pub const APPLICATIONS: Part =
    Part { place: Place::Local("meap-application-settings"), types: &[&APPLICATION], settings: &[] };
