//! What machines ask: to be enrolled, to synchronize.

use super::{
    Interface,
    message::{from_refusal, from_store, internal, problem},
};
use crate::{auth, clock, random, store::Store};
use sync_core::{
    id::MachineId,
    protocol::{EnrollRequest, Enrolled, Problem, SyncAnswer, SyncRequest},
    server::{Action, Answer, Event, Request, Session},
    space::SpaceName,
};

/// The bytes of records in a page where a machine does not say.
const PAGE: u32 = 256 << 10;
/// The most bytes of records in an answer, over all its spaces.
const ANSWER: usize = 4 << 20;

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
