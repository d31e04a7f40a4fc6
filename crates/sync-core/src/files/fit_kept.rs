//! What only one format understands of an entry: it stays with that format, and comes back in it.

use super::{
    Format, Weight,
    book::Contact,
    canon_csv::MAX_CELL,
    fit::{Fitter, is_control},
};
use crate::address::{Address, AddressKind, Member};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

impl Fitter<'_> {
    /// What a format alone understands stays with it.
    pub(super) fn kept(&mut self, contact: &Contact, entry: &mut Address) {
        let foreign: Vec<String> = entry.kept_by.keys().filter(|key| !self.is_own(key)).cloned().collect();
        let says = |key: &&String| entry.kept_by.get(*key).is_some_and(|text| !text.is_empty());
        let mut columns: Vec<(&str, &str)> =
            foreign.iter().filter(says).map(|key| key.split_once(':').unwrap_or(("", key))).collect();
        let canon = !self.name.starts_with("canon");
        if canon {
            let kept = entry.kept.iter().filter(|(_, text)| !text.is_empty());
            columns.extend(kept.map(|(name, _)| (Format::CanonCsv.name(), &**name)));
        }
        columns.extend(entry.other.keys().map(|name| ("", &**name)));
        let mut names = Vec::new();
        for (format, column) in columns {
            if Format::named(format).is_some_and(|format| format.holds().is_structure(column)) {
                self.structure.insert(column.to_string());
            } else {
                names.push(column);
            }
        }
        if !names.is_empty() {
            let text =
                format!("{} has no field for what its source also says: {}", self.name, names.join(", "));
            let named = entry.clone();
            let note = (Weight::Loss, "column_not_in_format", text);
            self.note(contact, &named, note.0, note.1, note.2);
        }
        for key in foreign {
            entry.kept_by.remove(&key);
        }
        if canon {
            entry.kept.clear();
        } else {
            self.columns_of_canon(contact, entry);
        }
        entry.other.clear();
    }

    /// What Canon's files alone say: no reader takes a row with a cell longer than any may be, nor a file with a zero byte.
    fn columns_of_canon(&mut self, contact: &Contact, entry: &mut Address) {
        let mut cleaned = false;
        let mut clean = |text: &mut String| {
            cleaned |= text.contains(is_control);
            text.retain(|one| !is_control(one));
        };
        entry.kept.values_mut().for_each(&mut clean);
        if let AddressKind::Other(name) = &mut entry.kind {
            clean(name);
        }
        if entry.members.keys().any(|member| matches!(member, Member::Box(name) if name.contains(is_control)))
        {
            let mut members: Vec<Member> = entry.members_in_order().cloned().collect();
            for member in &mut members {
                if let Member::Box(name) = member {
                    clean(name);
                }
            }
            entry.set_members(members);
        }
        let named = entry.clone();
        if cleaned {
            let text = "a control character was taken out of what this format alone understands".into();
            self.note(contact, &named, Weight::Correction, "control_character", text);
        }
        let long = |text: &String| text.len() > MAX_CELL;
        if entry.kept.values().any(long) {
            let text =
                "what this format alone understands is longer than a cell can be; it is left out".into();
            self.note(contact, &named, Weight::Loss, "too_long", text);
            entry.kept.retain(|_, text| !long(text));
        }
    }
}
