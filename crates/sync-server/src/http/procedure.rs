//! The server's steps of a procedure. Each runs by itself: it goes on when the machine that asked is gone, and whoever asks
//! for the same step of the same procedure meanwhile waits for its end and is answered the same.

use super::{
    Interface,
    administration::as_it_was,
    message::{from_refusal, from_store, internal, problem},
};
use crate::{clock, random, store::Store};
use core::time::Duration;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use sync_core::{
    api::{BackupAnswer, EndProcedureRequest, PlannedSpace, ServerStep, StepAnswer, StepRequest},
    change::Author,
    id::{Incarnation, MachineId, ProcedureId, RecordId},
    procedure::Sent,
    protocol::Problem,
    record::Record,
    server::{
        Answer, BEGUN, DELETE_STEP, Deleted, ENDED, Refusal, Request, SpaceToUndo, StepResult, UNDO_STEP,
        deleted_of,
    },
    space::SpaceName,
};
use tokio::sync::watch;

/// The name under which the backup of a procedure is kept.
const BACKUP_STEP: &str = "back-up";
/// The longest time for which a procedure may reserve spaces.
const LONGEST_RESERVATION: u64 = 7 * 24 * 3600;
/// What is done on behalf of an administrator who works at a machine.
const BY: &str = "administrator";

type Outcome = Result<StepAnswer, Problem>;

/// Which step of which procedure.
type Key = (ProcedureId, &'static str);
/// Where its end is heard of.
type End = watch::Receiver<Option<Outcome>>;

/// The steps that are being done.
#[derive(Default)]
pub(super) struct Running(Mutex<BTreeMap<Key, End>>);

impl<S: Store> Interface<S> {
    /// One of the server's steps of a procedure; a repeat gives the result that the step had, or waits for it.
    pub(super) async fn procedure(self: &Arc<Self>, machine: MachineId, request: StepRequest) -> Outcome {
        let StepRequest { procedure, step } = request;
        let name = match &step {
            ServerStep::Plan { spaces } => return self.plan(machine, spaces).await.map(StepAnswer::Planned),
            ServerStep::Undo { sent, plan: true } => return self.undo(machine, procedure, sent, true).await,
            ServerStep::Cancel => return self.cancel(machine, procedure).await,
            ServerStep::BackUp => BACKUP_STEP,
            ServerStep::Delete { spaces, .. } => {
                self.in_realm(spaces)?;
                self.within_enrolment(machine, spaces)?;
                DELETE_STEP
            }
            ServerStep::Undo { .. } => UNDO_STEP,
        };
        self.check_machine(procedure, machine).await?;
        self.detached((procedure, name), move |interface| async move {
            interface.step(machine, procedure, step).await
        })
        .await
    }

    /// Begins a step, or finds it under way, and waits for its end.
    async fn detached<F>(self: &Arc<Self>, key: Key, step: impl FnOnce(Arc<Self>) -> F) -> Outcome
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut running = {
            let mut steps = self.steps.0.lock();
            match steps.get(&key) {
                Some(running) => running.clone(),
                None => {
                    let (tell, told) = watch::channel(None);
                    steps.insert(key, told.clone());
                    let (interface, step) = (Arc::clone(self), step(Arc::clone(self)));
                    // In a task of its own, so that a fault in it does not leave it in the table.
                    let step = tokio::spawn(step);
                    tokio::spawn(async move {
                        let done = step.await.unwrap_or_else(|error| {
                            tracing::error!(%error, "a step of a procedure failed");
                            Err(internal())
                        });
                        interface.steps.0.lock().remove(&key);
                        let _ = tell.send(Some(done));
                    });
                    told
                }
            }
        };
        let done = running.wait_for(Option::is_some).await.map_err(|_| internal())?;
        done.clone().unwrap_or_else(|| Err(internal()))
    }

    async fn step(self: Arc<Self>, machine: MachineId, procedure: ProcedureId, step: ServerStep) -> Outcome {
        match step {
            ServerStep::BackUp => self.back_up_once(machine, procedure).await.map(StepAnswer::BackedUp),
            ServerStep::Delete { spaces, reserve_for } => {
                let now = clock::now();
                let reserve_for = Duration::from_secs(reserve_for.min(LONGEST_RESERVATION));
                let until = now.plus(reserve_for);
                let answer = self
                    .commit_one(Request::Delete {
                        spaces: super::machine::with_snapshots(spaces)?,
                        by: BY.into(),
                        procedure: Some((procedure, machine, until)),
                        now,
                    })
                    .await?;
                match answer {
                    Answer::Deleted(deleted) => Ok(StepAnswer::Deleted(deleted)),
                    _ => Err(internal()),
                }
            }
            ServerStep::Undo { sent, plan } => self.undo(machine, procedure, &sent, plan).await,
            ServerStep::Cancel | ServerStep::Plan { .. } => Err(internal()),
        }
    }

    async fn kept(&self, procedure: ProcedureId, step: &str) -> Result<Option<StepResult>, Problem> {
        self.store.step(procedure, step.into()).await.map_err(|error| from_store(&error))
    }

    /// A procedure is of the machine whose step came first.
    async fn check_machine(&self, procedure: ProcedureId, machine: MachineId) -> Result<(), Problem> {
        match self.kept(procedure, BEGUN).await? {
            Some(begun) if begun.result != machine.to_string() => {
                Err(from_refusal(&Refusal::AnotherMachines))
            }
            _ => Ok(()),
        }
    }

    async fn keep(&self, procedure: ProcedureId, step: &str, result: String) -> Result<StepResult, Problem> {
        let step = StepResult { procedure, step: step.into(), result };
        match self.commit_one(Request::KeepStep { step }).await? {
            Answer::Step(stands) => Ok(stands),
            _ => Err(internal()),
        }
    }

    async fn back_up_once(
        &self,
        machine: MachineId,
        procedure: ProcedureId,
    ) -> Result<BackupAnswer, Problem> {
        let _one = self.backing_up.lock().await;
        if let Some(earlier) = self.kept(procedure, BACKUP_STEP).await? {
            return read(&earlier);
        }
        if self.kept(procedure, ENDED).await?.is_some() {
            return Err(from_refusal(&Refusal::Ended));
        }
        if self.keep(procedure, BEGUN, machine.to_string()).await?.result != machine.to_string() {
            return Err(from_refusal(&Refusal::AnotherMachines));
        }
        // A file that is there already (the step was cut off, or the store was restored since) may be the only one of its
        // time: it is never written over.
        let name = (1_u32..)
            .map(|n| match n {
                1 => format!("procedure-{procedure}.db"),
                n => format!("procedure-{procedure}-{n}.db"),
            })
            .find(|name| !self.backups.join(name).exists())
            .ok_or_else(internal)?;
        let made = self.back_up_to(name).await?;
        let result = serde_json::to_string(&made).map_err(|_| internal())?;
        read(&self.keep(procedure, BACKUP_STEP, result).await?)
    }

    async fn cancel(self: &Arc<Self>, machine: MachineId, procedure: ProcedureId) -> Outcome {
        // A deletion that is on its way is first: then it is told what it did.
        let under_way = self.steps.0.lock().get(&(procedure, DELETE_STEP)).cloned();
        if let Some(mut under_way) = under_way {
            let _ = under_way.wait_for(Option::is_some).await;
        }
        self.end(procedure, Some(machine)).await
    }

    async fn end(&self, procedure: ProcedureId, machine: Option<MachineId>) -> Outcome {
        match self.commit_one(Request::CancelProcedure { procedure, machine }).await? {
            Answer::Cancelled(deleted) => Ok(StepAnswer::Cancelled { deleted }),
            _ => Err(internal()),
        }
    }

    /// An administrator ends any machine's procedure.
    pub(super) async fn end_procedure(&self, request: EndProcedureRequest) -> Outcome {
        let EndProcedureRequest { procedure } = request;
        let spaces = self.store.spaces().await.map_err(|error| from_store(&error))?;
        let reserves = spaces.iter().any(|space| space.reserved_for == Some(procedure));
        if !reserves && self.kept(procedure, BEGUN).await?.is_none() {
            return Err(problem(
                404,
                "unknown_procedure",
                "there is no procedure of this name",
                "list the spaces to see for which procedures they are reserved",
            ));
        }
        let ended = self.end(procedure, None).await?;
        tracing::info!(%procedure, "an administrator ended a procedure");
        Ok(ended)
    }

    /// What a procedure would meet.
    async fn plan(&self, machine: MachineId, spaces: &[SpaceName]) -> Result<Vec<PlannedSpace>, Problem> {
        self.look_at_directory().await;
        self.in_realm(spaces)?;
        let stands = self.store.spaces().await.map_err(|error| from_store(&error))?;
        let now = clock::now();
        let planned = spaces.iter().map(|space| {
            let one = core::slice::from_ref(space);
            let stands = stands.iter().find(|stands| stands.space == *space);
            let machines = self.store.known(|known| {
                let others = known.machines().keys().filter(|id| **id != machine);
                others.filter(|id| known.heads().is_member(**id, space)).count()
            });
            PlannedSpace {
                space: space.clone(),
                known: self.in_directory(one).is_ok(),
                covered: self.within_enrolment(machine, one).is_ok(),
                records: stands.map_or(0, |stands| stands.records),
                reserved_until: stands.and_then(|stands| stands.reserved_until).filter(|until| now < *until),
                machines: machines as u64,
            }
        });
        Ok(planned.collect())
    }

    /// Takes a procedure back, or counts what that would touch.
    async fn undo(
        self: &Arc<Self>,
        machine: MachineId,
        procedure: ProcedureId,
        sent: &[Sent],
        plan: bool,
    ) -> Outcome {
        if !plan {
            // First, so that no deletion comes after this has looked for one.
            self.cancel(machine, procedure).await?;
        }
        let deleted = self.kept(procedure, DELETE_STEP).await?.map(|kept| deleted_of(&kept.result));
        let mut spaces = Vec::new();
        for one in deleted.unwrap_or_default() {
            let before = self.kept_of(&one).await?.iter().filter_map(as_it_was).collect();
            let later = self.undone_since(&one).await?;
            let started = sent
                .iter()
                .filter(|sent| sent.space == one.space && sent.generation == one.generation)
                .flat_map(|sent| sent.changes.iter().copied())
                .collect();
            spaces.push(SpaceToUndo {
                space: one.space,
                before,
                started,
                later,
                incarnation: Incarnation(random::uuid().map_err(|_| internal())?),
                snapshot: random::snapshot_id().map_err(|_| internal())?,
            });
        }
        let author = Author { person: Some(BY.into()), time: clock::now(), import: None };
        match self.commit_one(Request::UndoProcedure { procedure, machine, spaces, plan, author }).await? {
            Answer::Undone(undone) => Ok(StepAnswer::Undone(undone)),
            _ => Err(internal()),
        }
    }

    /// What a deletion kept of a space.
    async fn kept_of(&self, deleted: &Deleted) -> Result<Vec<(RecordId, Record)>, Problem> {
        let Some(id) = deleted.snapshot else { return Ok(Vec::new()) };
        let found = self.store.snapshot(id).await.map_err(|error| from_store(&error))?;
        found.map(|snapshot| snapshot.records).ok_or_else(|| {
            problem(
                409,
                "unknown_snapshot",
                &format!("what was kept of {} is no longer there", deleted.space),
                "bring it back from the procedure's backup: sync-server restore --space",
            )
        })
    }

    /// What later deletions of the same space had kept, as long as one was undone after the other; the oldest first.
    async fn undone_since(&self, first: &Deleted) -> Result<Vec<Vec<(RecordId, Record)>>, Problem> {
        let steps = self.store.steps(DELETE_STEP.into()).await.map_err(|error| from_store(&error))?;
        let mut later: Vec<(ProcedureId, Deleted)> = steps
            .iter()
            .flat_map(|step| deleted_of(&step.result).into_iter().map(|one| (step.procedure, one)))
            .filter(|(_, one)| one.space == first.space && one.generation > first.generation)
            .collect();
        later.sort_by_key(|(_, one)| one.generation);
        let mut kept = Vec::new();
        for ((procedure, deleted), generation) in later.into_iter().zip(first.generation + 1..) {
            if deleted.generation != generation || self.kept(procedure, UNDO_STEP).await?.is_none() {
                break;
            }
            kept.push(self.kept_of(&deleted).await?);
        }
        Ok(kept)
    }
}

fn read(step: &StepResult) -> Result<BackupAnswer, Problem> {
    serde_json::from_str(&step.result).map_err(|_| internal())
}
