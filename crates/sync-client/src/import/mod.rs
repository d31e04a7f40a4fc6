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
//! | `read` | bytes to entries |
//! | `plan`, `fingerprint` | what it does to each space, and how that is told from another plan |
//! | `undo` | taking an import back, and the history of imports |
//! | `progress` | how far it is, and how it is cancelled |
//! | `report` | what it did, for scripts and people |

mod fingerprint;
mod plan;
mod progress;
mod read;
mod report;
#[cfg(test)]
mod tests;
mod undo;

pub use fingerprint::Fingerprint;
pub(crate) use progress::Imports;
pub use progress::{Progress, Stage, Told, Watch};
pub(crate) use read::{from_file, read, read_bytes};
pub use report::{Effect, ImportReport, ItemVerdict, Remark, SpaceReport, Stayed, UndoReport};
pub use undo::{Cancelled, UndoOrder, line_json};

use crate::{
    draw::now,
    error::{Error, Result},
    lists::{ITEMS, Source, item_of, named_place, place_of, refusals, verdicts},
    machine::Machine,
    store::{ImportFacts, Importing, Store},
};
use core::time::Duration;
use fingerprint::{Ids, fresh_id, stale};
use parking_lot::Mutex;
use plan::{Means, Part, Plans};
use progress::Running;
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
    catalogue::Catalogue,
    change::Author,
    files::{Note, Place, Split},
    id::ImportId,
    import::{Carries, Incoming},
    item::Item,
    machine::SyncState,
    procedure::ListMode,
    process::{Process, Processes},
    replica::Event,
    rules::{
        Operation,
        plan::{OnRefusal, Plan as Verdicts},
    },
    space::SpaceName,
};

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
                self.holding_the_store(&running, watch, move |store, running, beside| {
                    job.carry_out(store, running, beside)
                })
                .await
            }
        }
    }

    /// Runs a job under one hold of the store, while the client function is paused; the job is told what runs beside it, as
    /// of the moment in which it took the store. It ends early only between two records,
    /// when it is cancelled.
    async fn holding_the_store<T: Send + 'static>(
        &self,
        running: &Arc<Running>,
        watch: Watch<'_>,
        job: impl FnOnce(&mut Store, &Running, Processes) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _pause = Pause::begin(self).await;
        running.go_on()?;
        let store: Arc<Mutex<Store>> = self.store_handle();
        let (_process, counts) = (self.running(Process::ImportExport), self.running.clone());
        let held = running.hold(self.status()?);
        let done = running
            .work(watch, move |running| {
                let _held = held;
                let mut store = store.lock();
                job(&mut store, running, counts.beside(Process::ImportExport))
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
        let named = named_place(&order.items, order.user.as_deref(), order.group.as_deref())?;
        // What is asked for by name is refused before the file is looked at.
        let source = Source::from(Operation::Import);
        let asked = self.verdicts(&source, &order.items, administrator).await?;
        let allowed = permitted(&asked, order)?;
        check_format(&allowed)?;
        if let Some(did) = self.store().imported(id)? {
            return Ok(Prepared::Done(Box::new(did)));
        }
        let (mut read, file) = {
            let (file, given, items) = (order.file.clone(), bounds.bytes, allowed.clone());
            let (unowned, keep) = (named.clone(), order.plan || order.apply.is_some());
            let job = move |running: &Running| {
                let bytes = given.map_or_else(|| read_bytes(&file), Ok)?;
                running.update(|now| (now.stage, now.bytes_total) = (Stage::Reading, bytes.len() as u64));
                let read = read(&bytes, &items, unowned.as_ref())?;
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
            verdicts = self.verdicts(&source, &held, administrator).await?;
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
        warnings.extend(core::mem::take(&mut read.warnings));
        if !order.plan {
            running.stage(Stage::Fetching);
            let (admitted, notes) = self.admit(spaces.keys().cloned().collect(), administrator).await?;
            if let (Some(_), Some(unknown)) = (bounds.planned, spaces.keys().find(|s| !admitted.contains(s)))
            {
                return Err(stale(&format!("the server does not know the owner of {unknown}")));
            }
            // Of owners who are not known the count of their rows is said below.
            warnings.extend(notes.into_iter().filter(|note| note.code != "unknown_owner"));
            let known =
                |place: &Place| spaces.iter().any(|(space, at)| at == place && admitted.contains(space));
            warnings.extend(read.split.keep_out_unknown(known));
        }
        let rows = read.counts();
        let (parts, carries) = parts_of(read.split, &spaces);
        Ok(Prepared::Ready(Box::new(Job {
            id,
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
    /// What the rows of a file would do to these lists, whatever the rules say of it now.
    pub(crate) fn show(
        &self,
        order: &ImportOrder,
        read: Read,
        places: &BTreeMap<SpaceName, Place>,
        warnings: Vec<Note>,
    ) -> Result<ImportReport> {
        let rows = read.counts();
        let (parts, carries) = parts_of(read.split, places);
        let verdicts = Verdicts { operation: Operation::Import, lines: Vec::new() };
        let means = Means { catalogue: &self.catalogue, carries, verdicts: &verdicts };
        let mut ids = Ids::new(fresh_id()?);
        let plans = Plans::make(&self.store(), &mut || ids.fresh(), order, parts, &means)?;
        let mut report = report(order, &plans, rows, warnings);
        report.problems = plans.problems().map(Remark::from).collect();
        report.plan = Some(plans.effects());
        Ok(report)
    }
}

/// The entries of a file of addresses, list by list, and what such a file can say.
fn parts_of(split: Split<Incoming>, places: &BTreeMap<SpaceName, Place>) -> (Vec<Part>, Carries) {
    // A list that may be emptied is replaced by what the file does not hold.
    let all = split.taken.values().all(Vec::is_empty);
    let mut taken = split.taken;
    let parts = places.iter().filter_map(|(space, place)| {
        Some(Part { item: item_of(place), space: space.clone(), entries: taken.remove(place)? })
    });
    (parts.collect(), Carries { all, ..Carries::ADDRESSES })
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

/// An import that waits for nobody any more.
struct Job {
    id: ImportId,
    order: ImportOrder,
    planned: Option<Fingerprint>,
    administrator: bool,
    source: Source,
    verdicts: Verdicts,
    allowed: Vec<Item>,
    parts: Vec<Part>,
    rows: RowCounts,
    /// SHA-256 of the file's bytes; only where a plan is shown or applied.
    file: [u8; 32],
    carries: Carries,
    catalogue: Catalogue,
    warnings: Vec<Note>,
}

impl Job {
    /// Decides, plans and writes, under one hold of the store.
    fn carry_out(self, store: &mut Store, running: &Running, beside: Processes) -> Result<ImportReport> {
        let Self { id, order, planned, administrator, source, verdicts: before, allowed, parts, .. } = self;
        // A Start, or something that the interlock knows, may have come since they were asked.
        let again = verdicts(store, beside, &source, &allowed, administrator)?;
        again.items(OnRefusal::RefuseAll).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        running.stage(Stage::Planning);
        let mut warnings = self.warnings;
        if order.plan {
            warnings.extend(not_here(store, parts.iter().map(|part| &part.space))?);
        }
        let mut ids = Ids::new(id);
        let means = Means { catalogue: &self.catalogue, carries: self.carries, verdicts: &before };
        let plans = Plans::make(store, &mut || ids.fresh(), &order, parts, &means)?;
        running.go_on()?;
        let mut report = report(&order, &plans, self.rows, warnings);
        if order.plan || planned.is_some() {
            let found = plans.fingerprint(id, &self.file, &order, &before)?;
            if let Some(planned) = planned {
                planned.check(&found)?;
            } else {
                let refused = before.lines.iter().any(|line| line.verdict.is_err());
                report.problems = plans.problems().map(Remark::from).collect();
                let can = report.problems.is_empty() && (order.skip_refused || !refused);
                report.fingerprint = can.then(|| found.to_string());
                report.verdicts = before.lines.iter().map(ItemVerdict::from).collect();
                report.plan = Some(plans.effects());
                return Ok(report);
            }
        }
        plans.verdict()?;
        let interrupted = tell_interrupted(store, &mut report.warnings)?;
        report.import = Some(id);
        let facts = ImportFacts {
            file: Some(order.file.display().to_string()),
            mode: Some(order.mode),
            ..facts(store, &report.items, &report.spaces)
        };
        let written = write(store, running, id, facts, &report, &report.spaces, plans.edits())?;
        interrupted.into_iter().try_for_each(|id| store.import_is_told(id))?;
        // Or somebody else was quicker under the same id.
        if written { Ok(report) } else { Ok(store.imported(id)?.unwrap_or(report)) }
    }
}

/// Writes an import or an undo, tells how far it is, and ends between two records where it is cancelled.
fn write<T: Serialize>(
    store: &mut Store,
    running: &Running,
    id: ImportId,
    facts: ImportFacts,
    did: &T,
    spaces: &[SpaceReport],
    edits: impl Iterator<Item = (SpaceName, sync_core::id::RecordId, sync_core::change::Operation)>,
) -> Result<bool> {
    /// How many records are written between two looks at whether it is cancelled.
    const STRIDE: u64 = 64;
    let milestones = Milestones::of(spaces);
    let total = milestones.records;
    running.update(|now| {
        (now.stage, now.records_total, now.items_total) = (Stage::Writing, total, milestones.items());
        now.items = milestones.items_at(0);
    });
    let author = Author { person: Some(facts.person.clone()), time: now(), import: Some(id) };
    let most = usize::try_from(total).unwrap_or(usize::MAX);
    let importing = Importing { author: &author, facts: &facts, did, most, edits, keep: None };
    let written = store.import(id, importing, &mut |count| {
        if count % STRIDE == 0 || count == total {
            running.update(|now| (now.records, now.items) = (count, milestones.items_at(count)));
            running.go_on()?;
        }
        Ok(())
    })?;
    store.import_is_told(id)?;
    Ok(written)
}

/// At how many records the last space of each item is whole.
struct Milestones {
    records: u64,
    ends: Vec<u64>,
}

impl Milestones {
    fn of(spaces: &[SpaceReport]) -> Self {
        let (mut records, mut ends) = (0, BTreeMap::new());
        for SpaceReport { item, space, added, changed, removed, .. } in spaces {
            records += (added + changed + removed) as u64;
            ends.insert(item.unwrap_or_else(|| item_of(&place_of(space))), records);
        }
        Self { records, ends: ends.into_values().collect() }
    }

    fn items(&self) -> u64 {
        self.ends.len() as u64
    }

    fn items_at(&self, records: u64) -> u64 {
        self.ends.iter().filter(|end| **end <= records).count() as u64
    }
}

/// What the journal says of an import or undo.
fn facts(store: &Store, items: &[Item], spaces: &[SpaceReport]) -> ImportFacts {
    let sum = |of: fn(&SpaceReport) -> usize| spaces.iter().map(|space| of(space) as u64).sum();
    ImportFacts {
        person: store.user().unwrap_or("administrator").to_string(),
        file: None,
        undoes: None,
        items: items.to_vec(),
        mode: None,
        added: sum(|space| space.added),
        changed: sum(|space| space.changed),
        removed: sum(|space| space.removed),
    }
}

/// Says how imports ended whose process died, once.
fn tell_interrupted(store: &Store, warnings: &mut Vec<Remark>) -> Result<Vec<ImportId>> {
    let interrupted = store.interrupted_imports()?;
    let remarks = interrupted.iter().map(|line| Remark {
        line: None,
        code: line.ended_code().into(),
        text: line.ended(),
    });
    warnings.extend(remarks);
    Ok(interrupted.into_iter().map(|line| line.import).collect())
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

fn not_here<'a>(store: &Store, spaces: impl Iterator<Item = &'a SpaceName>) -> Result<Vec<Note>> {
    let spaces: BTreeSet<SpaceName> = spaces.cloned().collect();
    let heads = store.heads(&spaces.into_iter().collect::<Vec<_>>())?;
    let missing = heads.into_iter().filter(|(space, head)| space.synchronizes() && head.is_none());
    Ok(missing
        .map(|(space, _)| {
            let text = format!("{space} is not at this machine yet; the import fetches it first");
            Note::new(None, "not_at_this_machine", text)
        })
        .collect())
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

fn report(order: &ImportOrder, plans: &Plans, rows: RowCounts, mut warnings: Vec<Note>) -> ImportReport {
    warnings.extend(plans.notes());
    let spaces: Vec<SpaceReport> = plans.spaces().collect();
    let taken: BTreeSet<Item> = spaces.iter().filter_map(|space| space.item).collect();
    ImportReport {
        import: None,
        item: (order.items.len() == 1).then(|| order.items[0]),
        items: taken.into_iter().collect(),
        mode: order.mode,
        spaces,
        read: rows.read,
        unreadable: rows.unreadable,
        kept_out: rows.kept_out,
        warnings: warnings.into_iter().map(Remark::from).collect(),
        problems: Vec::new(),
        verdicts: Vec::new(),
        plan: None,
        fingerprint: None,
    }
}
