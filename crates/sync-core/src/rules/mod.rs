//! The rules of import and export: one table a file, and the one [`decide`] that asks them.
//!
//! | file | rule |
//! | --- | --- |
//! | `shape` | 2 and 3: what is asked for individually, and what in a batch |
//! | `administrator` | 1: who may ask |
//! | [`synchronization`] | 6: while the client function synchronizes |
//! | `language` | 4: the same display language at source and destination |
//! | [`denied`] | the answer "no": code, rule, message, remedy |
//! | [`plan`] | a batch, item by item, before anything is written |

mod administrator;
pub mod denied;
mod language;
pub mod plan;
mod shape;
pub mod synchronization;

pub use denied::{Code, Denied, Rule, Step, Verdict, Way};

use crate::{item::Item, machine::Machine, names::named, time::Timestamp};
use alloc::{string::String, vec::Vec};

named! {
    /// What is done with an item.
    pub enum Operation, "operation" {
        /// Import of one item.
        Import = "import",
        /// Import as part of a batch.
        ImportBatch = "import-batch",
        /// Export of one item.
        Export = "export",
        /// Export as part of a batch.
        ExportBatch = "export-batch",
    }
}

impl Operation {
    /// Whether something is written to this machine.
    #[must_use]
    pub const fn is_import(self) -> bool {
        matches!(self, Self::Import | Self::ImportBatch)
    }

    /// Whether it is done in a batch.
    #[must_use]
    pub const fn is_batch(self) -> bool {
        matches!(self, Self::ImportBatch | Self::ExportBatch)
    }

    /// The same in a batch.
    #[must_use]
    pub const fn in_batch(self) -> Self {
        if self.is_import() { Self::ImportBatch } else { Self::ExportBatch }
    }

    /// The same with one item alone.
    #[must_use]
    pub const fn individually(self) -> Self {
        if self.is_import() { Self::Import } else { Self::Export }
    }

    /// As a sentence has it: "can't be ...".
    const fn participle(self) -> &'static str {
        match self {
            Self::Import => "imported individually",
            Self::ImportBatch => "imported in a batch",
            Self::Export => "exported individually",
            Self::ExportBatch => "exported in a batch",
        }
    }
}

named! {
    /// What an administrator does beside importing and exporting (rule 1).
    pub enum Act, "administrative act" {
        /// Brings the machine's copy level with the server's (rule 9).
        Prepare = "prepare",
        /// Starts synchronization.
        Start = "start",
        /// Stops synchronization.
        Stop = "stop",
        /// Backs up on the server.
        BackUp = "back-up",
        /// Restores on the server.
        Restore = "restore",
        /// Deletes users or groups on the server.
        Delete = "delete",
    }
}

/// "May this run now?": one operation on one item, with what is known of the file and of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question<'a> {
    /// What is to be done.
    pub operation: Operation,
    /// With what.
    pub item: Item,
    /// What time it is; for rules that speak of a window.
    pub now: Timestamp,
    /// The display language of the machine that the file comes from; `None` where the file does not say (rule 4).
    pub source_language: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// A question about a file that does not say its language.
    #[must_use]
    pub const fn new(operation: Operation, item: Item, now: Timestamp) -> Self {
        Self { operation, item, now, source_language: None }
    }

    /// The same about a file that says its display language; a blank one says nothing.
    #[must_use]
    pub fn with_source_language(mut self, language: &'a str) -> Self {
        self.source_language = Some(language).filter(|language| !language.trim().is_empty());
        self
    }
}

/// What a rule found against a question.
struct Finding {
    code: Code,
    message: String,
    /// The ways out of this finding alone.
    ways: Vec<Way>,
    /// What the ways ask for instead, where the question itself was wrong; the rules after are asked of that.
    instead: Option<(Operation, Item)>,
}

type Ask = fn(&Machine, &Question<'_>) -> Option<Finding>;

/// The rules in the order in which they are asked: the item's shape, 1, 3's footnotes, 6, 7, 9, 4, 5, 10. A rule that
/// is not built yet is inserted at its place.
const ORDER: &[Ask] = &[shape::ask, administrator::ask, synchronization::ask, language::ask];

/// Whether the operation may run on this machine now. The first rule that fails gives the code; the remedy covers all
/// that fail. Nothing is allocated where the answer is yes.
///
/// ```
/// use sync_core::{item::Item, machine::{DestinationAddress, Machine, Role, SyncState}, time::Timestamp};
/// use sync_core::rules::{decide, Code, Operation, Question};
/// let question = Question::new(Operation::Import, Item::UserGroupAddressList, Timestamp(0));
/// let machine = |destination: &str| {
///     Machine::new(Role::ServerWithClient, SyncState::InProgress, destination.parse().unwrap())
///         .with_administrator(true)
/// };
/// assert_eq!(decide(&machine("localhost:8443"), &question), Ok(()));
/// let denied = decide(&machine("127.0.0.1:8443"), &question).unwrap_err();
/// assert_eq!(denied.code, Code::DestinationNotLocalhost);
/// assert!(denied.message.contains("localhost:8443"));
/// ```
///
/// # Errors
/// [`Denied`], with the reason and what to do. A denied operation changes nothing.
pub fn decide(machine: &Machine, question: &Question<'_>) -> Result<(), Denied> {
    let mut asked = *question;
    let mut denied: Option<Denied> = None;
    for ask in ORDER {
        let Some(finding) = ask(machine, &asked) else {
            continue;
        };
        if let Some((operation, item)) = finding.instead {
            (asked.operation, asked.item) = (operation, item);
        }
        match &mut denied {
            None => denied = Some(finding.into()),
            Some(denied) => denied.also(&finding.ways),
        }
    }
    denied.map_or(Ok(()), Err)
}

/// Whether an administrative act may run on this machine now (rule 1).
///
/// # Errors
/// [`Denied`], with the reason and what to do.
pub fn decide_act(machine: &Machine, act: Act) -> Result<(), Denied> {
    administrator::ask_act(machine, act).map_or(Ok(()), |finding| Err(finding.into()))
}

#[cfg(test)]
mod tests;
