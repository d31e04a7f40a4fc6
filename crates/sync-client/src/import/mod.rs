//! The journey of an import: bytes, entries and a report, the rules, the plan, one transaction.
//!
//! Whatever waits for somebody (the administrator's proof, the server) comes first. Then the store is held once, and under
//! this hold the rules are asked again, the plan is made, and everything is written at once under the import's id: nothing
//! comes between the decision and the write, power that fails leaves the lists before or after, and a repeat under the same
//! id changes nothing.
//!
//! | room | what is in it |
//! | --- | --- |
//! | this one | the order, and the way from it to the write |
//! | `read`, `batch` | bytes to entries: of a file of addresses, of a bundle |
//! | `plan`, `fingerprint` | what it does to each space, and how that is told from another plan |
//! | `undo` | taking an import back, and the history of imports |
//! | `progress` | how far it is, and how it is cancelled |
//! | `write` | the write: decided, planned and written under one hold of the store |
//! | `report` | what it did, for scripts and people |

mod batch;
mod fingerprint;
mod plan;
mod progress;
mod read;
mod report;
#[cfg(test)]
mod tests;
mod undo;
mod write;

pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::fresh_id;
use progress::Begun;
pub(crate) use progress::{Imports, Running};
pub use progress::{Progress, Stage, Told, Watch};
pub(crate) use read::{from_file, read, read_bytes};
pub use report::{Effect, ImportReport, ItemVerdict, Remark, SpaceReport, Stayed, UndoReport};
pub use undo::{Cancelled, UndoOrder, line_json};

use crate::{
    convert::{encoding_named, mapping_of},
    draw::now,
    error::{Error, Result},
    facts::AtWork,
    lists::{ITEMS, Source, item_of, named_place, refusals, verdicts as ask},
    machine::Machine,
    store::{ImportFacts, Store},
};
pub(crate) use batch::{Looked, hash_of, is_bundle, items_of, look};
use core::time::Duration;
use fingerprint::{Ids, stale};
use parking_lot::Mutex;
use plan::{Means, Part, Plans};
pub(crate) use read::Read;
use read::{RowCounts, keep_out};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use sync_core::{
    address::Secret,
    files::{Format, Note, Place, ReadOptions, Split},
    id::ImportId,
    import::{Carries, Incoming},
    item::Item,
    machine::SyncState,
    procedure::ListMode,
    process::Process,
    replica::Event,
    rules::{
        Operation,
        plan::{OnRefusal, Plan as Verdicts},
    },
    space::SpaceName,
};
use write::Job;

/// What is to be imported, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOrder {
    /// The file.
    pub file: PathBuf,
    /// The items that are taken from it; all that it holds where none is named.
    pub items: Vec<Item>,
    /// The user to whom rows without an owner go.
    pub user: Option<String>,
    /// The group to which rows without an owner go.
    pub group: Option<String>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// Whether a file without entries may empty the lists that it replaces.
    pub allow_empty: bool,
    /// Whether items that the rules refuse are passed over.
    pub skip_refused: bool,
    /// Whether the plan is only shown.
    pub plan: bool,
    /// Apply the plan with this fingerprint, or nothing.
    #[serde(default)]
    pub apply: Option<String>,
    /// Whether entries whose values don't fit are passed over; otherwise one of them refuses the whole import.
    #[serde(default)]
    pub skip_unfit: bool,
    /// Whether it is a batch; a bundle of which no item is named is one too.
    #[serde(default)]
    pub batch: bool,
    /// What opens the file and proves its policy.
    #[serde(default)]
    pub secrets: FileSecrets,
    /// The format of an address book file; otherwise it is found by its content.
    #[serde(default)]
    pub from: Option<Format>,
    /// The encoding of an address book file, by its name; otherwise it is found.
    #[serde(default)]
    pub encoding: Option<String>,
    /// What the columns of a plain CSV file mean, as TOML; such a file is then read as plain CSV.
    #[serde(default)]
    pub mapping: Option<String>,
}

/// What a person types for a file. None of it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSecrets {
    /// The pass phrase of an encrypted bundle.
    pub pass_phrase: Option<Secret>,
    /// The security policy password, which is proved against the source's hash and this machine's (rule 5).
    pub policy_password: Option<Secret>,
}

impl ImportOrder {
    /// How an address book file is read.
    pub(crate) fn reading(&self) -> Result<ReadOptions> {
        let encoding =
            self.encoding.as_deref().map(encoding_named).transpose().map_err(Error::WrongCommand)?;
        let mapping = mapping_of(self.mapping.as_deref())?;
        let format = self.from.or_else(|| mapping.is_some().then_some(Format::Csv));
        Ok(ReadOptions { format, encoding, mapping: mapping.filter(|_| format == Some(Format::Csv)) })
    }

    /// An import of everything in a file beside what is there.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            items: Vec::new(),
            user: None,
            group: None,
            mode: ListMode::Append,
            allow_empty: false,
            skip_refused: false,
            plan: false,
            apply: None,
            skip_unfit: false,
            batch: false,
            secrets: FileSecrets::default(),
            from: None,
            encoding: None,
            mapping: None,
        }
    }
}

/// While it lives, the client function neither sends nor takes (rule 7).
struct Pause<'a>(&'a Machine);

impl<'a> Pause<'a> {
    /// Waits for the client function to take it up, but not for long: the import is one transaction, and correct beside a
    /// round trip too.
    async fn begin(machine: &'a Machine) -> Self {
        machine.tell(Event::Pause(true));
        let paused = Self(machine);
        for _ in 0..100 {
            if machine.state() != SyncState::InProgress {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        paused
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.tell(Event::Pause(false));
    }
}

impl Machine {
    /// Imports a file, or shows what that would do, or applies exactly what was shown.
    ///
    /// Until it writes its last record it can be cancelled, by [`Machine::cancel_import`] or by dropping the future:
    /// nothing was changed then. After that it can be undone: [`Machine::undo_import`].
    ///
    /// # Errors
    /// [`Error::Rules`] where a rule refuses, the reader's codes where the file is damaged, `nothing_to_import`,
    /// `item_not_in_format`, `plan_stale`, `import_running`, `cancelled`, or what the disk and the server say. Nothing was
    /// changed then.
    pub async fn import(&self, order: &ImportOrder, administrator: Option<&str>) -> Result<ImportReport> {
        self.import_watched(order, administrator, &|_| {}).await
    }

    /// The same; `watch` hears meanwhile how far it is.
    ///
    /// # Errors
    /// As [`Machine::import`].
    pub async fn import_watched(
        &self,
        order: &ImportOrder,
        administrator: Option<&str>,
        watch: Watch<'_>,
    ) -> Result<ImportReport> {
        let planned = order.apply.as_deref().map(str::parse::<Fingerprint>).transpose()?;
        let id = planned.map_or_else(fresh_id, |planned| Ok(planned.id))?;
        let bounds = Bounds { bytes: None, only: None, planned };
        let done = self.import_bounded(id, order, bounds, administrator, watch).await;
        done.map_err(|error| match (error, planned) {
            (Error::Rules(denied), Some(_)) => {
                stale(&format!("{} ({})", denied.message, denied.code.as_str()))
            }
            (error, _) => error,
        })
    }

    /// Imports under an id: what was done under it before is answered, not repeated. `bytes` are the file's, where they
    /// were read already; `only` bounds the spaces.
    pub(crate) async fn import_as(
        &self,
        id: ImportId,
        order: &ImportOrder,
        bytes: Option<Vec<u8>>,
        only: Option<&[SpaceName]>,
        administrator: Option<&str>,
    ) -> Result<ImportReport> {
        let bounds = Bounds { bytes, only, planned: None };
        self.import_bounded(id, order, bounds, administrator, &|_| {}).await
    }

    async fn import_bounded(
        &self,
        id: ImportId,
        order: &ImportOrder,
        bounds: Bounds<'_>,
        administrator: Option<&str>,
        watch: Watch<'_>,
    ) -> Result<ImportReport> {
        let running = if order.plan { Imports::aside(id) } else { self.imports.begin(id)? };
        let _unless_dropped = running.unless_dropped();
        let prepare = self.ready(id, order, bounds, administrator, &running, watch);
        let prepared = tokio::select! {
            biased;
            cancelled = running.cancelled() => return Err(cancelled),
            prepared = prepare => prepared?,
        };
        match prepared {
            Prepared::Done(did) => Ok(*did),
            Prepared::Ready(job) => {
                self.holding_the_store(&running, watch, move |store, running| job.carry_out(store, running))
                    .await
            }
        }
    }

    /// Runs a job under one hold of the store, while the client function is paused. It ends early only between two records,
    /// when it is cancelled.
    async fn holding_the_store<T: Send + 'static>(
        &self,
        running: &Arc<Running>,
        watch: Watch<'_>,
        job: impl FnOnce(&mut Store, &Running) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _pause = Pause::begin(self).await;
        running.go_on()?;
        let store: Arc<Mutex<Store>> = self.store_handle();
        let held = running.hold(self.status()?);
        let done = running
            .work(watch, move |running| {
                let _held = held;
                let mut store = store.lock();
                job(&mut store, running)
            })
            .await;
        self.changed();
        done
    }

    /// Everything that may have to wait, and everything that can be refused before anything is planned.
    async fn ready(
        &self,
        id: ImportId,
        order: &ImportOrder,
        bounds: Bounds<'_>,
        administrator: Option<&str>,
        running: &Arc<Running>,
        watch: Watch<'_>,
    ) -> Result<Prepared> {
        if bounds.bytes.is_none() && is_bundle(&order.file) {
            return self.ready_bundle(id, order, bounds, administrator, running, watch).await;
        }
        let named = named_place(&order.items, order.user.as_deref(), order.group.as_deref())?;
        // What is asked for by name is refused before the file is looked at.
        let mut source = Source::from(Operation::Import);
        self.prove(administrator).await?;
        let work = self.begin_import(order.plan)?;
        let ask = |source: &Source, items: &[Item]| {
            ask(&self.store(), work.found(), source, items, administrator.is_some())
        };
        let asked = ask(&source, &order.items)?;
        let allowed = permitted(&asked, order)?;
        check_format(&allowed)?;
        if let Some(did) = self.store().imported(id)? {
            return Ok(Prepared::Done(Box::new(did)));
        }
        let begun = self.journal(id, order)?;
        let (mut read, file) = {
            let (file, given, items) = (order.file.clone(), bounds.bytes, allowed.clone());
            let (unowned, keep) = (named.clone(), order.plan || order.apply.is_some());
            let options = order.reading()?;
            let job = move |running: &Running| {
                let bytes = given.map_or_else(|| read_bytes(&file), Ok)?;
                running.update(|now| (now.stage, now.bytes_total) = (Stage::Reading, bytes.len() as u64));
                let read = read(&bytes, &items, unowned.as_ref(), &options)?;
                running.update(|now| now.bytes = now.bytes_total);
                Ok((read, if keep { Sha256::digest(&bytes).into() } else { [0; 32] }))
            };
            running.work(watch, job).await?
        };
        let mut verdicts = asked;
        let mut allowed = allowed;
        if order.items.is_empty() {
            let held: BTreeSet<Item> = read.split.taken.keys().map(item_of).collect();
            let held: Vec<Item> = ITEMS.into_iter().filter(|item| held.contains(item)).collect();
            verdicts = ask(&source, &held)?;
            allowed = permitted(&verdicts, order)?;
            // With nothing in the file the question has still to be an administrator's.
            if held.is_empty() && administrator.is_none() {
                return Err(Error::AdministratorNeeded);
            }
            keep_out(&mut read.split, |place| allowed.contains(&item_of(place)));
        }
        let mut warnings = refusals(&verdicts);
        if read.split.taken.is_empty() {
            may_be_empty(order, named.as_ref(), &allowed, &mut read.split)?;
        }
        let mut spaces: BTreeMap<SpaceName, Place> = BTreeMap::new();
        for place in read.split.taken.keys() {
            spaces.insert(self.space_at(place)?, place.clone());
        }
        if let Some(only) = bounds.only {
            keep_out(&mut read.split, |place| {
                spaces.iter().any(|(space, at)| at == place && only.contains(space))
            });
            spaces.retain(|space, _| only.contains(space));
        }
        // Now that it is known whose lists these are.
        source.spaces = Some(spaces.keys().cloned().collect());
        let items: Vec<Item> = verdicts.lines.iter().map(|line| line.item).collect();
        let again = ask(&source, &items)?;
        if again != verdicts {
            (allowed, warnings, verdicts) = (permitted(&again, order)?, refusals(&again), again);
            keep_out(&mut read.split, |place| allowed.contains(&item_of(place)));
            spaces.retain(|_, place| allowed.contains(&item_of(place)));
        }
        warnings.extend(core::mem::take(&mut read.warnings));
        if order.plan {
            self.may_join(spaces.keys().cloned().collect(), administrator).await?;
        } else {
            let wanted = spaces.keys().cloned().collect();
            let (admitted, notes) =
                self.admit_as_planned(wanted, bounds.planned, administrator, running).await?;
            // Of owners who are not known the count of their rows is said below.
            warnings.extend(notes.into_iter().filter(|note| note.code != "unknown_owner"));
            let known =
                |place: &Place| spaces.iter().any(|(space, at)| at == place && admitted.contains(space));
            warnings.extend(read.split.keep_out_unknown(known));
        }
        let rows = read.counts();
        let (parts, carries) = parts_of(read.split, read.format, &spaces);
        Ok(Prepared::Ready(Box::new(Job {
            id,
            work,
            begun,
            order: order.clone(),
            planned: bounds.planned,
            administrator: administrator.is_some(),
            source,
            verdicts,
            allowed,
            parts,
            rows,
            file,
            carries,
            catalogue: self.catalogue,
            warnings,
        })))
    }
}

impl Machine {
    /// From now on what may not run during an import waits, unless it is only shown.
    fn begin_import(&self, shown: bool) -> Result<AtWork> {
        if shown { Ok(self.aside()) } else { self.at_work(Operation::Import, Some(Process::ImportExport)) }
    }

    /// Says durably that an import begins, before its file is read.
    fn journal(&self, id: ImportId, order: &ImportOrder) -> Result<Begun> {
        if order.plan {
            return Ok(Begun::nothing());
        }
        let facts = ImportFacts {
            file: Some(order.file.display().to_string()),
            batch: order.batch,
            mode: Some(order.mode),
            ..write::facts(&self.store(), &order.items, &[])
        };
        self.store().import_begins(id, now(), &facts)?;
        Ok(Begun::new(self.store_handle(), id))
    }

    /// Makes the machine a member of these spaces. An owner whom the server does not know stays out, and makes a plan stale
    /// that is to be applied exactly.
    async fn admit_as_planned(
        &self,
        spaces: BTreeSet<SpaceName>,
        planned: Option<Fingerprint>,
        administrator: Option<&str>,
        running: &Running,
    ) -> Result<(BTreeSet<SpaceName>, Vec<Note>)> {
        running.stage(Stage::Fetching);
        let (admitted, notes) = self.admit(spaces.iter().cloned().collect(), administrator).await?;
        match spaces.iter().find(|space| !admitted.contains(*space)) {
            Some(unknown) if planned.is_some() => {
                Err(stale(&format!("the server does not know the owner of {unknown}")))
            }
            _ => Ok((admitted, notes)),
        }
    }

    /// What the rows of a file would do to these lists, whatever the rules say of it now.
    pub(crate) fn show(
        &self,
        order: &ImportOrder,
        read: Read,
        places: &BTreeMap<SpaceName, Place>,
        warnings: Vec<Note>,
    ) -> Result<ImportReport> {
        let rows = read.counts();
        let (parts, carries) = parts_of(read.split, read.format, places);
        self.show_parts(order, (parts, rows, carries), warnings)
    }

    /// What the records of a bundle would do to these spaces, whatever the rules say of it now.
    pub(crate) fn show_bundle(
        &self,
        order: &ImportOrder,
        looked: Looked,
        spaces: &[SpaceName],
        warnings: Vec<Note>,
    ) -> Result<ImportReport> {
        self.show_parts(order, looked.into_parts(spaces), warnings)
    }

    fn show_parts(
        &self,
        order: &ImportOrder,
        (parts, rows, carries): (Vec<Part>, RowCounts, Carries),
        warnings: Vec<Note>,
    ) -> Result<ImportReport> {
        let verdicts = Verdicts { operation: Operation::Import, lines: Vec::new() };
        let means = Means { catalogue: &self.catalogue, carries, verdicts: &verdicts };
        let mut ids = Ids::new(fresh_id()?);
        let plans = Plans::make(&self.store(), &mut || ids.fresh(), order, parts, &means)?;
        let mut report = write::report(order, &plans, rows, warnings);
        report.problems = plans.problems().map(Remark::from).collect();
        report.plan = Some(plans.effects());
        Ok(report)
    }
}

/// The entries of a file of addresses, list by list, and what such a file can say.
fn parts_of(
    split: Split<Incoming>,
    format: Format,
    places: &BTreeMap<SpaceName, Place>,
) -> (Vec<Part>, Carries) {
    // A list that may be emptied is replaced by what the file does not hold.
    let all = split.taken.values().all(Vec::is_empty);
    let mut taken = split.taken;
    let parts = places.iter().filter_map(|(space, place)| {
        Some(Part { item: item_of(place), space: space.clone(), entries: taken.remove(place)? })
    });
    (parts.collect(), Carries { all, format: Some(format), ..Carries::ADDRESSES })
}

/// What bounds an import beside its order.
struct Bounds<'a> {
    bytes: Option<Vec<u8>>,
    only: Option<&'a [SpaceName]>,
    planned: Option<Fingerprint>,
}

enum Prepared {
    /// It was done before.
    Done(Box<ImportReport>),
    Ready(Box<Job>),
}

/// The items that may run. A plan that is shown lists the refused ones too, unless all are.
fn permitted(verdicts: &Verdicts, order: &ImportOrder) -> Result<Vec<Item>> {
    if verdicts.lines.is_empty() {
        return Ok(Vec::new());
    }
    let on_refusal = if order.skip_refused || order.plan { OnRefusal::Skip } else { OnRefusal::RefuseAll };
    verdicts.items(on_refusal).map_err(|denied| Error::Rules(Box::new(denied.clone())))
}

/// Whether a file that gives nothing to import may be imported, and into which lists: those that are named.
fn may_be_empty(
    order: &ImportOrder,
    named: Option<&Place>,
    items: &[Item],
    split: &mut Split<Incoming>,
) -> Result<()> {
    if order.mode == ListMode::Replace && order.allow_empty {
        let local = items.contains(&Item::AddressBook).then_some(&Place::Local);
        let emptied: Vec<Place> = named.or(local).into_iter().cloned().collect();
        if !emptied.is_empty() {
            split.taken.extend(emptied.into_iter().map(|place| (place, Vec::new())));
            return Ok(());
        }
    }
    Err(Error::Denied {
        code: "nothing_to_import".into(),
        message: "the file holds no entry of what was asked for; nothing was changed".into(),
        remedy: "name another item, or say with --user or --group where rows without an owner go; to empty a list, \
                 name it and add --mode replace --allow-empty"
            .into(),
    })
}

fn check_format(items: &[Item]) -> Result<()> {
    match items.iter().find(|item| !ITEMS.contains(item)) {
        None => Ok(()),
        Some(item) => Err(Error::Denied {
            code: "item_not_in_format".into(),
            message: format!("an address book file does not hold {}", item.title()),
            remedy: format!("name one of {}", ITEMS.map(Item::as_str).join(", ")),
        }),
    }
}

pub(crate) fn check_items(items: &[Item]) -> Result<()> {
    check_format(items)
}
