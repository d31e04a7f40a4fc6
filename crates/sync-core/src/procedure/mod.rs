//! Rule 11: the procedure that brings data from a machine that does not synchronize into a fleet that does.
//!
//! [`Procedure`] is a pure state machine: [`Procedure::handle`] takes what happened and says what to do. It is also
//! the journal: whoever runs it stores it at every [`Action::Save`], before the actions that follow, and after a crash
//! hands the stored one [`Event::Resume`]. Every step may therefore run twice; the server keeps the result of each step
//! under the procedure's id, so that a repeat gives the same.
//!
//! A procedure that has come to rest, finished or not, is taken back to its start by [`Event::Undo`]: the steps are undone
//! in reverse order, under the same journal and with the same care for crashes.
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
pub mod undo;

pub use journal::{
    Done, Evidence, Failure, FileHash, ListMode, NotAFileHash, Order, Sent, Source, UndoEvidence, Undone,
};

use crate::{
    id::ProcedureId,
    names::named,
    space::SpaceName,
    time::{Timestamp, as_text},
};
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

    /// Whether there is anything to do for its undoing: a membership and a backup stay.
    #[must_use]
    pub const fn is_undone(self) -> bool {
        !matches!(self, Self::Join | Self::BackUp)
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
        #[serde(with = "as_text")]
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
    /// Cancelled. What was done until then stands: see [`Procedure::done`] and [`Procedure::undone`].
    Cancelled {
        /// When.
        #[serde(with = "as_text")]
        at: Timestamp,
    },
    /// All steps are done.
    Finished {
        /// When.
        #[serde(with = "as_text")]
        at: Timestamp,
    },
    /// A step is being undone, or was when the process died.
    Undoing {
        /// Which.
        step: Step,
    },
    /// The undoing of a step failed; the procedure waits for [`Event::Resume`] or [`Event::Cancel`].
    UndoFailed {
        /// Which.
        step: Step,
        /// Since when.
        #[serde(with = "as_text")]
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// All that was done is undone.
    Undone {
        /// When.
        #[serde(with = "as_text")]
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
    /// The server ended the procedure and its reservation; with what its deletion did, where that came to the server and
    /// its answer did not come back.
    ReservationEnded(Option<Evidence>),
    /// The reservation could not be ended.
    ReservationNotEnded(Failure),
    /// The administrator wants everything to be as it was before. Nothing of the procedure may be on its way at the
    /// machine; what may be at the server is refused there.
    Undo,
    /// The running step is undone.
    StepUndone(UndoEvidence),
    /// The running step could not be undone.
    UndoFailed(Step, Failure),
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
    /// Undo the step under the procedure's id, whether it was done, half done or not at all; answer with
    /// [`Event::StepUndone`] or [`Event::UndoFailed`].
    Undo(Step),
    /// It is over: finished, cancelled or undone.
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
    /// It is undone already.
    #[error("the procedure is undone already: list the procedures to see which others there are")]
    Undone,
    /// It is being undone.
    #[error("the procedure is being undone: resume it or cancel it")]
    Undoing,
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
            Self::Undone => "procedure_undone",
            Self::Undoing => "procedure_being_undone",
            Self::OutOfOrder => "procedure_out_of_order",
        }
    }
}

/// One run of the procedure, and its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    id: ProcedureId,
    order: Order,
    #[serde(default)]
    began: Option<Timestamp>,
    state: Phase,
    /// In the order of the steps.
    #[serde(default)]
    done: Vec<Done>,
    /// In the reverse order of the steps.
    #[serde(default)]
    undone: Vec<Undone>,
}

impl Procedure {
    /// A procedure that has not begun.
    #[must_use]
    pub const fn new(id: ProcedureId, order: Order) -> Self {
        Self { id, order, began: None, state: Phase::Planned, done: Vec::new(), undone: Vec::new() }
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

    /// The steps that are undone, in the reverse order of the steps, with what that did.
    #[must_use]
    pub fn undone(&self) -> &[Undone] {
        &self.undone
    }

    /// When it began.
    #[must_use]
    pub const fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Whether it has ended: finished, cancelled or undone.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ended().is_some()
    }

    /// When it ended; `None` while it is not over.
    #[must_use]
    pub const fn ended(&self) -> Option<Timestamp> {
        match self.state {
            Phase::Finished { at } | Phase::Cancelled { at } | Phase::Undone { at } => Some(at),
            _ => None,
        }
    }

    /// The last step that was tried, whether or not it was told that it is done.
    #[must_use]
    pub fn tried(&self) -> Step {
        match self.state {
            Phase::Running { step } | Phase::Failed { step, .. } => step,
            // The step behind the last one that is known to be done may have been on its way.
            _ => self.done.last().map_or(Step::Join, |done| {
                let last = done.evidence.step();
                last.next().unwrap_or(last)
            }),
        }
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
            (Phase::Undone { .. }, Event::Undo) => Err(Refusal::Undone),
            (Phase::Planned, Event::Undo) => Err(Refusal::NotBegun),
            (Phase::Undoing { step } | Phase::UndoFailed { step, .. }, event) => {
                self.react_undoing(step, event, now)
            }
            (_, Event::Undo) => Ok(self.undo(now)),
            (Phase::Finished { .. } | Phase::Cancelled { .. } | Phase::Undone { .. }, event) => {
                self.afterwards(event)
            }

            (Phase::Planned, Event::Begin) => {
                self.check_order()?;
                self.began = Some(now);
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
            (Phase::Cancelling { in_flight: None, .. }, Event::ReservationEnded(deleted)) => {
                self.done.extend(
                    deleted
                        .filter(|evidence| {
                            evidence.step() == Step::Delete
                                && self.tried() == Step::Delete
                                && !self.is_done(Step::Delete)
                        })
                        .map(|evidence| Done { at: now, evidence }),
                );
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

    /// Undoing begins with the last step that was tried; a step's undoing knows whether it was done.
    fn undo(&mut self, now: Timestamp) -> Vec<Action> {
        let last = self.tried();
        self.undone.clear();
        self.undo_from(Some(last), now)
    }

    /// Undoes `step`, or the next one before it of which there is something to undo.
    fn undo_from(&mut self, step: Option<Step>, now: Timestamp) -> Vec<Action> {
        let before = |step: Step| Step::ALL.iter().rev().copied().find(move |one| *one < step);
        let mut next = step;
        while let Some(step) = next {
            if step.is_undone() {
                self.state = Phase::Undoing { step };
                return vec![Action::Save, Action::Undo(step)];
            }
            next = before(step);
        }
        self.end(Phase::Undone { at: now })
    }

    fn react_undoing(&mut self, step: Step, event: Event, now: Timestamp) -> Result<Vec<Action>, Refusal> {
        let runs = matches!(self.state, Phase::Undoing { .. });
        match event {
            Event::StepUndone(evidence) if runs && evidence.step() == step => {
                self.undone.push(Undone { at: now, evidence });
                let before = Step::ALL.iter().rev().copied().find(|one| *one < step);
                Ok(self.undo_from(before, now))
            }
            Event::UndoFailed(failed, failure) if runs && failed == step => {
                self.state = Phase::UndoFailed { step, at: now, failure };
                Ok(vec![Action::Save])
            }
            Event::Resume | Event::Undo => {
                self.state = Phase::Undoing { step };
                Ok(vec![Action::Save, Action::Undo(step)])
            }
            // It ends where it stands; the next undo takes it up from its beginning, and every step may be undone twice.
            Event::Cancel => Ok(self.end_cancelled(now)),
            Event::StepDone(evidence) if self.is_done(evidence.step()) => Ok(vec![]),
            Event::StepUndone(evidence)
                if self.undone.iter().any(|undone| undone.evidence.step() == evidence.step()) =>
            {
                Ok(vec![])
            }
            Event::ReservationEnded(_) => Ok(vec![]),
            _ => Err(Refusal::Undoing),
        }
    }

    /// Late answers change nothing; whoever asks to resume learns that it is over.
    fn afterwards(&self, event: Event) -> Result<Vec<Action>, Refusal> {
        match event {
            Event::StepDone(evidence) if self.is_done(evidence.step()) => Ok(vec![]),
            Event::ReservationEnded(_) => Ok(vec![]),
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
            Phase::Cancelled { .. } if !self.undone.is_empty() => {
                let undone: Vec<String> =
                    self.undone.iter().map(|undone| undone.evidence.step().to_string()).collect();
                write!(f, "cancelled while it was undone; undone until then: {}", undone.join(", "))
            }
            Phase::Undoing { step } => write!(f, "being undone, at the step `{step}`"),
            Phase::UndoFailed { step, failure, .. } => {
                write!(f, "undoing the step `{step}` failed: {}", failure.message)
            }
            Phase::Undone { .. } => f.write_str("undone"),
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
