//! vCard 2.1 (the versit consortium), 3.0 (RFC 2426) and 4.0 (RFC 6350), of telephones and mail programs.
//!
//! Read are folded lines, quoted-printable and Base64 text with the `CHARSET` of 2.1, names of groups (`item1.`), types
//! with and without `TYPE=`, and files whose cards have different versions. A card of several e-mail addresses and fax
//! numbers (`TEL` of the type `FAX`) is a contact of several entries; the first other number is the telephone, a `CELL`
//! the mobile one. Readings are `X-PHONETIC-FIRST-NAME`, `X-PHONETIC-LAST-NAME`, `SORT-STRING`, and `SOUND;X-IRMC-N` of
//! Japanese telephones. Groups are cards with `KIND:group` and `MEMBER`, or Apple's `X-ADDRESSBOOKSERVER-KIND` and
//! `X-ADDRESSBOOKSERVER-MEMBER`; a member is named by its `UID`, or by `mailto:`. What else a card says is kept, its photo
//! too. A card within a card (`AGENT` of 2.1) stays in its file only.
//!
//! A card that is edited in its file keeps its version. New cards are of 3.0: iOS, Android, Outlook, Google and
//! Thunderbird all read it, while Outlook takes 2.1 and 3.0 only and several readers of telephones and machines know no
//! 4.0. It has no groups of its own, so they are Apple's there.

mod lines;
mod read;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod values;
mod write;

use super::{
    Encoding, Format,
    field::{Field, LABELS, Slot},
    format::{Room, Writer},
    holds::{Groups, Holds},
    text::Text,
};
use alloc::string::String;

pub(super) const ROOM: Room = Room {
    format: Format::Vcard,
    name: "vcard",
    title: "vCard 2.1, 3.0, 4.0",
    extensions: &["vcf", "vcard"],
    origin: "Contacts of iOS, Android and macOS, Google Contacts, Outlook, Thunderbird, Evolution: Export, vCard",
    holds: Holds {
        slots: &[(Slot::Mail, MOST), (Slot::Fax, MOST), (Slot::Group, 1), (Slot::Nowhere, 1)],
        together: MOST,
        fields: &[
            (Field::Name, 0),
            (Field::Reading, 0),
            (Field::Given, 0),
            (Field::Middle, 0),
            (Field::Family, 0),
            (Field::Prefix, 0),
            (Field::Suffix, 0),
            (Field::Nickname, 0),
            (Field::GivenReading, 0),
            (Field::FamilyReading, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Title, 0),
            (Field::Phone, 0),
            (Field::Mobile, 0),
            (Field::PhoneLabel, 0),
            (Field::Note, 0),
            (Field::Mail, 0),
            (Field::Label, 0),
            (Field::FaxNumber, 0),
        ],
        groups: Groups::Nested,
        boxes: true,
        lines: true,
        only_line_feeds: true,
        words: &[(Field::Label, LABELS), (Field::PhoneLabel, LABELS)],
        structure: &["UID", "REV", "PRODID", "VERSION", "PROFILE", "CLIENTPIDMAP", "X-ABUID", "X-ETAG"],
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read: read::read,
    writer: Writer::Whole(write::write),
};

/// How many destinations a card may have: each holds what the card says of the person.
const MOST: usize = 64;

/// Properties that are one field, in the order in which they are written.
const SINGLE: &[(&str, Field)] = &[
    ("FN", Field::Name),
    ("NICKNAME", Field::Nickname),
    ("X-PHONETIC-FIRST-NAME", Field::GivenReading),
    ("X-PHONETIC-LAST-NAME", Field::FamilyReading),
    ("SORT-STRING", Field::Reading),
    ("TITLE", Field::Title),
    ("NOTE", Field::Note),
];

/// The parts of a name in their order.
const PARTS: [Field; 5] = [Field::Family, Field::Given, Field::Middle, Field::Prefix, Field::Suffix];

const PREFIX: &str = "vcard:";
/// Ends the key under which is kept what stands before a value, where it is not usual.
const PARAMETERS: &str = " parameters";
const MOBILE: &str = "TEL of the mobile";
const UNITS: &str = "vcard:ORG further units";
const KINDS: [&str; 2] = ["KIND", "X-ADDRESSBOOKSERVER-KIND"];
const MEMBERS: [&str; 2] = ["MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"];

/// The label that types say, if they say one and not several.
fn label(types: &[String]) -> Option<&'static str> {
    let mut said =
        LABELS.iter().copied().filter(|label| types.iter().any(|one| one.eq_ignore_ascii_case(label)));
    said.next().filter(|_| said.next().is_none())
}

/// Whether a property with these types, its label aside, needs nothing kept.
fn is_usual(name: &str, types: &[String]) -> bool {
    let usual: &[&[&str]] = match name {
        "EMAIL" => &[&[], &["INTERNET"]],
        "FAX" => &[&["FAX"]],
        "TEL" => &[&[], &["VOICE"]],
        MOBILE => &[&["CELL"], &["CELL", "VOICE"]],
        _ => &[&[]],
    };
    let types: Vec<&str> = types.iter().map(|one| &**one).collect();
    usual.contains(&&*types)
}

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line.trim().eq_ignore_ascii_case("BEGIN:VCARD"))
}

/// A name by which cards are found: without its scheme, in lower case.
fn plain_uid(uid: &str) -> String {
    let uid = uid.trim().to_ascii_lowercase();
    uid.strip_prefix("urn:uuid:").unwrap_or(&uid).into()
}
