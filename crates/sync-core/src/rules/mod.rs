//! The rules of import and export: one file a rule, and the one [`decide`] that asks them.
//!
//! | file | rule |
//! | --- | --- |
//! | `shape` | 2 and 3: what is asked for individually, and what in a batch |
//! | `administrator` | 1: who may ask |
//! | `footnotes` | 3: the items that the machine has, the Home screen, the source's model |
//! | [`synchronization`] | 6: while the client function synchronizes |
//! | `interlock` | 7: what runs beside |
//! | `preparation` | 9: the personalized data prepared, where the profile wants that |
//! | `language` | 4: the same display language at source and destination |
//! | `policy` | 5: the security policy password |
//! | `limits` | 10: what the machine would hold |
//! | [`denied`], [`step`] | the answer "no": code, rule, message, remedy |
//! | [`plan`] | a batch, item by item, before anything is written |
//!
//! What a vendor may set of them is the [`profile`], a fact of the question.

mod administrator;
pub mod denied;
mod footnotes;
mod interlock;
mod language;
mod limits;
pub mod plan;
mod policy;
mod preparation;
mod shape;
pub mod step;
pub mod synchronization;

pub use denied::{Code, Denied, NothingDoes, Rule, Verdict, Way};
pub use interlock::{decide_process, may_run_during};
pub use limits::decide_limits;
pub use step::{By, Step};

use crate::{
    item::Item,
    machine::{Machine, PolicyPassword},
    names::named,
    profile::{self, PerLimit, Profile},
    space::SpaceName,
    time::Timestamp,
};
use alloc::{boxed::Box, string::String, vec::Vec};

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

/// "May this run now?": one operation on one item, with what is known of the file, of the time and of the rules that the
/// vendor set. What a caller does not say has the default that restricts.
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
    /// The model of the machine that the file comes from; `None` where the file does not say (rule 3).
    pub source_model: Option<&'a str>,
    /// The security policy password of the machine that the file comes from, as a salted hash (rule 5).
    pub source_policy_password: PolicyPassword<&'a str>,
    /// Whether one typed password was checked against both hashes (rule 5); for hashes of different salts.
    pub policy_password_proved: bool,
    /// What the machine would hold after the import, of whatever the caller counted (rule 10).
    pub would_hold: PerLimit,
    /// The user or group that [`Machine::prepared`] speaks of; `None` where it speaks of all (rule 9).
    pub least_prepared: Option<&'a SpaceName>,
    /// Whether the item is the caller's own, as their personal address list (rule 1).
    pub own: bool,
    /// Whether a session of the remote user interface runs it (rule 7).
    pub from_remote_ui: bool,
    /// What the vendor set.
    pub profile: &'a Profile,
}

impl<'a> Question<'a> {
    /// A question about a file that says nothing of its source, under the profile of a machine.
    #[must_use]
    pub const fn new(operation: Operation, item: Item, now: Timestamp) -> Self {
        Self {
            operation,
            item,
            now,
            source_language: None,
            source_model: None,
            source_policy_password: PolicyPassword::NotKnown,
            policy_password_proved: false,
            would_hold: PerLimit::NONE_STATED,
            least_prepared: None,
            own: false,
            from_remote_ui: false,
            profile: &profile::MACHINE,
        }
    }

    /// The same about a file that says its display language; a blank one says nothing.
    #[must_use]
    pub fn with_source_language(mut self, language: &'a str) -> Self {
        self.source_language = Some(language).filter(|language| !language.trim().is_empty());
        self
    }

    /// The same about a file that says its model; a blank one says nothing.
    #[must_use]
    pub fn with_source_model(mut self, model: &'a str) -> Self {
        self.source_model = Some(model).filter(|model| !model.trim().is_empty());
        self
    }

    /// The same about a file that says whether its source has a security policy password, and its salted hash.
    #[must_use]
    pub const fn with_source_policy_password(mut self, password: PolicyPassword<&'a str>) -> Self {
        self.source_policy_password = password;
        self
    }

    /// The same where one typed password was, or was not, found to be both machines'.
    #[must_use]
    pub const fn with_policy_password_proved(mut self, proved: bool) -> Self {
        self.policy_password_proved = proved;
        self
    }

    /// The same with how many of something the machine would hold.
    #[must_use]
    pub const fn with_would_hold(mut self, limit: profile::Limit, number: u64) -> Self {
        self.would_hold = self.would_hold.with(limit, number);
        self
    }

    /// The same, naming the user or group that the machine's moment of preparation speaks of.
    #[must_use]
    pub const fn with_least_prepared(mut self, space: Option<&'a SpaceName>) -> Self {
        self.least_prepared = space;
        self
    }

    /// The same of the caller's own, or somebody else's.
    #[must_use]
    pub const fn with_own(mut self, own: bool) -> Self {
        self.own = own;
        self
    }

    /// The same run by a session of the remote user interface, or not.
    #[must_use]
    pub const fn with_from_remote_ui(mut self, from_remote_ui: bool) -> Self {
        self.from_remote_ui = from_remote_ui;
        self
    }

    /// The same under another profile.
    #[must_use]
    pub const fn with_profile(mut self, profile: &'a Profile) -> Self {
        self.profile = profile;
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
    /// Why there is no way out, where there is none.
    nothing: Option<NothingDoes>,
}

// Boxed, so that the answer of a rule that has nothing to say is one word.
impl Finding {
    fn new(code: Code, message: String, ways: Vec<Way>) -> Box<Self> {
        Box::new(Self { code, message, ways, instead: None, nothing: None })
    }

    fn hopeless(code: Code, message: String, reason: NothingDoes) -> Box<Self> {
        Box::new(Self { nothing: Some(reason), ..*Self::new(code, message, Vec::new()) })
    }
}

type Ask = fn(&Machine, &Question<'_>) -> Option<Box<Finding>>;

/// The rules in the order in which they are asked: the item's shape, 1, 3's footnotes, 6, 7, 9, 4, 5, 10.
const ORDER: &[Ask] = &[
    shape::ask,
    administrator::ask,
    footnotes::ask_supported,
    footnotes::ask_home_screen,
    footnotes::ask_source_model,
    synchronization::ask,
    interlock::ask,
    preparation::ask,
    language::ask,
    policy::ask,
    limits::ask,
];

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
    // Where the question itself is wrong, the rules after are asked of what it should have been.
    let mut instead: Option<Question<'_>> = None;
    let mut denied: Option<Denied> = None;
    for ask in ORDER {
        let asked = instead.as_ref().unwrap_or(question);
        let Some(finding) = ask(machine, asked) else {
            continue;
        };
        if let Some((operation, item)) = finding.instead {
            instead = Some(Question { operation, item, ..*question });
        }
        match &mut denied {
            None => denied = Some((*finding).into()),
            Some(denied) => denied.also(&finding),
        }
    }
    denied.map_or(Ok(()), |denied| Err(denied.finish(machine.administrator)))
}

/// Whether an administrative act may run on this machine now (rule 1).
///
/// # Errors
/// [`Denied`], with the reason and what to do.
pub fn decide_act(machine: &Machine, act: Act) -> Result<(), Denied> {
    administrator::ask_act(machine, act).map_or(Ok(()), |finding| Err((*finding).into()))
}

/// Whether the personalized data of so many users and groups may be prepared on this machine now (rules 1, 7 and 9).
/// A session of the remote user interface that prepares does not count as running: whoever asks leaves it out of what runs.
///
/// # Errors
/// [`Denied`], with the reason and what to do.
pub fn decide_prepare(machine: &Machine, profile: &Profile, how_many: u64) -> Result<(), Denied> {
    let findings = [
        administrator::ask_act(machine, Act::Prepare),
        interlock::ask_prepare(machine, profile),
        preparation::ask_here(machine),
        preparation::ask_count(profile, how_many),
    ];
    let mut findings = findings.into_iter().flatten();
    let Some(first) = findings.next() else {
        return Ok(());
    };
    let mut denied = Denied::from(*first);
    findings.for_each(|finding| denied.also(&finding));
    Err(denied.finish(machine.administrator))
}

#[cfg(test)]
mod remedies;
#[cfg(test)]
mod tests;
