//! What machines ask: to be enrolled, to synchronize, and the server's steps of a procedure.

use super::{
    Interface,
    message::{from_refusal, from_store, internal, problem},
};
use crate::{auth, clock, random, store::Store};
use core::time::Duration;
use sync_core::{
    api::{BackupAnswer, ServerStep, StepAnswer, StepRequest},
    id::MachineId,
    protocol::{EnrollRequest, Enrolled, Problem, SyncAnswer, SyncRequest},
    server::{Action, Answer, Event, Request, Session, StepResult},
    space::SpaceName,
};

/// The bytes of records in a page where a machine does not say.
const PAGE: u32 = 256 << 10;
/// The most bytes of records in an answer, over all its spaces.
const ANSWER: usize = 4 << 20;
/// The name under which the backup of a procedure is kept.
const BACKUP_STEP: &str = "back-up";
/// The longest time for which a procedure may reserve spaces.
const LONGEST_RESERVATION: u64 = 7 * 24 * 3600;

impl<S: Store> Interface<S> {
    /// One round trip of a machine. With nothing new it reads memory alone.
    pub(super) async fn sync(
        &self,
        machine: MachineId,
        mut request: SyncRequest,
    ) -> Result<SyncAnswer, Problem> {
        let now = clock::now();
        request.limit = page_limit(request.limit, request.spaces.len());
        let mut session = Session::new(self.store.server(), machine);
        let mut action = self.store.known(|known| session.handle(Event::Asked(request, known.heads()), now));
        loop {
            match action {
                Action::Reply(answer) => return Ok(answer),
                Action::Refuse(problem) => return Err(problem),
                Action::Commit(requests) => {
                    let answers = self.store.commit(requests).await.map_err(|error| from_store(&error))?;
                    action = self
                        .store
                        .known(|known| session.handle(Event::Committed(answers, known.heads()), now));
                }
            }
        }
    }

    pub(super) async fn enroll(&self, request: EnrollRequest) -> Result<Enrolled, Problem> {
        if !auth::is_token(&request.token) {
            return Err(problem(
                400,
                "weak_token",
                "the machine's token is too short",
                "draw at least 32 visible characters at random",
            ));
        }
        if request.name.is_empty() || request.name.len() > 200 {
            return Err(problem(
                400,
                "wrong_name",
                "a machine needs a name of 1 to 200 bytes",
                "give it one that people know it by",
            ));
        }
        let enrol = Request::Enroll {
            code: auth::hash(&auth::normalise_code(&request.code)),
            machine: request.machine,
            token: auth::hash(&request.token),
            name: request.name,
            now: clock::now(),
        };
        match self.commit_one(enrol).await? {
            Answer::Enrolled(scope) => {
                tracing::info!(machine = %request.machine, ?scope, "a machine was enrolled");
                // A crash before this is made good by the machine, which asks again, or by the server's next start.
                self.commit_one(self.hears_of_scopes(request.machine)).await?;
                self.leave_outside(request.machine).await?;
                Ok(Enrolled {
                    server: self.store.server(),
                    realm: self.directory.realm(),
                    administrator: self.administrator.clone(),
                })
            }
            _ => Err(internal()),
        }
    }

    /// One of the server's steps of a procedure; a repeat gives the result that the step had.
    pub(super) async fn procedure(
        &self,
        machine: MachineId,
        request: StepRequest,
    ) -> Result<StepAnswer, Problem> {
        let procedure = request.procedure;
        match request.step {
            ServerStep::BackUp => {
                let _one = self.backing_up.lock().await;
                let earlier = self
                    .store
                    .step(procedure, BACKUP_STEP.into())
                    .await
                    .map_err(|error| from_store(&error))?;
                if let Some(earlier) = earlier {
                    return Ok(StepAnswer::BackedUp(read_step(&earlier)?));
                }
                // A file that is there already (the step was cut off, or the store was restored since) may be the only
                // one of its time: it is never written over.
                let name = (1_u32..)
                    .map(|n| match n {
                        1 => format!("procedure-{procedure}.db"),
                        n => format!("procedure-{procedure}-{n}.db"),
                    })
                    .find(|name| !self.backups.join(name).exists())
                    .ok_or_else(internal)?;
                let made = self.back_up_to(name).await?;
                let step = StepResult {
                    procedure,
                    step: BACKUP_STEP.into(),
                    result: serde_json::to_string(&made).map_err(|_| internal())?,
                };
                match self.commit_one(Request::KeepStep { step }).await? {
                    Answer::Step(stands) => Ok(StepAnswer::BackedUp(read_step(&stands)?)),
                    _ => Err(internal()),
                }
            }
            ServerStep::Delete { spaces, reserve_for } => {
                self.in_realm(&spaces)?;
                self.within_enrolment(machine, &spaces)?;
                let now = clock::now();
                let reserve_for = Duration::from_secs(reserve_for.min(LONGEST_RESERVATION));
                let until = now.plus(reserve_for);
                let answer = self
                    .commit_one(Request::Delete {
                        spaces: with_snapshots(spaces)?,
                        by: "administrator".into(),
                        procedure: Some((procedure, machine, until)),
                        now,
                    })
                    .await?;
                match answer {
                    Answer::Deleted(deleted) => Ok(StepAnswer::Deleted(deleted)),
                    _ => Err(internal()),
                }
            }
            ServerStep::Cancel => {
                self.commit_one(Request::CancelProcedure { procedure }).await?;
                Ok(StepAnswer::Cancelled)
            }
        }
    }

    /// Commits one request; a refusal becomes a problem.
    pub(super) async fn commit_one(&self, request: Request) -> Result<Answer, Problem> {
        let answers = self.store.commit(vec![request]).await.map_err(|error| from_store(&error))?;
        match answers.into_iter().next() {
            Some(Answer::Refused(refusal)) => Err(from_refusal(&refusal)),
            Some(answer) => Ok(answer),
            None => Err(internal()),
        }
    }
}

/// The bytes of a page: what is asked for, bounded so that the whole answer is.
fn page_limit(asked: u32, spaces: usize) -> u32 {
    let asked = if asked == 0 { PAGE } else { asked };
    let most = ANSWER / spaces.max(1);
    asked.min(u32::try_from(most).unwrap_or(PAGE))
}

fn read_step(step: &StepResult) -> Result<BackupAnswer, Problem> {
    serde_json::from_str(&step.result).map_err(|_| internal())
}

/// Each space with a fresh name for its snapshot.
pub(super) fn with_snapshots(
    spaces: Vec<SpaceName>,
) -> Result<Vec<(SpaceName, sync_core::id::SnapshotId)>, Problem> {
    let mut named = std::collections::BTreeMap::new();
    for space in spaces {
        named.insert(space, random::snapshot_id().map_err(|_| internal())?);
    }
    Ok(named.into_iter().collect())
}
