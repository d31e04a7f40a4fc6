//! Google's contacts as CSV: the export since about 2024 (`First Name,...,Labels,E-mail 1 - Label,...`) and the older one
//! (`Name,Given Name,...,Group Membership,E-mail 1 - Type,...`); column lines as many public programs quote them. The
//! numbered groups of columns go as far as the data needs. ` ::: ` stands between several values of one cell. A leading
//! `* ` marks the preferred one of several, and a group of the system. A fax is a telephone number whose label says so.

use super::{
    Encoding, Format,
    columns::{Chart, Chosen, Use},
    field::{Field, Slot},
    format::{Room, Writer},
    holds::{Groups, Holds},
    table::{Table, rows},
    text::Text,
};
use alloc::{format, string::String, vec::Vec};

mod read;
mod write;

use read::{after_read, read, read_old};
pub(super) use write::suffices;
use write::{before_write, contact, contact_old, frame, frame_old};

const CHART: Chart = Chart { format: Format::GoogleCsv, after_read, before_write };
const OLD_CHART: Chart = Chart { format: Format::Google2015Csv, after_read, before_write };

/// What differs between the two.
struct Edition {
    chart: &'static Chart,
    columns: &'static [(&'static str, Use)],
    labels: &'static str,
    label: &'static str,
}

const EDITION: Edition = Edition {
    chart: &CHART,
    columns: &[
        ("First Name", Use::Shared(Field::Given)),
        ("Middle Name", Use::Shared(Field::Middle)),
        ("Last Name", Use::Shared(Field::Family)),
        ("Phonetic First Name", Use::Shared(Field::GivenReading)),
        ("Phonetic Middle Name", Use::Kept),
        ("Phonetic Last Name", Use::Shared(Field::FamilyReading)),
        ("Name Prefix", Use::Shared(Field::Prefix)),
        ("Name Suffix", Use::Shared(Field::Suffix)),
        ("Nickname", Use::Shared(Field::Nickname)),
        ("File As", Use::Kept),
        ("Organization Name", Use::Shared(Field::Organization)),
        ("Organization Title", Use::Shared(Field::Title)),
        ("Organization Department", Use::Shared(Field::Department)),
        ("Birthday", Use::Kept),
        ("Notes", Use::Shared(Field::Note)),
        ("Photo", Use::Kept),
        ("Labels", Use::Own),
    ],
    labels: "Labels",
    label: "Label",
};

const OLD_EDITION: Edition = Edition {
    chart: &OLD_CHART,
    columns: &[
        ("Name", Use::Shared(Field::Name)),
        ("Given Name", Use::Shared(Field::Given)),
        ("Additional Name", Use::Shared(Field::Middle)),
        ("Family Name", Use::Shared(Field::Family)),
        ("Yomi Name", Use::Shared(Field::Reading)),
        ("Given Name Yomi", Use::Shared(Field::GivenReading)),
        ("Additional Name Yomi", Use::Kept),
        ("Family Name Yomi", Use::Shared(Field::FamilyReading)),
        ("Name Prefix", Use::Shared(Field::Prefix)),
        ("Name Suffix", Use::Shared(Field::Suffix)),
        ("Initials", Use::Kept),
        ("Nickname", Use::Shared(Field::Nickname)),
        ("Short Name", Use::Shared(Field::ShortName)),
        ("Maiden Name", Use::Kept),
        ("Birthday", Use::Kept),
        ("Gender", Use::Kept),
        ("Location", Use::Kept),
        ("Billing Information", Use::Kept),
        ("Directory Server", Use::Kept),
        ("Mileage", Use::Kept),
        ("Occupation", Use::Kept),
        ("Hobby", Use::Kept),
        ("Sensitivity", Use::Kept),
        ("Priority", Use::Kept),
        ("Subject", Use::Kept),
        ("Notes", Use::Shared(Field::Note)),
        ("Group Membership", Use::Own),
    ],
    labels: "Group Membership",
    label: "Type",
};

/// Columns of the first numbered groups that mean something.
const OLD_ORGANIZATION: [(&str, Use); 3] = [
    ("Organization 1 - Name", Use::Shared(Field::Organization)),
    ("Organization 1 - Title", Use::Shared(Field::Title)),
    ("Organization 1 - Department", Use::Shared(Field::Department)),
];

const SLOTS: &[(Slot, usize)] =
    &[(Slot::Mail, MOST), (Slot::Fax, MOST), (Slot::Group, 1), (Slot::Nowhere, 1)];

/// The most e-mail addresses, and the most telephone numbers, of one contact.
const MOST: usize = 20;

const fn room(
    format: Format,
    name: &'static str,
    title: &'static str,
    fields: &'static [(Field, usize)],
    is_old: bool,
) -> Room {
    Room {
        format,
        name,
        title,
        extensions: &["csv"],
        origin: "contacts.google.com: Export, Google CSV",
        holds: Holds {
            slots: SLOTS,
            together: 2 * MOST,
            fields,
            name_of_parts: !is_old,
            groups: Groups::Flat,
            groups_by_members: true,
            lines: true,
            ..Holds::NOTHING
        },
        encoding: Encoding::UTF_8,
        recognizes: if is_old { recognizes_old } else { recognizes },
        read: if is_old { read_old } else { read },
        writer: if is_old {
            Writer::Text { frame: frame_old, contact: contact_old }
        } else {
            Writer::Text { frame, contact }
        },
    }
}

pub(super) const ROOM: Room = room(
    Format::GoogleCsv,
    "google-csv",
    "Google contacts, CSV",
    &[
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
    false,
);

pub(super) const OLD_ROOM: Room = room(
    Format::Google2015Csv,
    "google-2015-csv",
    "Google contacts, CSV as before 2024",
    &[
        (Field::Name, 0),
        (Field::Reading, 0),
        (Field::ShortName, 0),
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
    true,
);

fn has(text: &Text, needed: &[&str]) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    rows(first, ',', 1).is_ok_and(|rows| rows.first().is_some_and(|row| Table::has(&row.cells, needed)))
}

fn recognizes(text: &Text) -> bool {
    has(text, &["First Name", "Last Name", "Labels"])
        || has(text, &["First Name", "E-mail 1 - Label", "E-mail 1 - Value"])
        || has(text, &["First Name", "Phone 1 - Label", "Phone 1 - Value"])
}

fn recognizes_old(text: &Text) -> bool {
    has(text, &["Name", "Given Name", "Group Membership"])
        || has(text, &["Name", "Given Name", "E-mail 1 - Type", "E-mail 1 - Value"])
        || has(text, &["Name", "Given Name", "Phone 1 - Type", "Phone 1 - Value"])
}

/// The number of a numbered column, such as 2 of `Phone 2 - Value`.
fn numbered(name: &str, thing: &str, part: &str) -> Option<usize> {
    let rest = name.trim().strip_prefix(thing)?.strip_prefix(' ')?;
    rest.strip_suffix(part)?.trim_end().strip_suffix('-')?.trim_end().parse().ok()
}

fn is_own(name: &str) -> bool {
    ["E-mail", "Phone"]
        .iter()
        .any(|thing| ["Label", "Type", "Value"].iter().any(|part| numbered(name, thing, part).is_some()))
}

fn layout(edition: &Edition, names: &[String]) -> Vec<Chosen> {
    let choose = |(at, name): (usize, &String)| {
        let name = name.trim();
        let known = edition.columns.iter().chain(&OLD_ORGANIZATION).find(|(one, _)| *one == name);
        match known {
            Some((name, means)) => Chosen::new(*name, *means),
            None if is_own(name) => Chosen::new(name, Use::Own),
            None if name.is_empty() => Chosen::new(format!("column {}", at + 1), Use::Kept),
            None => Chosen::new(name, Use::Kept),
        }
    };
    names.iter().enumerate().map(choose).collect()
}

/// The label, without the star of what is preferred, and whether it had one.
fn label(text: &str) -> (&str, bool) {
    let text = text.trim();
    text.strip_prefix('*').map_or((text, false), |rest| (rest.trim(), true))
}

const BETWEEN: &str = " ::: ";

fn values(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(":::").map(str::trim).filter(|value| !value.is_empty())
}

/// What kind of telephone a label speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Fax,
    Mobile,
    Phone,
}

impl Line {
    fn of(label: &str) -> Self {
        let label = label.to_lowercase();
        if label.contains("fax") || label.contains("ファ") || label.contains("télécop") {
            Self::Fax
        } else if ["mobil", "cell", "handy", "móvil", "携帯"].iter().any(|word| label.contains(word)) {
            Self::Mobile
        } else {
            Self::Phone
        }
    }

    /// The label of what has none of its own: nothing but what kind it is.
    const fn usual(self) -> &'static str {
        match self {
            Self::Fax => "Fax",
            Self::Mobile => "Mobile",
            Self::Phone => "",
        }
    }
}

/// What is kept that is no column: labels that are not the usual ones, and further numbers.
const KEEPS: &[&str] = &["place", "label", "mobile label", "telephones"];

/// Where the labels of a contact stand: while it is read, all; then those of the system that say something.
const LABELS: &str = "labels";
