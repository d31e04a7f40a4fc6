//! One machine's delivery: its state, what a report does to it, when it is tried again.

use crate::{id::ImportId, item::Item, names::named, replica::back_off, time::Timestamp};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};

named! {
    /// How a delivery stands.
    pub enum State, "state of a delivery" {
        /// Not applied yet: not due, not heard of, or to be tried again.
        Waiting = "waiting",
        /// The machine has applied it.
        Applied = "applied",
        /// The machine refused it for good, and changed nothing.
        Refused = "refused",
        /// It was cancelled before the machine applied it.
        Cancelled = "cancelled",
        /// To be undone; the machine has not said yet that it is.
        Undoing = "undoing",
        /// Undone, or never applied.
        Undone = "undone",
        /// The machine could not undo it: it stands.
        NotUndone = "not-undone",
    }
}

/// How an administrator ended a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// What is not applied yet is no longer to be.
    Cancelled(Timestamp),
    /// What was applied is to be undone.
    Undone(Timestamp),
}

/// How patiently a machine that was busy, or failed, is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After the first time; doubled with each further one.
    pub retry: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { retry: Duration::from_secs(30), longest: Duration::from_secs(1_800) }
    }
}

/// Why something did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The stable code.
    pub code: String,
    /// What was wrong.
    pub message: String,
    /// What to do next.
    #[serde(default)]
    pub remedy: String,
}

impl Reason {
    /// A reason from its parts.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.to_string(), message: message.into(), remedy: remedy.into() }
    }
}

/// Something odd about an import that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The line of the file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// A stable word for scripts.
    pub code: String,
    /// What a person reads.
    pub text: String,
}

/// An item that a machine did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedItem {
    /// The item's name.
    pub item: String,
    /// The stable code.
    pub code: String,
    /// What a person reads.
    pub text: String,
}

impl RefusedItem {
    pub(super) fn new(item: Item, code: &str, text: impl Into<String>) -> Self {
        Self { item: item.as_str().into(), code: code.into(), text: text.into() }
    }
}

/// What a machine applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The import, by which the machine can undo it.
    pub import: ImportId,
    /// New records.
    pub added: u64,
    /// Records whose fields changed.
    pub changed: u64,
    /// Records that went.
    pub removed: u64,
    /// Records that were what the file says already.
    pub same: u64,
    /// Items that the machine did not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedItem>,
    /// What was odd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Remark>,
}

/// What a machine says of its delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is applied, now or before.
    Applied(Applied),
    /// It is refused for good; nothing was changed.
    Refused(Reason),
    /// The machine is busy, or failed: nothing was changed, and it is to be tried again.
    Again(Reason),
    /// It is undone, or was never applied here.
    Undone,
    /// It cannot be undone; it stands.
    NotUndone(Reason),
}

/// The most remarks, and refused items, that a report keeps.
const MOST_REMARKS: usize = 100;
/// The most bytes of each of its texts.
const MOST_TEXT: usize = 600;

impl Outcome {
    /// The same with no more remarks, and no longer texts, than a server keeps: a file of a hundred thousand odd rows must
    /// not make a report of that size.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        match &mut self {
            Self::Applied(Applied { refused, warnings, .. }) => {
                refused.truncate(MOST_REMARKS);
                refused.iter_mut().for_each(|item| {
                    shorten(&mut item.item);
                    shorten(&mut item.code);
                    shorten(&mut item.text);
                });
                let left_out = warnings.len().saturating_sub(MOST_REMARKS);
                warnings.truncate(MOST_REMARKS);
                warnings.iter_mut().for_each(|remark| {
                    shorten(&mut remark.code);
                    shorten(&mut remark.text);
                });
                if left_out > 0 {
                    let text = alloc::format!("{left_out} more warnings stand in the machine's own report");
                    warnings.truncate(MOST_REMARKS - 1);
                    warnings.push(Remark { line: None, code: "more_warnings".into(), text });
                }
            }
            Self::Refused(reason) | Self::Again(reason) | Self::NotUndone(reason) => {
                shorten(&mut reason.code);
                shorten(&mut reason.message);
                shorten(&mut reason.remedy);
            }
            Self::Undone => {}
        }
        self
    }
}

fn shorten(text: &mut String) {
    if text.len() > MOST_TEXT {
        let end = (0..=MOST_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

/// What a machine said last, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When it arrived.
    pub time: Timestamp,
    /// What it said.
    pub outcome: Outcome,
}

/// A distribution on its way to one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How it stands.
    pub state: State,
    /// From when on it is due, while it is open.
    pub next: Timestamp,
    /// How often in a row the machine was busy or failed.
    pub attempts: u32,
    /// What the machine applied; it stays here when it is undone later.
    pub applied: Option<Applied>,
    /// What the machine said last.
    pub report: Option<Report>,
}

impl Delivery {
    /// A delivery that is due from `at` on.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self { state: State::Waiting, next: at, attempts: 0, applied: None, report: None }
    }

    /// From when on the machine is told of it; `None` where nothing is left to do.
    #[must_use]
    pub const fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting | State::Undoing => Some(self.next),
            State::Applied | State::Refused | State::Cancelled | State::Undone | State::NotUndone => None,
        }
    }

    /// Whether something is left to do.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.due().is_some()
    }

    /// Nothing more is to be done: what was not applied stays out, what could not be undone yet stands.
    pub fn cancel(&mut self) {
        self.state = match self.state {
            State::Waiting => State::Cancelled,
            State::Undoing if self.applied.is_some() => State::NotUndone,
            // The machine may have applied it without having said so; then its report comes and is believed.
            State::Undoing => State::Cancelled,
            other => other,
        };
    }

    /// What was applied, or may have been, is to be undone. A machine that never applied it says so.
    pub fn undo(&mut self, now: Timestamp) {
        if matches!(self.state, State::Waiting | State::Applied | State::NotUndone) {
            self.begin_undoing(now);
        }
    }

    fn begin_undoing(&mut self, now: Timestamp) {
        self.state = State::Undoing;
        self.next = now;
        self.attempts = 0;
    }

    /// Takes what a machine says. A report may come late or twice: what the machine did is believed whatever was ordered
    /// meanwhile, and nothing that is over begins again but by that. `random` spreads what is tried again.
    pub fn report(&mut self, outcome: Outcome, end: Option<End>, now: Timestamp, pace: Pace, random: u32) {
        let undone = matches!(end, Some(End::Undone(_)));
        match (&outcome, self.state) {
            (Outcome::Applied(applied), State::Waiting | State::Cancelled | State::Refused) => {
                self.applied = Some(applied.clone());
                self.state = State::Applied;
                self.attempts = 0;
                if undone {
                    self.begin_undoing(now);
                }
            }
            // It was on its way when the undoing was ordered: that is still to come.
            (Outcome::Applied(applied), State::Undoing) => self.applied = Some(applied.clone()),
            (Outcome::Refused(_), State::Waiting) => self.state = State::Refused,
            (Outcome::Undone, State::Undoing) => self.state = State::Undone,
            (Outcome::NotUndone(_), State::Undoing) => self.state = State::NotUndone,
            (Outcome::Again(_), State::Waiting | State::Undoing) => {
                self.attempts = self.attempts.saturating_add(1);
                self.next = now.plus(back_off(pace.retry, pace.longest, self.attempts, random));
            }
            // Late: an answer to a question that is no longer asked.
            _ => return,
        }
        self.report = Some(Report { time: now, outcome });
    }
}
