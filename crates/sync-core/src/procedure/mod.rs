//! Rule 11: the procedure that brings data from a machine that does not synchronize into a fleet that does.
//!
//! [`Procedure`] is a pure state machine: [`Procedure::handle`] takes what happened and says what to do. It is also
//! the journal: whoever runs it stores it at every [`Action::Save`], before the actions that follow, and after a crash
//! hands the stored one [`Event::Resume`]. Every step may therefore run twice; the server keeps the result of each step
//! under the procedure's id, so that a repeat gives the same.
//!
//! ```
//! use sync_core::{id::ProcedureId, item::Item, space::SpaceName, time::Timestamp};
//! use sync_core::procedure::{Action, Event, Evidence, FileHash, Order, Procedure, Source, Step};
//! let order = Order::new(
//!     vec![SpaceName::group("office", "7")],
//!     vec![Item::UserGroupAddressList],
//!     Source { name: "lists.csv".into(), hash: FileHash([0; 32]) },
//! );
//! let mut procedure = Procedure::new(ProcedureId(uuid::Uuid::from_u128(1)), order);
//! let now = Timestamp(0);
//! assert_eq!(procedure.handle(Event::Begin, now), [Action::Save, Action::Run(Step::Join)]);
//! // ... the process dies here; the stored journal goes on where it was:
//! assert_eq!(procedure.handle(Event::Resume, now), [Action::Save, Action::Run(Step::Join)]);
//! let joined = Evidence::Joined { level: vec![] };
//! assert_eq!(procedure.handle(Event::StepDone(joined), now), [Action::Save, Action::Run(Step::Stop)]);
//! ```

mod journal;

pub use journal::{Done, Evidence, Failure, FileHash, ListMode, NotAFileHash, Order, Source};

use crate::{id::ProcedureId, names::named, space::SpaceName, time::Timestamp};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize};

named! {
    /// The steps, in their order. Each may be run again under the procedure's id.
    pub enum Step, "step of the procedure" {
        /// Makes the machine a member of every space concerned and brings its copy of them level. A space outside the
        /// machine's enrolment fails here, before anything was touched.
        Join = "join",
        /// Stops the client function; what waits to be sent is sent first.
        Stop = "stop",
        /// Backs up on the server.
        BackUp = "back-up",
        /// Deletes the spaces on the server, which reserves them for this machine.
        Delete = "delete",
        /// Imports the file into the machine's stopped copy.
        Import = "import",
        /// Starts the client function: the copy is sent into the empty spaces, and the reservation ends.
        Start = "start",
    }
}

impl Step {
    /// The step after it.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Join => Some(Self::Stop),
            Self::Stop => Some(Self::BackUp),
            Self::BackUp => Some(Self::Delete),
            Self::Delete => Some(Self::Import),
            Self::Import => Some(Self::Start),
            Self::Start => None,
        }
    }
}

/// Where a procedure stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Nothing was done yet.
    Planned,
    /// A step runs, or ran when the process died.
    Running {
        /// Which.
        step: Step,
    },
    /// A step failed; the procedure waits for [`Event::Resume`] or [`Event::Cancel`].
    Failed {
        /// Which.
        step: Step,
        /// Since when.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// Cancelled, while the reservation on the server is still to be ended.
    Cancelling {
        /// The step whose end is waited for: a reservation must not be ended while its delete is on the way.
        in_flight: Option<Step>,
        /// Why ending the reservation failed the last time.
        failure: Option<Failure>,
    },
    /// Cancelled. What was done until then stands: see [`Procedure::done`].
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// All steps are done.
    Finished {
        /// When.
        at: Timestamp,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The administrator wants it to begin.
    Begin,
    /// The running step is done.
    StepDone(Evidence),
    /// The running step failed.
    StepFailed(Step, Failure),
    /// The process came up again, or a failed step is to be tried again.
    Resume,
    /// The administrator wants it to end here.
    Cancel,
    /// The server ended the reservation.
    ReservationEnded,
    /// The reservation could not be ended.
    ReservationNotEnded(Failure),
}

/// What to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Store the procedure durably before going on.
    Save,
    /// Run the step under the procedure's id; answer with [`Event::StepDone`] or [`Event::StepFailed`].
    Run(Step),
    /// End the reservation on the server under the procedure's id, where there is one; answer with
    /// [`Event::ReservationEnded`] or [`Event::ReservationNotEnded`].
    EndReservation,
    /// It is over, finished or cancelled.
    Over,
    /// The event can't happen here; nothing changed.
    Refuse(Refusal),
}

/// Why an event was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The order names no user and no group.
    #[error("the procedure names no user and no group: name those whose data the file holds")]
    NoSpaces,
    /// The order names what never leaves a machine.
    #[error("the procedure names local data, which never leaves its machine: import it directly")]
    LocalSpace,
    /// The order takes nothing from the file.
    #[error("the procedure names no item: name what to take from the file")]
    NoItems,
    /// It has begun already.
    #[error("the procedure has begun already: resume it or cancel it")]
    Begun,
    /// It has not begun.
    #[error("the procedure has not begun: begin it first")]
    NotBegun,
    /// It is over.
    #[error("the procedure is over: begin another one")]
    Over,
    /// It is being cancelled.
    #[error("the procedure is being cancelled")]
    Cancelled,
    /// Not this step's turn.
    #[error("it is not this step's turn: the order is join, stop, back up, delete, import, start")]
    OutOfOrder,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSpaces => "procedure_names_nobody",
            Self::LocalSpace => "procedure_names_local_data",
            Self::NoItems => "procedure_names_no_item",
            Self::Begun => "procedure_begun",
            Self::NotBegun => "procedure_not_begun",
            Self::Over => "procedure_over",
            Self::Cancelled => "procedure_cancelled",
            Self::OutOfOrder => "procedure_out_of_order",
        }
    }
}

/// One run of the procedure, and its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    id: ProcedureId,
    order: Order,
    state: Phase,
    /// In the order of the steps.
    #[serde(default)]
    done: Vec<Done>,
}

impl Procedure {
    /// A procedure that has not begun.
    #[must_use]
    pub const fn new(id: ProcedureId, order: Order) -> Self {
        Self { id, order, state: Phase::Planned, done: Vec::new() }
    }

    /// The id that every step carries.
    #[must_use]
    pub const fn id(&self) -> ProcedureId {
        self.id
    }

    /// What it is to do.
    #[must_use]
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.state
    }

    /// The steps that are done, in their order, with what they left behind.
    #[must_use]
    pub fn done(&self) -> &[Done] {
        &self.done
    }

    /// Whether it has ended, finished or cancelled.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, Phase::Finished { .. } | Phase::Cancelled { .. })
    }

    /// Until when the server reserves the spaces, by the server's clock; `None` before the delete. For people: only
    /// the server decides.
    #[must_use]
    pub fn reserved_until(&self) -> Option<Timestamp> {
        self.done.iter().find_map(|done| match done.evidence {
            Evidence::Deleted { reserved_until, .. } => Some(reserved_until),
            _ => None,
        })
    }

    /// Takes what happened, and says what to do.
    #[must_use = "the actions have to be carried out"]
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Action> {
        match self.react(event, now) {
            Ok(actions) => actions,
            Err(refusal) => vec![Action::Refuse(refusal)],
        }
    }

    fn react(&mut self, event: Event, now: Timestamp) -> Result<Vec<Action>, Refusal> {
        match (self.state.clone(), event) {
            (Phase::Finished { .. } | Phase::Cancelled { .. }, event) => self.afterwards(event),

            (Phase::Planned, Event::Begin) => {
                self.check_order()?;
                Ok(self.run(Step::Join))
            }
            (Phase::Planned, Event::Cancel) => Ok(self.end_cancelled(now)),
            (Phase::Planned, _) => Err(Refusal::NotBegun),
            (_, Event::Begin) => Err(Refusal::Begun),

            (Phase::Running { step }, Event::StepDone(evidence)) if evidence.step() == step => {
                self.done.push(Done { at: now, evidence });
                Ok(match step.next() {
                    Some(next) => self.run(next),
                    None => self.end(Phase::Finished { at: now }),
                })
            }
            (Phase::Running { step }, Event::StepFailed(failed, failure)) if failed == step => {
                self.state = Phase::Failed { step, at: now, failure };
                Ok(vec![Action::Save])
            }
            (Phase::Running { step }, Event::Cancel) => {
                self.state = Phase::Cancelling { in_flight: Some(step), failure: None };
                Ok(vec![Action::Save])
            }
            (Phase::Running { step } | Phase::Failed { step, .. }, Event::Resume) => Ok(self.run(step)),
            // A failed delete may have reached the server although its answer did not come back.
            (Phase::Failed { step, .. }, Event::Cancel) => Ok(self.cancel(step, now)),

            (Phase::Cancelling { in_flight: Some(step), .. }, Event::StepDone(evidence))
                if evidence.step() == step =>
            {
                self.done.push(Done { at: now, evidence });
                Ok(match step.next() {
                    Some(_) => self.cancel(step, now),
                    // The cancel came too late: the last step is done, and its reservation has ended.
                    None => self.end(Phase::Finished { at: now }),
                })
            }
            (Phase::Cancelling { in_flight: Some(step), .. }, Event::StepFailed(failed, _))
                if failed == step =>
            {
                Ok(self.cancel(step, now))
            }
            // The process died, and the step with it.
            (Phase::Cancelling { in_flight: Some(step), .. }, Event::Resume) => Ok(self.cancel(step, now)),
            (Phase::Cancelling { in_flight: None, .. }, Event::Resume | Event::Cancel) => {
                Ok(vec![Action::EndReservation])
            }
            (Phase::Cancelling { in_flight: None, .. }, Event::ReservationEnded) => {
                Ok(self.end_cancelled(now))
            }
            (Phase::Cancelling { in_flight: None, .. }, Event::ReservationNotEnded(failure)) => {
                self.state = Phase::Cancelling { in_flight: None, failure: Some(failure) };
                Ok(vec![Action::Save])
            }
            (Phase::Cancelling { .. }, Event::Cancel) => Ok(vec![]),

            // What is answered twice was noted the first time.
            (_, Event::StepDone(evidence)) if self.is_done(evidence.step()) => Ok(vec![]),
            (Phase::Cancelling { .. }, _) => Err(Refusal::Cancelled),
            (_, _) => Err(Refusal::OutOfOrder),
        }
    }

    fn check_order(&self) -> Result<(), Refusal> {
        if self.order.spaces.is_empty() {
            return Err(Refusal::NoSpaces);
        }
        if !self.order.spaces.iter().all(SpaceName::synchronizes) {
            return Err(Refusal::LocalSpace);
        }
        if self.order.items.is_empty() {
            return Err(Refusal::NoItems);
        }
        Ok(())
    }

    fn is_done(&self, step: Step) -> bool {
        self.done.iter().any(|done| done.evidence.step() == step)
    }

    /// The journal names the step before it runs, so that a crash finds it.
    fn run(&mut self, step: Step) -> Vec<Action> {
        self.state = Phase::Running { step };
        vec![Action::Save, Action::Run(step)]
    }

    /// Ends the reservation where the delete may have made one: `last` is the last step that was tried.
    fn cancel(&mut self, last: Step, now: Timestamp) -> Vec<Action> {
        if last < Step::Delete {
            return self.end_cancelled(now);
        }
        self.state = Phase::Cancelling { in_flight: None, failure: None };
        vec![Action::Save, Action::EndReservation]
    }

    fn end_cancelled(&mut self, now: Timestamp) -> Vec<Action> {
        self.end(Phase::Cancelled { at: now })
    }

    fn end(&mut self, phase: Phase) -> Vec<Action> {
        self.state = phase;
        vec![Action::Save, Action::Over]
    }

    /// Late answers change nothing; whoever asks to resume learns that it is over.
    fn afterwards(&self, event: Event) -> Result<Vec<Action>, Refusal> {
        match event {
            Event::StepDone(evidence) if self.is_done(evidence.step()) => Ok(vec![]),
            Event::ReservationEnded => Ok(vec![]),
            Event::Resume => Ok(vec![Action::Over]),
            _ => Err(Refusal::Over),
        }
    }
}

/// One line for people: where it stands.
impl fmt::Display for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Phase::Planned => f.write_str("planned"),
            Phase::Running { step } => write!(f, "at the step `{step}`"),
            Phase::Failed { step, failure, .. } => {
                write!(f, "the step `{step}` failed: {}", failure.message)
            }
            Phase::Cancelling { failure, .. } => {
                f.write_str("being cancelled")?;
                match failure {
                    Some(failure) => write!(f, ": {}", failure.message),
                    None => Ok(()),
                }
            }
            Phase::Cancelled { .. } => {
                let done: Vec<String> =
                    self.done.iter().map(|done| done.evidence.step().to_string()).collect();
                if done.is_empty() {
                    f.write_str("cancelled before anything was done")
                } else {
                    write!(f, "cancelled; done until then: {}", done.join(", "))
                }
            }
            Phase::Finished { .. } => f.write_str("finished"),
        }
    }
}

#[cfg(test)]
mod tests;
