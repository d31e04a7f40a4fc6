//! The journey of an import: bytes, entries and a report, the rules, the plan, one transaction.
//!
//! Nothing is written before everything that can refuse has been asked, and then everything is written at once, under the
//! import's id: power that fails leaves the lists before or after, and a repeat under the same id changes nothing.

use crate::{
    draw::{self, now},
    error::{Error, Result},
    lists::{ITEMS, item_of, named_place, place_of},
    machine::Machine,
    store::{Batch, Edit, Level},
};
use core::{fmt::Write as _, time::Duration};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use sync_core::{
    address::Address,
    change::Author,
    files::{FileError, Note, Place, Split, canon_csv},
    id::{ImportId, RecordId},
    import::{Counts, Incoming, Plan, plan, records_of_lists},
    item::Item,
    machine::SyncState,
    procedure::ListMode,
    replica::Event,
    rules::{Operation, plan::OnRefusal},
    snapshot::Reason,
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
        }
    }
}

/// A remark on an import or export, as it is kept and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The line of the file, where there is one.
    pub line: Option<u64>,
    /// A stable word for scripts.
    pub code: String,
    /// What a person reads.
    pub text: String,
}

impl From<Note> for Remark {
    fn from(note: Note) -> Self {
        Self { line: note.line, code: note.code.into(), text: note.text }
    }
}

/// What an import did to one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceReport {
    /// The space.
    pub space: SpaceName,
    /// New records.
    pub added: usize,
    /// Records whose fields changed.
    pub changed: usize,
    /// Records that went.
    pub removed: usize,
    /// Records that were what the file says already.
    pub same: usize,
}

/// One record in a plan that is only shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Where.
    pub space: SpaceName,
    /// `add`, `change` or `remove`.
    pub effect: String,
    /// The record; `None` where it would be a new one.
    pub record: Option<RecordId>,
    /// Its name.
    pub name: String,
    /// The fields that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The import's id, which all its changes carry; `None` of a plan that is only shown.
    pub import: Option<ImportId>,
    /// The item, where one was named.
    pub item: Option<Item>,
    /// The items that were taken.
    pub items: Vec<Item>,
    /// What happened to lists that had entries.
    pub mode: ListMode,
    /// Space by space.
    pub spaces: Vec<SpaceReport>,
    /// How many rows of the file are entries.
    pub read: usize,
    /// How many rows are none; each has a warning.
    pub unreadable: usize,
    /// How many entries stayed out, by whose they are.
    pub kept_out: BTreeMap<String, usize>,
    /// What was odd.
    pub warnings: Vec<Remark>,
    /// Record by record, where the plan is only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<Effect>>,
}

impl ImportReport {
    /// How many records it touched.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.spaces.iter().map(|space| (space.added + space.changed + space.removed) as u64).sum()
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let would = if self.plan.is_some() { "would be " } else { "" };
        for SpaceReport { space, added, changed, removed, same } in &self.spaces {
            let _ = writeln!(
                text,
                "{space}: {added} {would}added, {changed} changed, {removed} removed, {same} as they were"
            );
        }
        for Effect { space, effect, name, fields, .. } in self.plan.iter().flatten() {
            let _ = writeln!(text, "  {effect:<6} {space}  {name}  {}", fields.join(", "));
        }
        let _ = write!(text, "{} entries were read", self.read);
        if self.unreadable > 0 {
            let _ = write!(text, ", {} rows are none", self.unreadable);
        }
        for (place, count) in &self.kept_out {
            let _ = write!(text, "; {count} of {place} stayed out");
        }
        text.push('.');
        for warning in &self.warnings {
            let line = warning.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let _ = write!(text, "\nwarning: {line}{} ({})", warning.text, warning.code);
        }
        text
    }
}

/// A file that was read, with its entries by where they go.
pub(crate) struct Read {
    pub(crate) split: Split<Incoming>,
    pub(crate) entries: usize,
    unreadable: usize,
    pub(crate) warnings: Vec<Note>,
}

/// What each space's import does.
type Plans = Vec<(SpaceName, Plan)>;

/// What became of the rows of a file.
struct RowCounts {
    read: usize,
    unreadable: usize,
    kept_out: BTreeMap<String, usize>,
}

impl Read {
    fn counts(&self) -> RowCounts {
        let kept_out = self.split.kept_out.iter().map(|(place, count)| (label(place), *count)).collect();
        RowCounts { read: self.entries, unreadable: self.unreadable, kept_out }
    }
}

/// Reads the bytes of an address book, and takes what belongs to the items.
pub(crate) fn read(bytes: &[u8], items: &[Item], unowned: Option<&Place>) -> Result<Read> {
    let book = canon_csv::read(bytes).map_err(from_file)?;
    let mut split = Split { taken: BTreeMap::new(), kept_out: BTreeMap::new() };
    let mut nameless = 0;
    for row in book.rows() {
        let place = match (row.owner.place(), unowned) {
            (Place::Local, Some(place)) => place.clone(),
            (place, _) => place,
        };
        let named = !matches!(&place, Place::Person(name) | Place::Group(name) if name.is_empty());
        if !named {
            nameless += 1;
        }
        if named && (items.is_empty() || items.contains(&item_of(&place))) {
            let entry = Incoming::of_row(row.line, &row.owner, &row.address);
            split.taken.entry(place).or_insert_with(Vec::new).push(entry);
        } else {
            *split.kept_out.entry(place).or_insert(0) += 1;
        }
    }
    let mut warnings = book.report.warnings;
    if nameless > 0 {
        let text =
            format!("{nameless} rows name their owner without a user name or group name; they stay out");
        warnings.push(Note::new(None, "owner_without_name", text));
    }
    Ok(Read { split, entries: book.report.read, unreadable: book.report.kept_out, warnings })
}

pub(crate) fn from_file(error: FileError) -> Error {
    Error::Denied {
        code: error.code().into(),
        message: error.to_string(),
        remedy: "nothing was changed; correct the file or export it again at its source".into(),
    }
}

pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::File { path: file.into(), source };
    let most = canon_csv::MAX_BYTES as u64;
    let found = fs::metadata(file).map_err(failed)?.len();
    if found > most {
        // Said before it is read into memory.
        let bytes = usize::try_from(found).unwrap_or(usize::MAX);
        return Err(from_file(FileError::TooLarge { bytes, limit: canon_csv::MAX_BYTES }));
    }
    fs::read(file).map_err(failed)
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
    /// Imports a file, or shows what that would do.
    ///
    /// # Errors
    /// [`Error::Rules`] where a rule refuses, the reader's codes where the file is damaged, `nothing_to_import`,
    /// `item_not_in_format`, or what the disk and the server say. Nothing was changed then.
    pub async fn import(&self, order: &ImportOrder, administrator: Option<&str>) -> Result<ImportReport> {
        let id = ImportId(draw::uuid()?);
        self.import_as(id, order, None, None, administrator).await
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
        let named = named_place(&order.items, order.user.as_deref(), order.group.as_deref())?;
        let on_refusal = if order.skip_refused { OnRefusal::Skip } else { OnRefusal::RefuseAll };
        // What is asked for by name is refused before the file is looked at.
        let (allowed, mut warnings) =
            self.permitted(Operation::Import, &order.items, on_refusal, administrator).await?;
        check_format(&allowed)?;
        if let Some(did) = self.store().imported(id)? {
            return Ok(did);
        }
        let bytes = bytes.map_or_else(|| read_bytes(&order.file), Ok)?;
        let mut read = read(&bytes, &allowed, named.as_ref())?;
        drop(bytes);
        if order.items.is_empty() {
            let held: BTreeSet<Item> = read.split.taken.keys().map(item_of).collect();
            let held: Vec<Item> = ITEMS.into_iter().filter(|item| held.contains(item)).collect();
            let (allowed, refused) =
                self.permitted(Operation::Import, &held, on_refusal, administrator).await?;
            // With nothing in the file the question has still to be an administrator's.
            if held.is_empty() && administrator.is_none() {
                return Err(Error::AdministratorNeeded);
            }
            warnings.extend(refused);
            keep_out(&mut read.split, |place| allowed.contains(&item_of(place)));
        }
        if read.split.taken.is_empty() {
            self.may_be_empty(order, named.as_ref(), &allowed, &mut read.split)?;
        }
        let mut spaces: BTreeMap<SpaceName, Place> = BTreeMap::new();
        for place in read.split.taken.keys() {
            spaces.insert(self.space_at(place)?, place.clone());
        }
        if let Some(only) = only {
            keep_out(&mut read.split, |place| {
                spaces.iter().any(|(space, at)| at == place && only.contains(space))
            });
            spaces.retain(|space, _| only.contains(space));
        }
        warnings.extend(core::mem::take(&mut read.warnings));
        if order.plan {
            return self.show(order, read, &spaces, warnings);
        }
        let (admitted, notes) = self.admit(spaces.keys().cloned().collect(), administrator).await?;
        // Of owners who are not known the count of their rows is said below.
        warnings.extend(notes.into_iter().filter(|note| note.code != "unknown_owner"));
        let known = |place: &Place| spaces.iter().any(|(space, at)| at == place && admitted.contains(space));
        warnings.extend(read.split.keep_out_unknown(known));
        let _pause = Pause::begin(self).await;
        let done = self.write_import(id, order, read, &spaces, warnings);
        self.changed();
        done
    }

    /// Whether a file that gives nothing to import may be imported, and into which lists: those that are named.
    fn may_be_empty(
        &self,
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

    /// The plans of all spaces, over what stands now. Whoever writes them must not let go of the store in between.
    fn plans(
        store: &crate::store::Store,
        order: &ImportOrder,
        split: Split<Incoming>,
        spaces: &BTreeMap<SpaceName, Place>,
    ) -> Result<Plans> {
        let mut taken = split.taken;
        let mut plans = Vec::new();
        let mut failed = None;
        let mut fresh = || match draw::bytes() {
            Ok(random) => RecordId::fresh(now(), random),
            Err(error) => {
                failed = Some(error);
                RecordId::fresh(now(), [0; 10])
            }
        };
        for (space, place) in spaces {
            let Some(incoming) = taken.remove(place) else { continue };
            let mut existing = store.live(space)?;
            if !space.synchronizes() && order.mode == ListMode::Replace {
                existing = records_of_lists(existing, &incoming);
            }
            plans.push((space.clone(), plan(&existing, incoming, order.mode, &mut fresh)));
        }
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(plans)
    }

    pub(crate) fn show(
        &self,
        order: &ImportOrder,
        read: Read,
        spaces: &BTreeMap<SpaceName, Place>,
        mut warnings: Vec<Note>,
    ) -> Result<ImportReport> {
        let counts = read.counts();
        let plans = {
            let store = self.store();
            for (space, head) in store.heads(&spaces.keys().cloned().collect::<Vec<_>>())? {
                if space.synchronizes() && head.is_none() {
                    let text = format!("{space} is not at this machine yet; the import fetches it first");
                    warnings.push(Note::new(None, "not_at_this_machine", text));
                }
            }
            Self::plans(&store, order, read.split, spaces)?
        };
        let effects = plans.iter().flat_map(|(space, plan)| effects(space, plan)).collect();
        let mut report = report(order, &plans, counts, warnings);
        report.plan = Some(effects);
        Ok(report)
    }

    fn write_import(
        &self,
        id: ImportId,
        order: &ImportOrder,
        read: Read,
        spaces: &BTreeMap<SpaceName, Place>,
        warnings: Vec<Note>,
    ) -> Result<ImportReport> {
        let counts = read.counts();
        let mut store = self.store();
        let plans = Self::plans(&store, order, read.split, spaces)?;
        let person = store.user().map_or_else(|| "administrator".into(), str::to_string);
        let author = Author { person: Some(person), time: now(), import: Some(id) };
        let edits = plans.iter().flat_map(|(space, plan)| {
            plan.operations().map(|(record, operation)| Edit { space: space.clone(), record, operation })
        });
        let batch = Batch { edits: edits.collect(), author, keep: Some(Reason::Import) };
        let mut report = report(order, &plans, counts, warnings);
        report.import = Some(id);
        if store.import(id, &batch, &report)? {
            let text = format!("{} records changed by the import {id}", report.touched());
            store.note(Level::Info, "imported", &text, now())?;
            return Ok(report);
        }
        // Somebody else was quicker under the same id.
        Ok(store.imported(id)?.unwrap_or(report))
    }
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

/// Moves the entries of lists that are not taken out.
fn keep_out(split: &mut Split<Incoming>, keep: impl Fn(&Place) -> bool) {
    let kept_out = &mut split.kept_out;
    split.taken.retain(|place, entries| {
        let keep = keep(place);
        if !keep {
            *kept_out.entry(place.clone()).or_default() += entries.len();
        }
        keep
    });
}

/// How scripts read whose a list is: `local`, `user/NAME` or `group/ID`.
fn label(place: &Place) -> String {
    match place {
        Place::Local => "local".into(),
        Place::Person(user) => format!("user/{user}"),
        Place::Group(name) => format!("group/{name}"),
    }
}

fn report(
    order: &ImportOrder,
    plans: &[(SpaceName, Plan)],
    rows: RowCounts,
    mut warnings: Vec<Note>,
) -> ImportReport {
    warnings.extend(plans.iter().flat_map(|(_, plan)| plan.notes.iter().cloned()));
    let spaces: Vec<SpaceReport> = plans
        .iter()
        .map(|(space, plan)| {
            let Counts { added, changed, removed, same } = plan.counts();
            SpaceReport { space: space.clone(), added, changed, removed, same }
        })
        .collect();
    let taken: BTreeSet<Item> = spaces.iter().map(|space| item_of(&place_of(&space.space))).collect();
    ImportReport {
        import: None,
        item: (order.items.len() == 1).then(|| order.items[0]),
        items: ITEMS.into_iter().filter(|item| taken.contains(item)).collect(),
        mode: order.mode,
        spaces,
        read: rows.read,
        unreadable: rows.unreadable,
        kept_out: rows.kept_out,
        warnings: warnings.into_iter().map(Remark::from).collect(),
        plan: None,
    }
}

fn effects(space: &SpaceName, plan: &Plan) -> Vec<Effect> {
    let effect = |effect: &str, record: Option<RecordId>, address: &Address, fields: Vec<String>| Effect {
        space: space.clone(),
        effect: effect.into(),
        record,
        name: address.name.clone(),
        fields,
    };
    let added = plan.added.iter().map(|(_, address)| effect("add", None, address, Vec::new()));
    let changed = plan.changed.iter().map(|change| {
        effect("change", Some(change.id), &change.after, change.edit.keys().cloned().collect())
    });
    let removed = plan.removed.iter().map(|(id, address)| effect("remove", Some(*id), address, Vec::new()));
    added.chain(changed).chain(removed).collect()
}

#[cfg(test)]
mod tests;
