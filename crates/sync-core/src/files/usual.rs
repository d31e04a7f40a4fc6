//! Tables in which what usually stands in a column depends on what the contact is, and rows of which a part counts only
//! if another cell says so.

use super::{
    book::Contact,
    field::{Field, Slot},
    table::{Cells, Means, Table, is_same_name, set_cell},
};
use crate::address::Address;
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// What usually stands in a column of a contact's row.
pub(super) type Usual = fn(&Contact, &str) -> String;

/// What one contact has in common with another destination of it.
fn another(of: &Address, slot: Slot) -> Address {
    let Address { kind, folder, .. } = slot.entry();
    let (mail, kept_by) = (String::new(), BTreeMap::new());
    Address { kind, folder, mail, kept_by, fax: None, login: None, ..of.clone() }
}

/// Gives a contact one more destination.
pub(super) fn add_entry(contact: &mut Contact, slot: Slot) -> &mut Address {
    let mut entry = contact.entries.first().map_or_else(|| slot.entry(), |first| another(first, slot));
    if let [only] = &mut contact.entries[..]
        && Slot::of(only) == Slot::Nowhere
    {
        entry.kept_by = core::mem::take(&mut only.kept_by);
        contact.entries.clear();
    }
    contact.entries.push(entry);
    let last = contact.entries.len() - 1;
    &mut contact.entries[last]
}

/// Makes a contact one entry of this kind; what led elsewhere was set aside.
pub(super) fn become_one(contact: &mut Contact, slot: Slot) {
    let Some(first) = contact.entries.first_mut() else { return };
    let kept_by = core::mem::take(&mut first.kept_by);
    let entry = Address { kept_by, ..another(first, slot) };
    contact.entries = alloc::vec![entry];
}

impl Table {
    /// Makes the destinations of these kinds be none: their cells are kept as they stand.
    pub(super) fn set_aside(&self, contact: &mut Contact, cells: &Cells<'_>, aside: impl Fn(Slot) -> bool) {
        let Some(first) = contact.entries.first_mut() else { return };
        let mut kept = core::mem::take(&mut first.kept_by);
        let bare = another(first, Slot::Nowhere);
        let had: Vec<Slot> = contact.entries.iter().map(Slot::of).filter(|slot| aside(*slot)).collect();
        contact.entries.retain(|entry| !aside(Slot::of(entry)));
        if contact.entries.is_empty() {
            contact.entries.push(bare);
        }
        for (name, cell) in cells.columns.iter().zip(cells.cells) {
            if let Some(column) = self.column(name)
                && let Means::Of(slot, _) | Means::Encrypted(slot, _) = column.means
                && had.contains(&slot)
                && cell != column.empty
                && cell != column.usual
            {
                kept.insert(self.kept_key(column.name), cell.clone());
            }
        }
        contact.entries[0].kept_by = kept;
    }

    /// Takes what a column keeps, to be understood.
    pub(super) fn take_kept(&self, contact: &mut Contact, name: &str) -> Option<String> {
        contact.entries.first_mut()?.kept_by.remove(&self.kept_key(name))
    }

    /// What a column keeps.
    pub(super) fn kept<'a>(&self, contact: &'a Contact, name: &str) -> Option<&'a str> {
        let key = self.kept_key(name);
        contact.entries.iter().find_map(|entry| entry.kept_by.get(&key)).map(|text| &**text)
    }

    /// Keeps of these columns what is not usual, after a contact was read.
    pub(super) fn drop_usual(
        &self,
        contact: &mut Contact,
        cells: &Cells<'_>,
        names: &[&'static str],
        usual: Usual,
    ) {
        for name in names {
            self.take_kept(contact, name);
            if let Some(cell) = cells.find(name)
                && cell != usual(contact, name)
                && let Some(first) = contact.entries.first_mut()
            {
                first.kept_by.insert(self.kept_key(name), cell.into());
            }
        }
    }

    /// Writes what is usual in these columns, where a contact keeps nothing else.
    pub(super) fn put_usual(
        &self,
        contact: &Contact,
        cells: &mut BTreeMap<String, String>,
        names: &[&'static str],
        usual: Usual,
    ) {
        for name in names {
            if self.kept(contact, name).is_none() {
                set_cell(cells, name, &usual(contact, name));
            }
        }
    }

    /// Whether a file with these columns has one for all that the contacts which were added or edited say.
    pub(super) fn covers(&self, columns: &[String], contacts: &[Contact]) -> bool {
        let there: Vec<Means> =
            columns.iter().filter_map(|name| self.column(name)).map(|column| column.means).collect();
        let missing: Vec<Means> =
            self.columns.iter().map(|column| column.means).filter(|means| !there.contains(means)).collect();
        let says = |contact: &Contact, means: &Means| match means {
            // Numbers are given to all; where a file has none, nothing is lost.
            Means::Shared(Field::Number) => false,
            Means::Shared(field) => contact.entries.first().is_some_and(|e| !field.get(e).is_empty()),
            Means::Of(slot, field) => contact.entry(*slot).is_some_and(|e| !field.get(e).is_empty()),
            Means::Encrypted(slot, _) => {
                let login = contact.entry(*slot).and_then(|entry| entry.login.as_ref());
                login.is_some_and(|login| login.password.is_some())
            }
            Means::Kept => false,
        };
        let edited = contacts.iter().filter(|contact| contact.unchanged().is_none());
        edited.into_iter().all(|contact| !missing.iter().any(|means| says(contact, means)))
    }

    /// Whether a file has all these columns.
    pub(super) fn has_columns(columns: &[String], names: &[&str]) -> bool {
        names.iter().all(|name| columns.iter().any(|column| is_same_name(column, name)))
    }
}
