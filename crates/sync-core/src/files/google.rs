//! Google's contacts as CSV: the export since about 2024 (`First Name,...,Labels,E-mail 1 - Label,...`) and the older one
//! (`Name,Given Name,...,Group Membership,E-mail 1 - Type,...`); column lines as many public programs quote them. The
//! numbered groups of columns go as far as the data needs. ` ::: ` stands between several values of one cell. A leading
//! `* ` marks the preferred one of several, and a group of the system. A fax is a telephone number whose label says so.

use super::{
    Encoding, FileError, Format,
    book::{Book, Contact, Frame, Link, TextFrame, full_name},
    columns::{Chart, Chosen, Use},
    convert::{ReadOptions, WriteOptions},
    field::{Field, LABELS as USUAL_LABELS, Slot, label_of},
    format::{Room, Writer},
    holds::{Groups, Holds},
    owner::Owner,
    table::{Cells, Style, Table, line_end, rows},
    text::Text,
};
use crate::address::{Address, Person};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

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

    /// The label of new ones.
    const fn usual(self) -> &'static str {
        match self {
            Self::Fax => "Work Fax",
            Self::Mobile => "Mobile",
            Self::Phone => "Work",
        }
    }
}

/// What is kept that is no column: labels that are not the usual ones, and further numbers.
const KEEPS: &[&str] = &["place", "label", "mobile label", "telephones"];

/// A label as Google spells it.
fn spelled(label: &str) -> String {
    if !USUAL_LABELS.contains(&label) {
        return label.into();
    }
    let (first, rest) = label.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// Where a fax is, as a label such as `Home Fax` says.
fn label_of_fax(kind: &str) -> Option<&str> {
    let at = kind.len().checked_sub(" fax".len())?;
    let (label, fax) = (kind.get(..at)?, kind.get(at..)?);
    fax.eq_ignore_ascii_case(" fax").then_some(label.trim()).filter(|label| !label.is_empty())
}

fn chart_of(cells: &Cells<'_>) -> &'static Chart {
    let old =
        cells.columns.iter().any(|name| name.trim() == OLD_EDITION.labels || name.trim() == "Given Name");
    if old { &OLD_CHART } else { &CHART }
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>) {
    let chart = chart_of(cells);
    let mut found: Vec<(bool, Address)> = Vec::new();
    let mut person = Person::default();
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut further: Vec<String> = Vec::new();
    for (name, cell) in cells.columns.iter().zip(cells.cells).filter(|(_, cell)| !cell.is_empty()) {
        let (thing, number) = match (numbered(name, "E-mail", "Value"), numbered(name, "Phone", "Value")) {
            (Some(number), _) => ("E-mail", number),
            (_, Some(number)) => ("Phone", number),
            _ => continue,
        };
        let says = ["Label", "Type"].map(|part| cells.get(&format!("{thing} {number} - {part}")));
        let (kind, preferred) = label(if says[0].is_empty() { says[1] } else { says[0] });
        for value in values(cell) {
            let line = if thing == "E-mail" { None } else { Some(Line::of(kind)) };
            let mut destination = |slot: Slot, field: Field, label: Option<&str>| {
                let mut entry = slot.entry();
                field.set(&mut entry, value);
                match label {
                    Some(label) => entry.label = label_of(label),
                    None => {
                        entry.kept_by.insert(chart.key("label"), kind.into());
                    }
                }
                found.push((!preferred, entry));
            };
            match line {
                None => destination(Slot::Mail, Field::Mail, Some(kind)),
                Some(Line::Fax) => destination(Slot::Fax, Field::FaxNumber, label_of_fax(kind)),
                Some(Line::Mobile) if person.mobile.is_empty() => {
                    person.mobile = value.into();
                    if kind != "Mobile" {
                        kept.insert(chart.key("mobile label"), kind.into());
                    }
                }
                Some(Line::Phone) if person.phone.is_empty() => {
                    person.phone = value.into();
                    person.phone_label = label_of(kind);
                }
                Some(_) => further.push(format!("{kind}={value}")),
            }
        }
    }
    if !further.is_empty() {
        kept.insert(chart.key("telephones"), further.join(BETWEEN));
    }
    let shared = contact.entries[0].clone();
    found.sort_by_key(|(later, entry)| (Slot::of(entry), *later));
    contact.entries = found.into_iter().map(|(_, entry)| entry).collect();
    if contact.entries.is_empty() {
        contact.entry_mut(Slot::Nowhere);
    }
    for entry in &mut contact.entries {
        let (kind, folder) = (entry.kind.clone(), entry.folder.clone());
        let (mail, fax, own) = (entry.mail.clone(), entry.fax.clone(), core::mem::take(&mut entry.kept_by));
        let label = core::mem::take(&mut entry.label);
        *entry = Address { kind, folder, mail, fax, label, kept_by: own, ..shared.clone() };
        if !person.phone.is_empty() {
            Field::Phone.set(entry, &person.phone);
            Field::PhoneLabel.set(entry, &person.phone_label);
        }
        if !person.mobile.is_empty() {
            Field::Mobile.set(entry, &person.mobile);
        }
    }
    let first = &mut contact.entries[0].kept_by;
    first.extend(shared.kept_by);
    first.append(&mut kept);
    let labels = [EDITION.labels, OLD_EDITION.labels].map(|name| cells.get(name)).concat();
    if !labels.trim().is_empty() {
        // The groups are made of it when all rows are there.
        first.insert(chart.key(LABELS), labels);
    }
}

/// Where the labels of a contact stand: while it is read, all; then those of the system that say something.
const LABELS: &str = "labels";

fn is_usual_label(name: &str) -> bool {
    let squashed: String = name.chars().filter(|one| one.is_alphanumeric()).collect();
    squashed.eq_ignore_ascii_case("mycontacts")
}

/// Makes groups of the labels.
fn group(book: &mut Book, chart: &Chart) {
    let key = chart.key(LABELS);
    let mut groups: Vec<Contact> = Vec::new();
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for (at, contact) in book.contacts.iter_mut().enumerate() {
        let line = contact.line;
        let Some(entry) = contact.entries.first_mut() else { continue };
        let Some(labels) = entry.kept_by.remove(&key) else { continue };
        let mut system: Vec<&str> = Vec::new();
        for name in values(&labels) {
            let (bare, of_system) = label(name);
            if of_system {
                if !is_usual_label(bare) && !system.contains(&name) {
                    system.push(name);
                }
                continue;
            }
            let place = *by_name.entry(name.to_string()).or_insert_with(|| {
                let mut entry = Slot::Group.entry();
                entry.name = name.into();
                groups.push(Contact { line, ..Contact::of(Owner::None, entry) });
                groups.len() - 1
            });
            let link = Link { contact: at, entry: None };
            if groups[place].members.last() != Some(&link) {
                groups[place].members.push(link);
            }
        }
        if !system.is_empty() {
            entry.kept_by.insert(key.clone(), system.join(BETWEEN));
        }
        contact.mark_linked();
    }
    for group in &mut groups {
        group.mark_read("", "");
    }
    if let Frame::Text(frame) = &mut book.frame {
        frame.groups = groups.len();
    }
    book.contacts.extend(groups);
}

fn read_edition(edition: &Edition, text: &Text) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..Style::default() };
    let choose = |names: &[String], _: &[&[String]]| layout(edition, names);
    let mut book = edition.chart.read("", &text.text, style, text.encoding, &choose)?;
    group(&mut book, edition.chart);
    Ok(book)
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    read_edition(&EDITION, text)
}

fn read_old(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    read_edition(&OLD_EDITION, text)
}

/// The telephone numbers of a contact with their labels.
fn telephones(chart: &Chart, contact: &Contact) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for entry in contact.entries.iter().filter(|entry| Slot::of(entry) == Slot::Fax) {
        let of_entry = entry.kept_by.get(&chart.key("label")).cloned();
        let kind = match &*entry.label {
            "" => of_entry.unwrap_or_else(|| Line::Fax.usual().into()),
            label => spelled(label) + " Fax",
        };
        lines.push((kind, Field::FaxNumber.get(entry)));
    }
    let first = contact.entries.first();
    let said = |field: Field| first.map(|entry| field.get(entry)).filter(|text| !text.is_empty());
    let phone = said(Field::PhoneLabel).map(|label| spelled(&label));
    for (field, kind, line) in [
        (Field::Phone, phone, Line::Phone),
        (Field::Mobile, chart.kept(contact, "mobile label"), Line::Mobile),
    ] {
        if let Some(number) = said(field) {
            lines.push((kind.unwrap_or_else(|| line.usual().into()), number));
        }
    }
    let further = chart.kept(contact, "telephones").unwrap_or_default();
    let further = values(&further).filter_map(|one| one.split_once('='));
    lines.extend(further.map(|(kind, number)| (kind.to_string(), number.to_string())));
    lines
}

/// The e-mail addresses of a contact with their labels.
fn mails(contact: &Contact) -> Vec<(String, String)> {
    let mails: Vec<&Address> = contact.entries.iter().filter(|entry| Slot::of(entry) == Slot::Mail).collect();
    let several = mails.len() > 1;
    let label = |(at, entry): (usize, &&Address)| {
        let kind = if entry.label.is_empty() { Line::Phone.usual().into() } else { spelled(&entry.label) };
        let star = if several && at == 0 { "* " } else { "" };
        (format!("{star}{kind}"), entry.mail.clone())
    };
    mails.iter().enumerate().map(label).collect()
}

fn is_group(contact: &Contact) -> bool {
    contact.entries.iter().any(|entry| Slot::of(entry) == Slot::Group)
}

fn before_write(contacts: &[Contact], at: usize, frame: &TextFrame, cells: &mut [String]) {
    let old =
        frame.layout.iter().any(|column| column.key == OLD_EDITION.labels || column.key == "Given Name");
    let edition = if old { &OLD_EDITION } else { &EDITION };
    let contact = &contacts[at];
    let column = |name: &str| frame.layout.iter().position(|column| column.key == name);
    for (thing, values) in [("E-mail", mails(contact)), ("Phone", telephones(edition.chart, contact))] {
        let mut last = None;
        for (number, (kind, value)) in (1..).zip(values) {
            let [kind_at, value_at] =
                [edition.label, "Value"].map(|part| column(&format!("{thing} {number} - {part}")));
            let Some(at) = value_at else {
                // Beyond the last column they share its cell.
                if let Some(cell) = last.and_then(|at: usize| cells.get_mut(at)) {
                    cell.push_str(BETWEEN);
                    cell.push_str(&value);
                }
                continue;
            };
            last = Some(at);
            for (at, text) in [(kind_at, kind), (value_at, value)] {
                if let Some(cell) = at.and_then(|at| cells.get_mut(at)) {
                    *cell = text;
                }
            }
        }
    }
    // Where no parts are known, Google takes the name from the first of them.
    let first = contact.entries.first();
    let made = first.and_then(|entry| entry.person.as_ref()).map(full_name).unwrap_or_default();
    if let (Some(entry), Some(cell)) = (first, column("Given Name").and_then(|at| cells.get_mut(at)))
        && made.is_empty()
        && Field::Organization.get(entry) != entry.name
    {
        cell.clone_from(&entry.name);
    }
    let groups = frame.groups_of.get(&at).map_or(&[][..], |groups| groups);
    let mut labels: Vec<String> = groups.iter().map(|group| contacts[*group].name().to_string()).collect();
    labels.extend(edition.chart.kept(contact, LABELS));
    labels.push("* myContacts".into());
    if let Some(cell) = column(edition.labels).and_then(|at| cells.get_mut(at)) {
        *cell = labels.join(BETWEEN);
    }
}

/// Whether the columns of a frame suffice for a contact; `None` if the format is another.
pub(super) fn suffices(format: Format, frame: &TextFrame, contact: &Contact) -> Option<bool> {
    let edition = [EDITION, OLD_EDITION].into_iter().find(|edition| edition.chart.format == format)?;
    let column = |name: &str| frame.layout.iter().any(|column| column.key == name);
    if is_group(contact) {
        return Some(column(edition.labels));
    }
    let counts = [("E-mail", mails(contact)), ("Phone", telephones(edition.chart, contact))];
    let numbered = counts.iter().all(|(thing, values)| {
        (1..=values.len()).all(|number| {
            column(&format!("{thing} {number} - {}", edition.label))
                && column(&format!("{thing} {number} - Value"))
        })
    });
    let first = contact.entries.first()?;
    let own = [Field::Mail, Field::FaxNumber, Field::Phone, Field::Mobile];
    let fields = Field::ALL.iter().filter(|field| !own.contains(field) && !field.get(first).is_empty());
    let known = edition.columns.iter().chain(&OLD_ORGANIZATION);
    let shared = fields.copied().all(|field| {
        let listed = known.clone().any(|(_, means)| *means == Use::Shared(field));
        !listed || frame.layout.iter().any(|column| column.means == Use::Shared(field))
    });
    let prefix = edition.chart.key("");
    let mut kept = contact.entries.iter().flat_map(|entry| entry.kept_by.keys());
    let keeps = kept.all(|key| {
        key.strip_prefix(&*prefix).is_none_or(|name| name == LABELS || KEEPS.contains(&name) || column(name))
    });
    Some(numbered && shared && keeps && column(edition.labels))
}

fn frame_of(edition: &Edition, contacts: &[Contact]) -> TextFrame {
    let mut columns: Vec<(String, Chosen)> = edition
        .columns
        .iter()
        .map(|(name, means)| (String::from(*name), Chosen::new(*name, *means)))
        .collect();
    let most =
        |count: &dyn Fn(&Contact) -> usize| contacts.iter().map(count).max().unwrap_or(0).clamp(1, MOST + 2);
    let mails = most(&|contact| mails(contact).len());
    let phones = most(&|contact| telephones(edition.chart, contact).len());
    for (thing, most) in [("E-mail", mails), ("Phone", phones)] {
        for number in 1..=most {
            for part in [edition.label, "Value"] {
                let name = format!("{thing} {number} - {part}");
                columns.push((name.clone(), Chosen::new(name, Use::Own)));
            }
        }
    }
    if edition.label == OLD_EDITION.label {
        columns.extend(
            OLD_ORGANIZATION.iter().map(|(name, means)| (String::from(*name), Chosen::new(*name, *means))),
        );
    }
    let keeps: Vec<&str> = KEEPS.iter().copied().chain([LABELS]).collect();
    let style = Style { line_end: "\n", ..Style::default() };
    edition.chart.frame(contacts, columns, style, &keeps)
}

fn frame(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    frame_of(&EDITION, contacts)
}

fn frame_old(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    frame_of(&OLD_EDITION, contacts)
}

fn row(edition: &Edition, contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    if is_group(&contacts[at]) {
        return String::new();
    }
    edition.chart.row(contacts, at, frame)
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    row(&EDITION, contacts, at, frame)
}

fn contact_old(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    row(&OLD_EDITION, contacts, at, frame)
}
