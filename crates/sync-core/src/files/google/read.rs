//! From Google's CSV to contacts.

use super::{
    BETWEEN, CHART, EDITION, Edition, LABELS, Line, OLD_CHART, OLD_EDITION, label, layout, numbered, values,
};
use crate::{
    address::{Address, Person},
    files::{
        FileError,
        book::{Book, Contact, Frame, Link},
        columns::Chart,
        convert::ReadOptions,
        field::{Field, Slot, label_of},
        owner::Owner,
        table::{Cells, Style, line_end},
        text::Text,
    },
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

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

pub(super) fn after_read(contact: &mut Contact, cells: &Cells<'_>) {
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
                    None if kind == Line::Fax.usual() => {}
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

pub(super) fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    read_edition(&EDITION, text)
}

pub(super) fn read_old(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    read_edition(&OLD_EDITION, text)
}
