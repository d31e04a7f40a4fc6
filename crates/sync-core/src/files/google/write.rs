//! From contacts to Google's CSV.

use super::{BETWEEN, EDITION, Edition, KEEPS, LABELS, Line, MOST, OLD_EDITION, OLD_ORGANIZATION, values};
use crate::{
    address::Address,
    files::{
        Format,
        book::{Contact, TextFrame, full_name},
        columns::{Chart, Chosen, Use},
        convert::WriteOptions,
        field::{Field, LABELS as USUAL_LABELS, Slot},
        table::Style,
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A label as Google spells it.
fn spelled(label: &str) -> String {
    if !USUAL_LABELS.contains(&label) {
        return label.into();
    }
    let (first, rest) = label.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// The telephone numbers of a contact with their labels.
fn telephones(chart: &Chart, contact: &Contact) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for entry in contact.entries.iter().filter(|entry| Slot::of(entry) == Slot::Fax) {
        let of_entry = entry.kept_by.get(&chart.key("label")).cloned();
        let kind = match &*entry.label {
            // A telephone is a fax by its label.
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
        let kind = spelled(&entry.label);
        let star = if several && at == 0 { "* " } else { "" };
        (format!("{star}{kind}"), entry.mail.clone())
    };
    mails.iter().enumerate().map(label).collect()
}

fn is_group(contact: &Contact) -> bool {
    contact.entries.iter().any(|entry| Slot::of(entry) == Slot::Group)
}

pub(super) fn before_write(contacts: &[Contact], at: usize, frame: &TextFrame, cells: &mut [String]) {
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
pub(in crate::files) fn suffices(format: Format, frame: &TextFrame, contact: &Contact) -> Option<bool> {
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

pub(super) fn frame(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    frame_of(&EDITION, contacts)
}

pub(super) fn frame_old(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    frame_of(&OLD_EDITION, contacts)
}

fn row(edition: &Edition, contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    if is_group(&contacts[at]) {
        return String::new();
    }
    edition.chart.row(contacts, at, frame)
}

pub(super) fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    row(&EDITION, contacts, at, frame)
}

pub(super) fn contact_old(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    row(&OLD_EDITION, contacts, at, frame)
}
