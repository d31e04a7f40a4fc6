//! The journey of an export: the rules, the records of the lists, a file that is there whole or not at all.

use crate::{
    draw::now,
    error::{Error, Result},
    import::{Remark, check_items, from_file},
    lists::{ITEMS, item_of, named_place, place_of},
    machine::Machine,
    store::Level,
    whole::write_whole,
};
use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use sync_core::{
    address::Address,
    files::{Listed, Note, Place, canon_csv},
    import::outgoing,
    item::Item,
    machine::Role,
    rules::{Operation, plan::OnRefusal},
    space::{SpaceKind, SpaceName},
    time::Timestamp,
};

/// What is to be exported, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportOrder {
    /// The file; `None` gives the bytes to whoever asks.
    pub file: Option<PathBuf>,
    /// The items; all that an address book file can hold where none is named.
    pub items: Vec<Item>,
    /// Only this user's list.
    pub user: Option<String>,
    /// Only this group's list.
    pub group: Option<String>,
    /// Whether readable passwords are written.
    pub with_passwords: bool,
    /// Whether items that the rules refuse are passed over.
    pub skip_refused: bool,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReport {
    /// The item, where one was named.
    pub item: Option<Item>,
    /// The items that were written.
    pub items: Vec<Item>,
    /// The file.
    pub file: Option<PathBuf>,
    /// How many entries.
    pub entries: usize,
    /// How many bytes.
    pub bytes: usize,
    /// The spaces that they come from.
    pub spaces: Vec<SpaceName>,
    /// How long ago the server was last heard of, in milliseconds, where personalized data are among them; `None` where it
    /// never was.
    pub replica_age_ms: Option<u64>,
    /// What was odd, or could not be written.
    pub warnings: Vec<Remark>,
    /// The file's content, where it goes to whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl ExportReport {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let file = self.file.as_ref().map_or_else(|| "-".into(), |file| file.display().to_string());
        let mut text = format!("{} entries were written to {file} ({} bytes)", self.entries, self.bytes);
        match self.replica_age_ms {
            Some(age) => {
                let _ = write!(text, "; the server was last heard of {} s ago", age / 1000);
            }
            None if self.items.iter().any(|item| item.is_personalized()) => {
                text.push_str("; the server was never heard of");
            }
            None => {}
        }
        text.push('.');
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
}

impl Machine {
    /// Exports lists into a file.
    ///
    /// # Errors
    /// [`Error::Rules`] where a rule refuses, [`Error::NotAMember`] where the machine does not have the list that is
    /// named, the writer's codes, or what the disk says. No file is left half written, and none is replaced then.
    pub async fn export(&self, order: &ExportOrder, administrator: Option<&str>) -> Result<ExportReport> {
        let named = named_place(&order.items, order.user.as_deref(), order.group.as_deref())?;
        let wanted = match (&*order.items, &named) {
            ([], Some(place)) => vec![item_of(place)],
            ([], None) => ITEMS.to_vec(),
            (items, _) => items.to_vec(),
        };
        let on_refusal = if order.skip_refused { OnRefusal::Skip } else { OnRefusal::RefuseAll };
        let (items, refused) = self.permitted(Operation::Export, &wanted, on_refusal, administrator).await?;
        check_items(&items)?;
        let places = self.places(&items, named.as_ref())?;
        let (spaces, listed) = self.listed(&places)?;

        let options = canon_csv::Options { passwords: order.with_passwords, ..canon_csv::Options::default() };
        let book = canon_csv::new_book(&listed, &options).map_err(from_file)?;
        let bytes = canon_csv::write(&book).map_err(from_file)?;
        let size = bytes.len();
        let mut warnings = refused;
        warnings.extend(book.report.warnings);
        if listed.is_empty() {
            warnings.push(Note::new(None, "no_entries", "the lists that were asked for have no entries"));
        }
        let personalized = items.iter().any(|item| item.is_personalized());
        if personalized {
            warnings.extend(self.not_prepared(&spaces, named.is_some()));
        }
        if order.with_passwords {
            // Before the file is there: whoever wrote passwords into one is always found in the log.
            let place = order.file.as_ref().map_or_else(|| "-".into(), |file| file.display().to_string());
            let text = format!("readable passwords are exported to {place}");
            self.store().note(Level::Warning, "passwords_exported", &text, now())?;
        }
        let content = match &order.file {
            Some(file) => {
                write_whole(file, &bytes).map_err(|source| Error::File { path: file.clone(), source })?;
                None
            }
            // A new file is UTF-8.
            None => Some(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let heard = if personalized { self.heard()? } else { None };
        Ok(ExportReport {
            item: (order.items.len() == 1).then(|| order.items[0]),
            items,
            file: order.file.clone(),
            entries: book.report.read,
            bytes: size,
            spaces,
            replica_age_ms: heard
                .map(|heard| u64::try_from(now().since(heard).as_millis()).unwrap_or(u64::MAX)),
            warnings: warnings.into_iter().map(Remark::from).collect(),
            content,
        })
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
                Place::Local => SpaceName::local(crate::addresses::LOCAL_LISTS),
                Place::Person(user) => SpaceName::user(realm()?, user),
                Place::Group(group) => SpaceName::group(realm()?, group),
            };
            let mut entries: Vec<_> = store
                .live(&space)?
                .into_iter()
                .filter_map(|(id, fields)| Some((id, Address::from_fields(fields)?)))
                .collect();
            entries.sort_by_key(|(id, address)| (address.list, address.number.unwrap_or(i64::MAX), *id));
            listed.extend(entries.into_iter().map(|(id, address)| outgoing(id, place, address)));
            spaces.push(space);
        }
        Ok((spaces, listed))
    }

    /// On a machine that is its own server: whether the personalized data that are exported were prepared, so that nothing
    /// of them is missing. `named` says that one list was asked for.
    fn not_prepared(&self, spaces: &[SpaceName], named: bool) -> Option<Note> {
        let store = self.store();
        let identity = store.identity();
        if identity.role() != Role::ServerWithClient || !identity.destination.is_own_server() {
            return None;
        }
        let prepared = store.prepared();
        let personalized = spaces.iter().filter(|space| space.synchronizes());
        let missing: Vec<&SpaceName> =
            personalized.filter(|space| !prepared.spaces.contains_key(*space)).collect();
        let text = match missing.first() {
            Some(first) => format!(
                "{} of the users and groups were not prepared here, such as {first}: the server may have more of them",
                missing.len()
            ),
            None if !named && prepared.all.is_none() => {
                "only the users and groups that were used or named here are exported: the server may have others".into()
            }
            None => return None,
        };
        Some(Note::new(None, "not_prepared", format!("{text}. Before an export: sync-client prepare")))
    }

    /// When the server was last heard of, by this process or one before.
    fn heard(&self) -> Result<Option<Timestamp>> {
        if let Some(last) = self.contact().last {
            return Ok(Some(last));
        }
        let lines = self.store().log(1_000)?;
        Ok(lines.iter().rev().find(|line| matches!(&*line.code, "synced" | "reached")).map(|line| line.time))
    }
}
