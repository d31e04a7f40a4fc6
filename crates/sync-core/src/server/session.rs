//! The server's side of one round trip, as a state machine: what comes in, what is to be done.

use super::{Answer, Heads, Request};
use crate::{
    id::{MachineId, Opening, ServerId},
    protocol::{Polled, Problem, SpaceReply, Standing, SyncAnswer, SyncRequest, Told},
    space::SpaceName,
    time::Timestamp,
};
use alloc::{collections::BTreeSet, string::ToString, vec::Vec};

/// The most spaces that one round trip may name.
pub const MAX_SPACES: usize = 1_000;

/// One round trip of one machine. It begins with [`Event::Asked`]; where that asks for a commit, [`Event::Committed`]
/// follows.
#[derive(Debug)]
pub struct Session {
    server: ServerId,
    machine: MachineId,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    opening: Opening,
    polled: Option<Polled>,
    asks: Vec<SpaceName>,
}

/// What happens to a round trip.
#[derive(Debug)]
pub enum Event<'a> {
    /// The machine's message, with its sender already authenticated.
    Asked(SyncRequest, &'a Heads),
    /// The commit that was asked for is durable.
    Committed(Vec<Answer>, &'a Heads),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Commit these, then come back with the answers.
    Commit(Vec<Request>),
    /// Send this; the round trip is over.
    Reply(SyncAnswer),
    /// Send this refusal; the round trip is over and nothing was changed.
    Refuse(Problem),
}

impl Session {
    /// A round trip of an authenticated machine.
    #[must_use]
    pub fn new(server: ServerId, machine: MachineId) -> Self {
        Self { server, machine, waiting: None }
    }

    /// Takes what happened, says what is to be done.
    pub fn handle(&mut self, event: Event<'_>, now: Timestamp) -> Action {
        match event {
            Event::Asked(request, heads) => self.asked(request, heads, now),
            Event::Committed(answers, heads) => {
                let replies = answers.into_iter().filter_map(|answer| match answer {
                    Answer::Space(reply) => Some(reply),
                    _ => None,
                });
                self.reply(heads, replies.collect(), now)
            }
        }
    }

    fn asked(&mut self, request: SyncRequest, heads: &Heads, now: Timestamp) -> Action {
        let SyncRequest { opening, incarnation, polled, person, asks, spaces, limit } = request;
        if let Some(problem) = wrong_shape(&asks, &spaces) {
            return Action::Refuse(problem);
        }
        self.waiting = Some(Waiting { opening, polled, asks });
        if spaces.is_empty() {
            return self.reply(heads, Vec::new(), now);
        }
        let machine = self.machine;
        let requests = spaces.into_iter().map(|request| Request::Sync {
            machine,
            incarnation,
            person: person.clone(),
            limit,
            request,
            now,
        });
        Action::Commit(requests.collect())
    }

    fn reply(&mut self, heads: &Heads, spaces: Vec<SpaceReply>, now: Timestamp) -> Action {
        let Some(Waiting { opening, polled, asks }) = self.waiting.take() else {
            return Action::Refuse(problem("unexpected", "nothing was asked", "send the request first"));
        };
        // After the commit, so that the machine hears of its own push now and not once more at the next poll.
        let (polled, moved) = heads.poll(self.machine, polled);
        let told = asks.into_iter().map(|space| {
            let member = heads.is_member(self.machine, &space);
            let head = heads.space(&space);
            let stands = member.then(|| Standing {
                epoch: heads.store().epoch,
                generation: head.generation,
                head: head.head,
                lineage: heads.store().lineage_of(&space),
            });
            Told { space, stands }
        });
        let told = told.collect();
        let due = heads.is_due(self.machine, now);
        Action::Reply(SyncAnswer { server: self.server, opening, polled, moved, told, spaces, due })
    }
}

fn problem(code: &str, title: &str, detail: &str) -> Problem {
    Problem { code: code.to_string(), title: title.to_string(), detail: detail.to_string(), status: 400 }
}

/// What decodes well and still cannot be meant: a space twice, a local space, numbers that do not rise, no number.
fn wrong_shape(asks: &[SpaceName], spaces: &[crate::protocol::SpaceRequest]) -> Option<Problem> {
    if asks.len() + spaces.len() > MAX_SPACES {
        return Some(problem(
            "too_many_spaces",
            "too many spaces in one request",
            "send them in several requests",
        ));
    }
    let mut names = BTreeSet::new();
    for request in spaces {
        if !names.insert(&request.space) {
            return Some(problem(
                "space_twice",
                "a space is named twice",
                "name each space once in a request",
            ));
        }
        if !request.space.synchronizes() {
            return Some(problem("local_space", "a local space has no server", "keep it on the machine"));
        }
        if request.giveback.is_some() && !request.changes.is_empty() {
            return Some(problem(
                "giveback_with_changes",
                "a request gives back and carries changes for one space",
                "give back first, and send the changes once that is answered",
            ));
        }
        let mut numbers = alloc::collections::BTreeMap::new();
        for change in &request.changes {
            let before = numbers.insert(change.id.incarnation, change.id.number).unwrap_or(0);
            if change.id.number <= before {
                return Some(problem(
                    "numbers_do_not_rise",
                    "the numbers of an incarnation's changes do not rise",
                    "send the outbox in its order",
                ));
            }
        }
    }
    None
}
