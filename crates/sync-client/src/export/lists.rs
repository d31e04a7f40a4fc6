//! Address lists as Canon CSV.

use super::{ExportOrder, Section, Whole, cancelled};
use crate::{
    addresses::LOCAL_LISTS,
    convert::mapping_of,
    draw::hex,
    error::{Error, Result},
    import::{Running, Watch, from_file},
    lists::{item_of, place_of},
    machine::Machine,
    whole::write_whole,
};
use sha2::{Digest as _, Sha256};
use sync_core::{
    address::Address,
    files::{Book, FileError, Format, Listed, Mapping, Note, Place, WriteOptions, canon_csv, convert},
    import::outgoing,
    item::Item,
    space::{SpaceKind, SpaceName},
};

/// The file, how many entries are in it, and what was lost or corrected.
fn file_of(
    listed: &[Listed],
    order: &ExportOrder,
    mapping: Option<Mapping>,
) -> core::result::Result<(Vec<u8>, usize, Vec<Note>), FileError> {
    let to = order.to.unwrap_or(Format::CanonCsv);
    if to == Format::CanonCsv {
        let options = canon_csv::Options { passwords: order.with_passwords, ..canon_csv::Options::default() };
        let book = canon_csv::new_book(listed, &options)?;
        return Ok((canon_csv::write(&book)?, book.report.read, book.report.warnings));
    }
    let options = WriteOptions { passwords: order.with_passwords, mapping, ..WriteOptions::default() };
    let written = convert(&Book::of_listed(listed.to_vec()), to, &options)?;
    Ok((written.bytes, written.written, written.notes))
}

impl Machine {
    /// Writes the lists of these items.
    pub(super) fn export_lists(
        &self,
        order: &ExportOrder,
        items: &[Item],
        named: Option<&Place>,
        running: &Running,
        watch: Watch<'_>,
    ) -> Result<Whole> {
        let mapping = mapping_of(order.mapping.as_deref())?;
        let places = self.places(items, named)?;
        let (spaces, listed) = self.listed(&places)?;
        let (bytes, entries, mut warnings) = file_of(&listed, order, mapping).map_err(from_file)?;
        if listed.is_empty() {
            warnings.push(Note::new(None, "no_entries", "the lists that were asked for have no entries"));
        }
        if order.with_passwords {
            self.note_secrets(order, "passwords_exported", "readable passwords are exported")?;
        }
        let of_item =
            |item: Item| listed.iter().filter(move |one| item_of(&one.owner.place()) == item).count();
        let sections = items.iter().map(|item| Section { item: *item, entries: of_item(*item), bytes: None });
        let mut whole = Whole {
            entries,
            bytes: bytes.len(),
            sha256: hex(&Sha256::digest(&bytes)),
            spaces,
            sections: sections.collect(),
            warnings,
            content: None,
        };
        let progress = |done: u64| {
            running.update(|now| {
                now.items_total = items.len() as u64;
                (now.records_total, now.bytes_total) = (entries as u64, bytes.len() as u64);
                now.items = now.items_total * done;
                (now.records, now.bytes) = (now.records_total * done, now.bytes_total * done);
            });
            running.now().iter().for_each(watch);
        };
        progress(0);
        running.go_on().map_err(|_| cancelled())?;
        match &order.file {
            Some(file) => {
                write_whole(file, &bytes).map_err(|source| Error::File { path: file.clone(), source })?;
            }
            None => {
                let text = String::from_utf8(bytes.clone()).map_err(|_| Error::Denied {
                    code: "format_needs_file".into(),
                    message: "a file of this format is not UTF-8, and can't be given as text".into(),
                    remedy: "name a file to write it into".into(),
                })?;
                whole.content = Some(text);
            }
        }
        progress(1);
        Ok(whole)
    }

    /// The lists of these items that the machine has, or the one that is named.
    fn places(&self, items: &[Item], named: Option<&Place>) -> Result<Vec<Place>> {
        let mut places: Vec<Place> =
            items.contains(&Item::AddressBook).then_some(Place::Local).into_iter().collect();
        let members = self.store().spaces()?;
        let members = members
            .into_iter()
            .filter(|space| space.member && matches!(space.name.kind, SpaceKind::User | SpaceKind::Group));
        places.extend(
            members.map(|space| place_of(&space.name)).filter(|place| items.contains(&item_of(place))),
        );
        if let Some(named) = named {
            if !places.contains(named) {
                return Err(Error::NotAMember(self.space_at(named)?));
            }
            // What is named bounds its own item; another item that was asked for beside it comes whole.
            places.retain(|place| place == named || item_of(place) != item_of(named));
        }
        Ok(places)
    }

    /// The entries of these lists, list by list and number by number.
    fn listed(&self, places: &[Place]) -> Result<(Vec<SpaceName>, Vec<Listed>)> {
        let store = self.store();
        let realm = store.identity().realm.clone();
        let (mut spaces, mut listed) = (Vec::new(), Vec::new());
        for place in places {
            let realm = || realm.as_deref().ok_or(Error::NotEnrolled);
            let space = match place {
                Place::Local => SpaceName::local(LOCAL_LISTS),
                Place::Person(user) => SpaceName::user(realm()?, user),
                Place::Group(group) => SpaceName::group(realm()?, group),
            };
            let mut entries: Vec<_> = store
                .shown(&space)?
                .into_iter()
                .filter_map(|(id, fields)| Some((id, Address::from_fields(fields)?)))
                .collect();
            canon_csv::sort(&mut entries);
            listed.extend(entries.into_iter().map(|(id, address)| outgoing(id, place, address)));
            spaces.push(space);
        }
        Ok((spaces, listed))
    }
}
