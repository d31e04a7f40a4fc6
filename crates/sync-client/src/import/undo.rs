//! Taking an import back, and the history of imports.
//!
//! An undo is a new change like an import: it has an id and a journal of its own, so that it can be taken back too, and it
//! is subject to the same rules. It looks at each record that the import touched, and compares what stands with what the
//! import wrote: what nobody changed since is as it was before; what somebody changed stays, unless it is forced.

use super::{
    Imports, Remark,
    fingerprint::{Effects, Fingerprint, fresh_id, stale},
    progress::{Begun, Running, Stage, Watch},
    report::{Effect, SpaceReport, Stayed, UndoReport},
    write::{facts, tell_interrupted, write},
};
use crate::{
    draw::now,
    error::{Error, Result},
    facts::AtWork,
    lists::{Source, verdicts},
    machine::Machine,
    store::{Before, FieldEdit, ImportFacts, ImportLine, ImportState, Store, hash_of},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_core::{
    address::difference,
    change::Operation,
    id::{ImportId, RecordId},
    import::Fields,
    record::Record,
    rules::plan::OnRefusal,
    space::SpaceName,
};

/// What is to be taken back, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UndoOrder {
    /// The import, or the undo; the last import that is not undone, where none is named.
    pub import: Option<ImportId>,
    /// Take back also what somebody changed since.
    pub force: bool,
    /// Whether it is only shown.
    pub plan: bool,
    /// Apply the plan with this fingerprint, or nothing.
    pub apply: Option<String>,
}

/// What a cancel came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The import that ran, or what stood for the export.
    pub import: ImportId,
    /// Whether it was in time: nothing was changed then. Otherwise the import is done, and can be undone.
    pub cancelled: bool,
    /// Whether it was an export.
    #[serde(default)]
    pub export: bool,
}

impl Cancelled {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let import = self.import;
        if self.export && self.cancelled {
            "The export was cancelled; no file was written.".into()
        } else if self.export {
            "The export was done already.".into()
        } else if self.cancelled {
            format!("The import {import} was cancelled; nothing was changed.")
        } else {
            format!(
                "The import {import} was done already. To take it back: sync-client import --undo {import}"
            )
        }
    }
}

impl Machine {
    /// Takes an import back, or an undo, as a new change; or shows what that would do.
    ///
    /// # Errors
    /// `nothing_to_undo`, `unknown_import`, `already_undone`, `import_did_not_happen`, `undo_expired`, [`Error::Rules`],
    /// `plan_stale`, `import_running`, `cancelled`, or what the disk says. Nothing was changed then.
    pub async fn undo_import(&self, order: &UndoOrder, administrator: Option<&str>) -> Result<UndoReport> {
        self.undo_import_watched(order, administrator, &|_| {}).await
    }

    /// The same; `watch` hears meanwhile how far it is.
    ///
    /// # Errors
    /// As [`Machine::undo_import`].
    pub async fn undo_import_watched(
        &self,
        order: &UndoOrder,
        administrator: Option<&str>,
        watch: Watch<'_>,
    ) -> Result<UndoReport> {
        let planned = order.apply.as_deref().map(str::parse::<Fingerprint>).transpose()?;
        let id = planned.map_or_else(fresh_id, |planned| Ok(planned.id))?;
        let running = if order.plan { Imports::aside(id) } else { self.imports.begin(id)? };
        let _unless_dropped = running.unless_dropped();
        let prepare = async {
            // Who asks is proved before anything is told.
            self.prove(administrator).await?;
            let done = planned.is_some().then(|| self.store().imported::<UndoReport>(id));
            if let Some(done) = done.transpose()?.flatten() {
                return Ok(Err(done));
            }
            let line = wanted(&self.store(), order.import)?;
            let source = Source::of_undo(&self.store(), line.facts.batch)?;
            let work = self.begin_import(order.plan)?;
            let (found, items) = (work.found(), &line.facts.items);
            let asked = verdicts(&self.store(), found, &source, items, administrator.is_some())?;
            asked.items(OnRefusal::RefuseAll).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
            if administrator.is_none() {
                return Err(Error::AdministratorNeeded);
            }
            let begun = if order.plan {
                Begun::nothing()
            } else {
                let facts = ImportFacts {
                    undoes: Some(line.import),
                    batch: line.facts.batch,
                    ..facts(&self.store(), items, &[])
                };
                self.store().import_begins(id, now(), &facts)?;
                Begun::new(self.store_handle(), id)
            };
            Ok(Ok((line, work, begun)))
        };
        let (line, work, begun) = tokio::select! {
            biased;
            cancelled = running.cancelled() => return Err(cancelled),
            line = prepare => match line? {
                Ok(found) => found,
                Err(done) => return Ok(done),
            },
        };
        let job = Job { id, work, begun, order: order.clone(), planned, line };
        self.holding_the_store(&running, watch, move |store, running| job.carry_out(store, running)).await
    }

    /// The history of imports and undos, the newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn imports(&self) -> Result<Vec<ImportLine>> {
        self.store().imports()
    }

    /// Cancels the import or undo that runs, and waits until it has ended.
    ///
    /// # Errors
    /// `no_import`, where none runs; or what the disk says.
    pub async fn cancel_import(&self) -> Result<Cancelled> {
        let export = self.imports.running().is_some_and(|now| now.stage == Stage::Exporting);
        let import = self.imports.cancel().await.ok_or_else(|| Error::Denied {
            code: "no_import".into(),
            message: "no import and no export runs at this machine".into(),
            remedy: "what is done can be undone: sync-client import --undo".into(),
        })?;
        let done = if export {
            self.imports.is_exported(import)
        } else {
            self.store().imported::<serde_json::Value>(import)?.is_some()
        };
        Ok(Cancelled { import, cancelled: !done, export })
    }

    /// How imports ended whose process died before anybody was told, as sentences; told by this.
    ///
    /// # Errors
    /// What the disk says.
    pub fn interrupted_imports(&self) -> Result<Vec<Remark>> {
        let mut store = self.store();
        let mut remarks = Vec::new();
        let told = tell_interrupted(&store, &mut remarks)?;
        told.into_iter().try_for_each(|id| store.import_is_told(id))?;
        Ok(remarks)
    }
}

/// The line of what is to be taken back.
fn wanted(store: &Store, named: Option<ImportId>) -> Result<ImportLine> {
    let denied = |code: &str, message: String, remedy: &str| Error::Denied {
        code: code.into(),
        message,
        remedy: remedy.into(),
    };
    let lines = store.imports()?;
    let done = |line: &ImportLine| line.state == ImportState::Done && line.undone_by.is_none();
    let Some(id) = named else {
        let last = lines.into_iter().find(|line| done(line) && line.facts.undoes.is_none());
        let last = last.ok_or_else(|| {
            denied(
                "nothing_to_undo",
                "no import of this machine is left to undo".into(),
                "`sync-client import --list` shows them all",
            )
        })?;
        return kept(last, denied);
    };
    let line = lines.into_iter().find(|line| line.import == id).ok_or_else(|| {
        denied(
            "unknown_import",
            format!("there is no import {id}"),
            "`sync-client import --list` shows them all",
        )
    })?;
    if line.state != ImportState::Done {
        return Err(denied("import_did_not_happen", line.ended(), "there is nothing to undo"));
    }
    if let Some(by) = line.undone_by {
        let message = format!("the import {id} is undone already, by {by}");
        return Err(denied("already_undone", message, "to redo it, undo that one"));
    }
    kept(line, denied)
}

fn kept(line: ImportLine, denied: impl Fn(&str, String, &str) -> Error) -> Result<ImportLine> {
    if line.kept {
        return Ok(line);
    }
    let message = format!("what stood before the import {} is no longer kept", line.import);
    Err(denied("undo_expired", message, "bring it back from an export or a backup"))
}

/// What an undo does, and what it leaves.
#[derive(Default)]
struct Undoing {
    edits: Vec<(SpaceName, RecordId, Operation)>,
    effects: Vec<Effect>,
    spaces: Vec<SpaceReport>,
    stayed: Vec<Stayed>,
    show: bool,
}

/// An undo that waits for nobody any more.
struct Job {
    id: ImportId,
    work: AtWork,
    begun: Begun,
    order: UndoOrder,
    planned: Option<Fingerprint>,
    line: ImportLine,
}

impl Job {
    /// Decides, plans and writes, under one hold of the store.
    fn carry_out(mut self, store: &mut Store, running: &Running) -> Result<UndoReport> {
        self.begun.let_go();
        let id = self.id;
        let done = self.decide_and_write(store, running);
        if done.is_err() {
            store.import_ends(id)?;
        }
        done
    }

    fn decide_and_write(self, store: &mut Store, running: &Running) -> Result<UndoReport> {
        let Self { id, work, order, planned, line, .. } = self;
        let items = &line.facts.items;
        let source = Source::of_undo(store, line.facts.batch)?;
        let again = verdicts(store, work.found(), &source, items, true)?;
        again.items(OnRefusal::RefuseAll).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        // Somebody may have undone it meanwhile.
        let line = match wanted(store, Some(line.import)) {
            Err(error) if planned.is_some() => return Err(stale(&error.to_string())),
            found => found?,
        };
        running.stage(Stage::Planning);
        let undoing = Undoing::of(store, &line, &order, running)?;
        // Now that it is known whose data these are.
        let spaces = Some(undoing.spaces.iter().map(|report| report.space.clone()).collect());
        let again = verdicts(store, work.found(), &Source { spaces, ..source }, items, true)?;
        again.items(OnRefusal::RefuseAll).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        let mut report = UndoReport {
            import: None,
            undoes: line.import,
            items: line.facts.items.clone(),
            spaces: undoing.spaces,
            stayed: undoing.stayed,
            warnings: Vec::new(),
            plan: None,
            fingerprint: None,
        };
        if order.plan || planned.is_some() {
            let found = fingerprint(id, &line, order.force, &undoing.edits, &report.stayed);
            if let Some(planned) = planned {
                planned.check(&found)?;
            } else {
                report.fingerprint = Some(found.to_string());
                report.plan = Some(undoing.effects);
                return Ok(report);
            }
        }
        let interrupted = tell_interrupted(store, &mut report.warnings)?;
        report.import = Some(id);
        let line_of = ImportFacts {
            undoes: Some(line.import),
            batch: line.facts.batch,
            ..facts(store, &line.facts.items, &report.spaces)
        };
        let edits = undoing.edits.iter().map(|(space, record, one)| (space, *record, one.clone()));
        let written = write(store, running, id, line_of, &report, &report.spaces, edits)?;
        interrupted.into_iter().try_for_each(|id| store.import_is_told(id))?;
        if written { Ok(report) } else { Ok(store.imported(id)?.unwrap_or(report)) }
    }
}

impl Undoing {
    fn of(store: &Store, line: &ImportLine, order: &UndoOrder, running: &Running) -> Result<Self> {
        let mut undoing = Self { show: order.plan, ..Self::default() };
        let mut here: BTreeMap<SpaceName, bool> = BTreeMap::new();
        store.before_import(line.import, |space, record, before| {
            running.go_on()?;
            let here = match here.get(space) {
                Some(here) => *here,
                None => {
                    let found = !space.synchronizes() || store.is_member(space)?;
                    here.insert(space.clone(), found);
                    undoing.spaces.push(SpaceReport::new(space.clone()));
                    found
                }
            };
            let now = if here { store.view(space, record)?.and_then(Record::into_live) } else { None };
            undoing.record(space, record, here, before, now, order.force);
            Ok(())
        })?;
        Ok(undoing)
    }

    fn record(
        &mut self,
        space: &SpaceName,
        record: RecordId,
        here: bool,
        before: Before,
        now: Option<Fields>,
        force: bool,
    ) {
        let name = name_of(now.as_ref(), &before);
        if !here {
            self.stays(space, record, &name, None, "not_here");
            return;
        }
        let effect = match (before, now) {
            // It goes again, unless it is gone already.
            (Before::Nothing(_), None) => None,
            (Before::Nothing(written), Some(now)) if force || hash_of(&now) == written => {
                Some(("remove", Operation::Delete))
            }
            (Before::Nothing(_), Some(_)) => {
                self.stays(space, record, &name, None, "edited");
                None
            }
            (Before::Removed(before), None) => Some(whole(before)),
            (Before::Removed(before), Some(now)) => {
                let edit = difference(&now, &before);
                self.unless_forced(space, record, &name, edit, FieldEdit::new(), force)
            }
            (Before::Fields(before, _), None) if force => Some(whole(before)),
            (Before::Fields(..), None) => {
                self.stays(space, record, &name, None, "removed");
                None
            }
            (Before::Fields(before, written), Some(now)) => {
                let (mut back, mut others) = (FieldEdit::new(), FieldEdit::new());
                for (field, value) in written {
                    let (old, stands) = (before.get(&field), now.get(&field));
                    if stands == old {
                        continue;
                    }
                    let ours = stands == value.as_ref();
                    let old = old.cloned();
                    if ours {
                        back.insert(field, old)
                    } else {
                        others.insert(field, old)
                    };
                }
                self.unless_forced(space, record, &name, others, back, force)
            }
        };
        self.add(space, record, name, effect);
    }

    /// An edit of `back` and, where it is forced, of what somebody else wrote since.
    fn unless_forced(
        &mut self,
        space: &SpaceName,
        record: RecordId,
        name: &str,
        others: FieldEdit,
        mut back: FieldEdit,
        force: bool,
    ) -> Option<(&'static str, Operation)> {
        if force {
            back.extend(others);
        } else {
            for field in others.into_keys() {
                self.stays(space, record, name, Some(field), "edited");
            }
        }
        (!back.is_empty()).then_some(("change", Operation::Edit(back)))
    }

    fn stays(&mut self, space: &SpaceName, record: RecordId, name: &str, field: Option<String>, why: &str) {
        let (space, name, why) = (space.clone(), name.to_string(), why.to_string());
        self.stayed.push(Stayed { space, record, name, field, why });
    }

    fn add(
        &mut self,
        space: &SpaceName,
        record: RecordId,
        name: String,
        effect: Option<(&'static str, Operation)>,
    ) {
        let Some(counts) = self.spaces.iter_mut().rfind(|report| report.space == *space) else { return };
        let Some((effect, operation)) = effect else {
            counts.same += 1;
            return;
        };
        *match effect {
            "add" => &mut counts.added,
            "remove" => &mut counts.removed,
            _ => &mut counts.changed,
        } += 1;
        if self.show {
            let fields = match &operation {
                Operation::Edit(edit) if effect == "change" => edit.keys().cloned().collect(),
                _ => Vec::new(),
            };
            let (space, effect) = (space.clone(), effect.into());
            self.effects.push(Effect { item: None, space, effect, record: Some(record), name, fields });
        }
        self.edits.push((space.clone(), record, operation));
    }
}

/// A record that comes back under its own id, as it was.
fn whole(before: Fields) -> (&'static str, Operation) {
    let fields = before.into_iter().map(|(name, value)| (name, Some(value)));
    ("add", Operation::Edit(fields.collect()))
}

fn name_of(now: Option<&Fields>, before: &Before) -> String {
    let old = match before {
        Before::Fields(old, _) | Before::Removed(old) => Some(old),
        Before::Nothing(_) => None,
    };
    let name = |fields: &Fields| fields.get("name").map(ToString::to_string);
    now.and_then(name).or_else(|| old.and_then(name)).unwrap_or_default()
}

/// By what the plan of an undo is known: all that it writes, and all that it leaves.
fn fingerprint(
    id: ImportId,
    line: &ImportLine,
    force: bool,
    edits: &[(SpaceName, RecordId, Operation)],
    stayed: &[Stayed],
) -> Fingerprint {
    let mut effects = Effects::new(line.import.0.as_bytes(), &[u8::from(force)]);
    for (space, record, operation) in edits {
        effects.add("space", None, |encoder| encoder.text(&space.to_string()));
        effects.operation(*record, operation);
    }
    for stayed in stayed {
        effects.add("stays", Some(stayed.record), |encoder| {
            encoder.text(&stayed.space.to_string());
            encoder.text(stayed.field.as_deref().unwrap_or_default());
            encoder.text(&stayed.why);
        });
    }
    effects.end(id)
}

/// A line of the history for scripts.
#[must_use]
pub fn line_json(line: &ImportLine) -> serde_json::Value {
    let mut json = serde_json::to_value(line).unwrap_or_default();
    json["time"] = line.time.to_string().into();
    json
}
