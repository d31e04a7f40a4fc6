//! Address lists as Canon CSV.

use super::{ExportOrder, Section, Whole, cancelled};
use crate::{
    addresses::LOCAL_LISTS,
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
    files::{Listed, Note, Place, canon_csv},
    import::outgoing,
    item::Item,
    space::{SpaceKind, SpaceName},
};

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
        let places = self.places(items, named)?;
        let (spaces, listed) = self.listed(&places)?;
        let options = canon_csv::Options { passwords: order.with_passwords, ..canon_csv::Options::default() };
        let book = canon_csv::new_book(&listed, &options).map_err(from_file)?;
        let bytes = canon_csv::write(&book).map_err(from_file)?;
        let mut warnings = book.report.warnings.clone();
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
            entries: book.report.read,
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
                (now.records_total, now.bytes_total) = (book.report.read as u64, bytes.len() as u64);
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
            // A new file is UTF-8.
            None => whole.content = Some(String::from_utf8_lossy(&bytes).into_owned()),
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
