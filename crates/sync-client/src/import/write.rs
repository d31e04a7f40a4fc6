//! The write of an import: decided, planned and written under one hold of the store.

use super::{
    Fingerprint, ImportOrder, ImportReport, ItemVerdict, Remark, SpaceReport,
    fingerprint::Ids,
    plan::{Means, Part, Plans},
    progress::{Begun, Running, Stage},
    read::RowCounts,
};
use crate::{
    draw::now,
    error::{Error, Result},
    facts::AtWork,
    lists::{Source, item_of, place_of, verdicts},
    store::{ImportFacts, Importing, Store},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    catalogue::Catalogue,
    change::{Author, Operation as Change},
    files::Note,
    id::{ImportId, RecordId},
    import::Carries,
    item::Item,
    rules::{
        Operation,
        plan::{OnRefusal, Plan as Verdicts},
    },
    space::SpaceName,
};

/// An import that waits for nobody any more.
pub(super) struct Job {
    pub(super) id: ImportId,
    /// What may not run beside it waits as long as this lives.
    pub(super) work: AtWork,
    pub(super) begun: Begun,
    pub(super) order: ImportOrder,
    pub(super) planned: Option<Fingerprint>,
    pub(super) administrator: bool,
    pub(super) source: Source,
    pub(super) verdicts: Verdicts,
    pub(super) allowed: Vec<Item>,
    pub(super) parts: Vec<Part>,
    pub(super) rows: RowCounts,
    /// SHA-256 of the file's bytes; only where a plan is shown or applied.
    pub(super) file: [u8; 32],
    pub(super) carries: Carries,
    pub(super) catalogue: Catalogue,
    pub(super) warnings: Vec<Note>,
}

impl Job {
    /// Decides, plans and writes, under one hold of the store.
    pub(super) fn carry_out(mut self, store: &mut Store, running: &Running) -> Result<ImportReport> {
        self.begun.let_go();
        let id = self.id;
        let done = self.decide_and_write(store, running);
        if done.is_err() {
            store.import_ends(id)?;
        }
        done
    }

    fn decide_and_write(self, store: &mut Store, running: &Running) -> Result<ImportReport> {
        let Self { id, order, planned, administrator, source, verdicts: before, allowed, parts, .. } = self;
        // A Start, or another language or profile, may have come since they were asked. Of the processes those count that it
        // found when it began: what began since was let through by rule 7, and does not stop it.
        let work = self.work;
        let again = verdicts(store, work.found(), &source, &allowed, administrator)?;
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
            batch: before.operation == Operation::ImportBatch,
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
pub(super) fn write<'e, T: Serialize>(
    store: &mut Store,
    running: &Running,
    id: ImportId,
    facts: ImportFacts,
    did: &T,
    spaces: &[SpaceReport],
    edits: impl Iterator<Item = (&'e SpaceName, RecordId, Change)>,
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
pub(super) fn facts(store: &Store, items: &[Item], spaces: &[SpaceReport]) -> ImportFacts {
    let sum = |of: fn(&SpaceReport) -> usize| spaces.iter().map(|space| of(space) as u64).sum();
    ImportFacts {
        person: store.user().unwrap_or("administrator").to_string(),
        file: None,
        undoes: None,
        items: items.to_vec(),
        batch: false,
        mode: None,
        added: sum(|space| space.added),
        changed: sum(|space| space.changed),
        removed: sum(|space| space.removed),
    }
}

/// Says how imports ended whose process died, once.
pub(super) fn tell_interrupted(store: &Store, warnings: &mut Vec<Remark>) -> Result<Vec<ImportId>> {
    let interrupted = store.interrupted_imports()?;
    let remarks = interrupted.iter().map(|line| Remark {
        line: None,
        code: line.ended_code().into(),
        text: line.ended(),
    });
    warnings.extend(remarks);
    Ok(interrupted.into_iter().map(|line| line.import).collect())
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

pub(super) fn report(
    order: &ImportOrder,
    plans: &Plans,
    rows: RowCounts,
    mut warnings: Vec<Note>,
) -> ImportReport {
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
