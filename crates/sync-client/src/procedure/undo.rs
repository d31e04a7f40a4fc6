//! The way back: start, import, delete and stop are undone, in this order, under the procedure's journal.
//!
//! What is undone is compared with what the procedure left: entries that somebody has edited since stay as they are. The
//! server knows what the procedure wrote by who wrote it, the machine by what it kept before and after the import.

use super::{
    Patience, StepPlan, about_undoing, failure, none, refused, running, unfinished, unknown, unreadable,
};
use crate::{
    draw::now,
    error::{Error, Result},
    import::Remark,
    machine::Machine,
    procedure::{ProcedureReport, import_id},
    store::{Edit, Image, ImportFacts, Importing, Level, Store},
};
use core::{fmt::Write as _, sync::atomic::Ordering};
use serde::{Deserialize, Serialize};
use sync_core::{
    api::{ServerStep, StepAnswer},
    change::Author,
    files::Note,
    id::{ImportId, ProcedureId},
    machine::SyncState,
    procedure::{
        Event, Phase, Procedure, Refusal, Step, UndoEvidence,
        undo::{self, SpaceUndone},
    },
    snapshot::Reason,
};
use uuid::Uuid;

/// What an undo would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoPlan {
    /// The procedure.
    pub procedure: ProcedureId,
    /// The steps that are undone, in their order.
    pub steps: Vec<StepPlan>,
    /// What it touches on the server, and so in the fleet.
    pub fleet: Vec<SpaceUndone>,
    /// What it touches in this machine's copy.
    pub machine: Vec<SpaceUndone>,
    /// How many entries were edited in the fleet since, and stay as they are.
    pub kept: u64,
    /// What is odd.
    pub warnings: Vec<Remark>,
}

impl UndoPlan {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("Undoing the procedure {} would be:\n", self.procedure);
        for step in &self.steps {
            let _ = writeln!(text, "  {:<8} {}", step.step.as_str(), step.text);
        }
        for one in &self.fleet {
            let _ = writeln!(text, "{}", counted(one, "would be "));
        }
        let _ = write!(text, "{} entries were edited since, and would stay as they are.", self.kept);
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
}

/// One space for people.
pub(super) fn counted(one: &SpaceUndone, would: &str) -> String {
    let SpaceUndone { space, brought_back, changed, removed, kept, .. } = one;
    format!(
        "{space}: {brought_back} {would}brought back, {changed} changed back, {removed} taken out, {kept} kept as \
         edited since"
    )
}

impl Machine {
    /// Takes a procedure back to its start: the one that is named, else the one that is not over, else the newest. It is
    /// journalled as the procedure is, and goes on by [`Machine::resume_procedure`].
    ///
    /// # Errors
    /// `no_procedure`, `unknown_procedure`; `procedure_undone` where it is undone already; `procedure_unfinished` where
    /// another one is not over; `procedure_overtaken` where a space was deleted again since. Nothing was changed then. A
    /// step that can't be undone: its code, with what to do; the journal keeps where it stands.
    pub async fn undo_procedure(
        &self,
        id: Option<ProcedureId>,
        patience: Patience,
        administrator: Option<&str>,
    ) -> Result<ProcedureReport> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let _turn = self.procedures.turn.try_lock().map_err(|_| running())?;
        let procedure = self.to_undo(id)?;
        if !matches!(procedure.phase(), Phase::Undoing { .. } | Phase::UndoFailed { .. }) {
            if self.state() == SyncState::InProgress {
                // What was edited here since is the fleet's as well.
                self.level().await?;
            }
            // What would be refused for good is refused before anything is touched.
            self.ask_undo(&procedure, true, token).await?;
        }
        self.procedures.cancel.store(false, Ordering::Relaxed);
        let procedure = self.drive(procedure, Event::Undo, patience, token).await?;
        self.ended(&procedure, Vec::new())
    }

    /// Says what an undo would do; changes nothing.
    ///
    /// # Errors
    /// As [`Machine::undo_procedure`], before it begins.
    pub async fn plan_undo(&self, id: Option<ProcedureId>, administrator: Option<&str>) -> Result<UndoPlan> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let procedure = self.to_undo(id)?;
        let fleet = self.ask_undo(&procedure, true, token).await?;
        let machine = plan_of_copy(&self.store(), &procedure)?.1;
        let last = match procedure.phase() {
            Phase::Undoing { step } | Phase::UndoFailed { step, .. } => *step,
            _ => procedure.tried(),
        };
        let steps = Step::ALL.iter().rev().filter(|step| **step <= last && step.is_undone());
        let steps = steps.map(|step| StepPlan { step: *step, text: about_undoing(*step).into() }).collect();
        let mut warnings = Vec::new();
        if !procedure.order().synchronized {
            let text = "the client function was stopped when the procedure began, and stays stopped";
            warnings.push(Note::new(None, "stays_stopped", text));
        }
        Ok(UndoPlan {
            procedure: procedure.id(),
            steps,
            kept: fleet.iter().map(|one| one.kept).sum(),
            fleet,
            machine,
            warnings: warnings.into_iter().map(Remark::from).collect(),
        })
    }

    fn to_undo(&self, id: Option<ProcedureId>) -> Result<Procedure> {
        let journals = self.store().journals::<Procedure>()?;
        let mut all: Vec<Procedure> = journals.into_iter().map(|(_, procedure)| procedure).collect();
        let open = all.iter().position(|procedure| !procedure.is_over());
        let found = match id {
            Some(id) => Some(all.iter().position(|p| p.id() == id).ok_or_else(|| unknown(&id.to_string()))?),
            None => open.or_else(|| (!all.is_empty()).then_some(0)),
        };
        let found = found.ok_or_else(none)?;
        if let Some(open) = open
            && open != found
        {
            return Err(unfinished(&all[open]));
        }
        let procedure = all.swap_remove(found);
        if matches!(procedure.phase(), Phase::Undone { .. }) {
            return Err(refused(Refusal::Undone));
        }
        Ok(procedure)
    }

    /// What the server's part touches.
    async fn ask_undo(&self, procedure: &Procedure, plan: bool, token: &str) -> Result<Vec<SpaceUndone>> {
        if procedure.tried() < Step::Delete {
            // No deletion was ever asked for.
            return Ok(Vec::new());
        }
        let sent = self.sent(procedure)?;
        match self.server_step(procedure.id(), ServerStep::Undo { sent, plan }, token).await? {
            StepAnswer::Undone(undone) => Ok(undone),
            other => Err(unreadable(&format!("{other:?}"))),
        }
    }

    pub(super) async fn undo_step(
        &self,
        procedure: &Procedure,
        step: Step,
        patience: Patience,
        token: &str,
    ) -> Event {
        self.say(format!("undo {step}: {}", about_undoing(step)));
        let undone = match step {
            Step::Start => self.stop(patience.stop).await.map(|unsent| UndoEvidence::Stopped { unsent }),
            Step::Import => self.take_out(procedure).map(|spaces| UndoEvidence::TakenOut { spaces }),
            Step::Delete => self
                .ask_undo(procedure, false, token)
                .await
                .map(|spaces| UndoEvidence::BroughtBack { spaces }),
            _ => self.restart(procedure, patience, token).await,
        };
        match undone {
            Ok(evidence) => {
                self.say(format!("undo {step}: {}", left_behind(&evidence)));
                Event::StepUndone(evidence)
            }
            Err(error) => {
                self.say(format!("undo {step}: failed: {error}"));
                Event::UndoFailed(step, failure(&error))
            }
        }
    }

    /// Makes this machine's copy what it was before the import, as one batch of new changes; a repeat changes nothing.
    fn take_out(&self, procedure: &Procedure) -> Result<Vec<SpaceUndone>> {
        let id = undo_id(procedure);
        let mut store = self.store();
        if let Some(did) = store.imported(id)? {
            return Ok(did);
        }
        let (edits, undone) = plan_of_copy(&store, procedure)?;
        let person = store.user().map_or_else(|| "administrator".into(), str::to_string);
        let author = Author { person: Some(person.clone()), time: now(), import: Some(id) };
        let sum = |of: fn(&SpaceUndone) -> u64| undone.iter().map(of).sum();
        let facts = ImportFacts {
            person,
            file: None,
            undoes: Some(import_id(procedure)),
            items: procedure.order().items.clone(),
            batch: procedure.order().items.iter().any(|item| !item.row().individual),
            mode: None,
            added: sum(|one| one.brought_back),
            changed: sum(|one| one.changed),
            removed: sum(|one| one.removed),
        };
        let importing = Importing {
            author: &author,
            facts: &facts,
            did: &undone,
            most: edits.len(),
            edits: edits.iter().map(|edit| (&edit.space, edit.record, edit.operation.clone())),
            keep: Some(Reason::BroughtBack),
        };
        if store.import(id, importing, &mut |_| Ok(()))? {
            let text = format!("the import of the procedure {} is taken out of this copy", procedure.id());
            store.note(Level::Info, "undone", &text, now())?;
        }
        // The procedure's own journal says how it ended.
        store.import_is_told(id)?;
        Ok(undone)
    }

    async fn restart(&self, procedure: &Procedure, patience: Patience, token: &str) -> Result<UndoEvidence> {
        let started = procedure.order().synchronized;
        if started {
            self.start_and_settle(&procedure.order().spaces, patience.start, token).await?;
        }
        Ok(UndoEvidence::Restarted { started })
    }
}

/// The edits that take the import out of this machine's copy, and what they touch; none where it was not done.
fn plan_of_copy(store: &Store, procedure: &Procedure) -> Result<(Vec<Edit>, Vec<SpaceUndone>)> {
    let done = store.imported::<serde_json::Value>(import_id(procedure))?.is_some();
    let (true, Some(images)) = (done, store.image(procedure.id(), Image::Before)?) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let mut after = store.image(procedure.id(), Image::After)?;
    let (mut edits, mut undone) = (Vec::new(), Vec::new());
    for (space, before) in images {
        if !store.is_member(&space)? {
            continue;
        }
        let now = store.live(&space)?;
        // A crash right behind the import: nobody has seen the copy since.
        let after = after.as_mut().and_then(|after| after.remove(&space)).unwrap_or_else(|| now.clone());
        let (operations, counts) = undo::plan(&before, &after, &now);
        edits.extend(operations.into_iter().map(|(record, operation)| Edit {
            space: space.clone(),
            record,
            operation,
        }));
        undone.push(SpaceUndone::new(space, counts, None));
    }
    Ok((edits, undone))
}

/// The undo of a procedure's import bears an id of its own, derived from the procedure's.
fn undo_id(procedure: &Procedure) -> ImportId {
    ImportId(Uuid::new_v5(&procedure.id().0, b"undo"))
}

fn left_behind(evidence: &UndoEvidence) -> String {
    let sum = |spaces: &[SpaceUndone]| {
        let touched: u64 = spaces.iter().map(SpaceUndone::touched).sum();
        let kept: u64 = spaces.iter().map(|one| one.kept).sum();
        format!("{touched} entries are what they were; {kept} were edited since and stay")
    };
    match evidence {
        UndoEvidence::Stopped { unsent } => format!("stopped; {unsent} changes unsent"),
        UndoEvidence::TakenOut { spaces } | UndoEvidence::BroughtBack { spaces } => sum(spaces),
        UndoEvidence::Restarted { started: true } => "this machine synchronizes again".into(),
        UndoEvidence::Restarted { started: false } => "stays stopped, as it was".into(),
    }
}
