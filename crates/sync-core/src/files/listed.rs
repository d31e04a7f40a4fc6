//! Between a book and the records of a machine: contacts become entries with ids, and entries that belong together become
//! contacts again.

use super::{
    FileError, Format, Owner, Place, ReadOptions, Report,
    book::{Book, Contact, Link},
    canon_csv, canon_room,
    convert::read,
    field::Slot,
    links::Listed,
};
use crate::{
    address::{Address, Member},
    id::RecordId,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use uuid::Uuid;

/// The id by which entries of a book name one another until an import gives them ids of their own: no record has it, for
/// the ids of records are drawn.
fn id_of(place: usize) -> RecordId {
    RecordId(Uuid::from_u128(place as u128 + 1))
}

/// Reads the entries of a file of any format one after the other, as an import takes them; see [`Book::into_listed`]. Of a
/// Canon address book, whose groups name their members by number, what lies in memory does not grow with their number.
/// It also says how many contacts lead nowhere, and the format. What came before an error must be forgotten.
///
/// # Errors
/// [`FileError`] where it is no file that is known, or is damaged.
pub fn each_listed(
    bytes: &[u8],
    options: &ReadOptions,
    mut each: impl FnMut(Option<RecordId>, Option<u64>, Owner, Address),
) -> Result<(Report, usize, Format), FileError> {
    let canon = options.format.is_none_or(|format| format == Format::CanonCsv);
    if canon && options.encoding.is_none() && canon_room::begins(bytes) {
        let report = canon_csv::each_row(bytes, |row| each(None, row.line, row.owner, row.address))?;
        return Ok((report, 0, Format::CanonCsv));
    }
    let mut book = read(bytes, options)?;
    let (format, mut report) = (book.format(), core::mem::take(&mut book.report));
    let (listed, nowhere) = book.into_listed();
    report.read = listed.len();
    for Listed { id, owner, line, address } in listed {
        each(Some(id), line, owner, address);
    }
    Ok((report, nowhere, format))
}

impl Book {
    /// Its entries in their order, each with an id by which the groups of this book name it, and by which nothing else
    /// does. Contacts that lead nowhere are not among them; the second number says how many.
    #[must_use]
    pub fn into_listed(self) -> (Vec<Listed>, usize) {
        let mut firsts = Vec::with_capacity(self.contacts.len());
        let mut count = 0;
        for contact in &self.contacts {
            firsts.push(count);
            count += contact.entries.len();
        }
        let mut nowhere = 0;
        let mut listed = Vec::with_capacity(count);
        let leads: Vec<bool> = self
            .contacts
            .iter()
            .map(|contact| contact.entries.first().is_some_and(|entry| Slot::of(entry) != Slot::Nowhere))
            .collect();
        for (at, contact) in self.contacts.into_iter().enumerate() {
            for (place, mut address) in contact.entries.into_iter().enumerate() {
                if Slot::of(&address) == Slot::Nowhere {
                    nowhere += 1;
                    continue;
                }
                if Slot::of(&address) == Slot::Group {
                    let linked = contact.members.iter().filter(|link| leads.get(link.contact) == Some(&true));
                    let linked = linked
                        .map(|link| Member::Record(id_of(firsts[link.contact] + link.entry.unwrap_or(0))));
                    let rest: Vec<Member> = address.members_in_order().cloned().collect();
                    address.set_members(linked.chain(rest));
                }
                let id = id_of(firsts[at] + place);
                listed.push(Listed { id, owner: contact.owner.clone(), line: contact.line, address });
            }
        }
        (listed, nowhere)
    }

    /// A book of entries with ids. Those with the same tie, owner and name are one contact.
    #[must_use]
    pub fn of_listed(listed: Vec<Listed>) -> Self {
        let mut contacts: Vec<Contact> = Vec::new();
        let mut tied: BTreeMap<(Place, String, String), usize> = BTreeMap::new();
        let mut places: BTreeMap<RecordId, Link> = BTreeMap::new();
        for Listed { id, owner, line, address } in listed {
            let tie = address.tie.clone();
            let group = Slot::of(&address) == Slot::Group;
            let key = (owner.place(), tie.clone(), address.name.clone());
            let at = match tied.get(&key) {
                Some(at) if !tie.is_empty() && !group => *at,
                _ => {
                    contacts.push(Contact { line, owner, ..Contact::default() });
                    tied.insert(key, contacts.len() - 1);
                    contacts.len() - 1
                }
            };
            places.insert(id, Link { contact: at, entry: Some(contacts[at].entries.len()) });
            contacts[at].entries.push(address);
        }
        for contact in &mut contacts {
            let Some(group) = contact.entries.first_mut().filter(|entry| Slot::of(entry) == Slot::Group)
            else {
                continue;
            };
            let (mut links, mut rest) = (Vec::new(), Vec::new());
            for member in group.members_in_order() {
                match member {
                    Member::Record(id) => match places.get(id) {
                        Some(link) => links.push(*link),
                        None => rest.push(Member::Box(id.to_string())),
                    },
                    other => rest.push(other.clone()),
                }
            }
            group.set_members(rest);
            contact.members = links;
        }
        Self::of(contacts)
    }
}

impl From<Address> for Contact {
    fn from(address: Address) -> Self {
        Self::of(Owner::None, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_one_contact_is_one_again_and_groups_name_the_same() {
        let mut person = Contact::default();
        person.entry_mut(Slot::Mail).mail = "ann@office.example".into();
        person.entry_mut(Slot::Fax).fax.get_or_insert_default().number = "0555".into();
        for entry in &mut person.entries {
            entry.name = "Ann".into();
            entry.tie = "t".into();
        }
        let nowhere = Contact::from(Slot::Nowhere.entry());
        let mut group = Contact::from(Slot::Group.entry());
        group.entries[0].name = "All".into();
        group.members = alloc::vec![
            Link { contact: 0, entry: Some(1) },
            Link { contact: 0, entry: None },
            Link { contact: 1, entry: None }
        ];
        let (listed, nowhere_count) = Book::of(alloc::vec![person.clone(), nowhere, group]).into_listed();
        assert_eq!((listed.len(), nowhere_count), (3, 1));
        let back = Book::of_listed(listed);
        assert_eq!(back.contacts.len(), 2);
        assert_eq!(back.contacts[0].entries, person.entries);
        let expected = [Link { contact: 0, entry: Some(1) }, Link { contact: 0, entry: Some(0) }];
        assert_eq!(back.contacts[1].members, expected);
    }
}
