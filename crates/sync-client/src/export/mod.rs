//! The journey of an export: the rules, the records, a file that is there whole or not at all.
//!
//! Address lists alone go into an address book as Canon CSV; everything else, a batch, and whatever is encrypted goes into
//! a bundle ([`crate::bundle`]).
//!
//! | room | what is in it |
//! | --- | --- |
//! | this one | the order, the rules, the report |
//! | `lists` | address lists as Canon CSV |
//! | `records` | items of every kind as records in a bundle |

mod lists;
mod records;
#[cfg(test)]
mod tests;

use crate::{
    draw::now,
    error::{Error, Result},
    import::{FileSecrets, Imports, Remark, Running, Stage, Watch, fresh_id},
    lists::{ITEMS, Source, item_of, named_place, place_of, verdicts},
    machine::Machine,
    store::Level,
};
use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};
use sync_core::{
    files::{self, Note, Place},
    item::{Item, TABLE},
    machine::Role,
    process::Process,
    rules::{Operation, plan::OnRefusal},
    space::SpaceName,
    time::Timestamp,
};

/// What is to be exported, and where to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportOrder {
    /// The file; `None` gives the bytes of an address book to whoever asks.
    pub file: Option<PathBuf>,
    /// The items. Where none is named: in a batch all that a batch can hold, else all that an address book can.
    pub items: Vec<Item>,
    /// Only this user's list.
    pub user: Option<String>,
    /// Only this group's list.
    pub group: Option<String>,
    /// Whether readable passwords are written.
    pub with_passwords: bool,
    /// Whether items that the rules refuse are passed over.
    pub skip_refused: bool,
    /// Whether it is a batch.
    #[serde(default)]
    pub batch: bool,
    /// The pass phrase, where the file is to be encrypted.
    #[serde(default)]
    pub secrets: FileSecrets,
    /// The format of an address book; Canon CSV where none is named.
    #[serde(default)]
    pub to: Option<files::Format>,
    /// What the columns of plain CSV mean, as TOML.
    #[serde(default)]
    pub mapping: Option<String>,
}

impl ExportOrder {
    /// Whether it makes an address book, and not a bundle.
    fn is_address_book(&self, items: &[Item]) -> bool {
        !self.batch && self.secrets.pass_phrase.is_none() && items.iter().all(|item| ITEMS.contains(item))
    }
}

/// What kind of file an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An address book, as Canon CSV.
    CanonCsv,
    /// An address book of another format, which the order named.
    AddressBook,
    /// A bundle.
    Bundle,
}

/// What an export wrote of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The item.
    pub item: Item,
    /// How many entries.
    pub entries: usize,
    /// How many bytes, before any encryption; an address book does not say it item by item.
    pub bytes: Option<u64>,
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
    /// What kind of file it is.
    pub format: Format,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// How many entries.
    pub entries: usize,
    /// How many bytes.
    pub bytes: usize,
    /// The file's SHA-256, as hexadecimal digits.
    pub sha256: String,
    /// Item by item.
    pub sections: Vec<Section>,
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
        let encrypted = if self.encrypted { ", encrypted" } else { "" };
        let mut text =
            format!("{} entries were written to {file} ({} bytes{encrypted})", self.entries, self.bytes);
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
        if self.format == Format::Bundle {
            for Section { item, entries, .. } in &self.sections {
                let _ = write!(text, "\n{item}: {entries}");
            }
            let _ = write!(text, "\nSHA-256 {}", self.sha256);
        }
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
}

/// What is asked for.
struct Asked {
    source: Source,
    named: Option<Place>,
    wanted: Vec<Item>,
    on_refusal: OnRefusal,
}

fn cancelled() -> Error {
    Error::Denied {
        code: "cancelled".into(),
        message: "the export was cancelled; no file was written".into(),
        remedy: "export again when you wish".into(),
    }
}

/// What was written, whatever the kind of file.
struct Whole {
    entries: usize,
    bytes: usize,
    sha256: String,
    spaces: Vec<SpaceName>,
    sections: Vec<Section>,
    warnings: Vec<Note>,
    content: Option<String>,
}

impl Machine {
    /// Exports items into a file. Until the last record is in it, it can be cancelled, by [`Machine::cancel_import`] or by
    /// dropping the future: no file was written then, and one that was there is as it was.
    ///
    /// # Errors
    /// [`Error::Rules`] where a rule refuses, [`Error::NotAMember`] where the machine does not have the list that is
    /// named, `item_needs_passphrase` where an item leaves the machine only encrypted, the writer's codes, or what the disk
    /// says. No file is left half written, and none is replaced then.
    pub async fn export(&self, order: &ExportOrder, administrator: Option<&str>) -> Result<ExportReport> {
        self.export_watched(order, administrator, &|_| {}).await
    }

    /// The same; `watch` hears meanwhile how far it is.
    ///
    /// # Errors
    /// As [`Machine::export`].
    pub async fn export_watched(
        &self,
        order: &ExportOrder,
        administrator: Option<&str>,
        watch: Watch<'_>,
    ) -> Result<ExportReport> {
        let asked = self.asked(order)?;
        // An address book is written at once, beside whatever else is asked for; a bundle takes its time, one after another.
        let begun = if order.is_address_book(&asked.wanted) {
            Ok(Imports::aside(fresh_id()?))
        } else {
            self.imports.begin(fresh_id()?)
        };
        let running = match begun {
            Ok(running) => running,
            Err(busy) => {
                // Whom a rule refuses hears of the rule.
                self.permitted(&asked.source, &asked.wanted, asked.on_refusal, administrator).await?;
                return Err(busy);
            }
        };
        running.stage(Stage::Exporting);
        let _unless_dropped = running.unless_dropped();
        self.export_running(order, administrator, &running, watch).await
    }

    /// What is asked for, and of whom.
    fn asked(&self, order: &ExportOrder) -> Result<Asked> {
        let named = named(order)?;
        let wanted = wanted(order, named.as_ref());
        let on_refusal = if order.skip_refused { OnRefusal::Skip } else { OnRefusal::RefuseAll };
        let operation = if order.batch { Operation::ExportBatch } else { Operation::Export };
        let person = match &named {
            Some(Place::Person(user)) => Some(user.clone()),
            _ => None,
        };
        let spaces = Some(self.leaving(named.as_ref())?);
        Ok(Asked { source: Source { person, spaces, ..Source::from(operation) }, named, wanted, on_refusal })
    }

    async fn export_running(
        &self,
        order: &ExportOrder,
        administrator: Option<&str>,
        running: &Arc<Running>,
        watch: Watch<'_>,
    ) -> Result<ExportReport> {
        let Asked { source, named, wanted, on_refusal } = self.asked(order)?;
        if order.to.is_some() && !order.is_address_book(&wanted) {
            let text = "a format is for address lists alone; everything else is written as a bundle";
            return Err(Error::WrongCommand(text.into()));
        }
        let process = if order.batch { Process::BatchImportExport } else { Process::ImportExport };
        let (items, refused) = tokio::select! {
            biased;
            _ = running.cancelled() => return Err(cancelled()),
            permitted = self.permitted(&source, &wanted, on_refusal, administrator) => permitted?,
        };
        // From now on what may not run during an export waits. Something that the interlock knows may have come since the rules
        // were asked, or the person have left.
        let work = self.at_work(source.operation, Some(process))?;
        {
            let store = self.store();
            let again = verdicts(&store, work.found(), &source, &items, administrator.is_some())?;
            again.items(OnRefusal::RefuseAll).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        }
        let kind = match order.to {
            None | Some(files::Format::CanonCsv) => Format::CanonCsv,
            Some(_) => Format::AddressBook,
        };
        let (whole, format) = if order.is_address_book(&wanted) {
            (self.export_lists(order, &items, named.as_ref(), running, watch)?, kind)
        } else {
            (self.export_records(order, &items, named.as_ref(), running, watch).await?, Format::Bundle)
        };
        running.exported();

        let items: Vec<Item> = whole.sections.iter().map(|section| section.item).collect();
        let mut warnings = refused;
        warnings.extend(whole.warnings);
        let personalized = items.iter().any(|item| item.is_personalized());
        if personalized {
            warnings.extend(self.not_prepared(&whole.spaces, named.is_some()));
        }
        let heard = if personalized { self.heard()? } else { None };
        Ok(ExportReport {
            item: (order.items.len() == 1).then(|| order.items[0]),
            items,
            file: order.file.clone(),
            format,
            encrypted: order.secrets.pass_phrase.is_some(),
            entries: whole.entries,
            bytes: whole.bytes,
            sha256: whole.sha256,
            sections: whole.sections,
            spaces: whole.spaces,
            replica_age_ms: heard
                .map(|heard| u64::try_from(now().since(heard).as_millis()).unwrap_or(u64::MAX)),
            warnings: warnings.into_iter().map(Remark::from).collect(),
            content: whole.content,
        })
    }

    /// The users and groups whose data are at this machine, and go out. What is named bounds its own item; another that is
    /// asked for beside it comes whole.
    fn leaving(&self, named: Option<&Place>) -> Result<BTreeSet<SpaceName>> {
        let goes = |space: &SpaceName| match (named, place_of(space)) {
            (_, Place::Local) => false,
            (None, _) => true,
            (Some(named), place) => place == *named || item_of(&place) != item_of(named),
        };
        let spaces = self.store().spaces()?.into_iter().filter(|space| space.member);
        Ok(spaces.map(|space| space.name).filter(goes).collect())
    }

    /// Before the file is there: whoever wrote secrets into one is always found in the log.
    fn note_secrets(&self, order: &ExportOrder, code: &str, what: &str) -> Result<()> {
        let place = order.file.as_ref().map_or_else(|| "-".into(), |file| file.display().to_string());
        self.store().note(Level::Warning, code, &format!("{what} to {place}"), now())
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

/// Whose data alone go out. In a batch a person's address lists travel with their settings.
fn named(order: &ExportOrder) -> Result<Option<Place>> {
    let mut items = order.items.clone();
    if items.contains(&Item::PersonalSettings) {
        items.push(Item::PersonalAddressList);
    }
    named_place(&items, order.user.as_deref(), order.group.as_deref())
}

/// What is asked for, named or not.
fn wanted(order: &ExportOrder, named: Option<&Place>) -> Vec<Item> {
    match (&*order.items, named) {
        ([], Some(Place::Person(_))) if order.batch => vec![Item::PersonalSettings],
        ([], Some(place)) => vec![item_of(place)],
        ([], None) if order.batch => TABLE.iter().filter(|row| row.batch).map(|row| row.item).collect(),
        ([], None) => ITEMS.to_vec(),
        (items, _) => items.to_vec(),
    }
}
