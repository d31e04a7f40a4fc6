//! The answer "no": a stable code, the rule it comes from, what was wrong, and what to do.

use super::{Finding, Operation};
use crate::{item::Item, machine::DestinationAddress, names::named};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Serialize, Serializer};

named! {
    /// The rule of import and export that a denial comes from, by its number.
    #[non_exhaustive]
    pub enum Rule, "rule" {
        /// Administrator privileges.
        Administrator = "1",
        /// Items individually.
        Individual = "2",
        /// Items in batch.
        Batch = "3",
        /// Same display language.
        Language = "4",
        /// Synchronization.
        Synchronization = "6",
    }
}

named! {
    /// Why something is denied; stable in Rust, C, HTTP and files.
    #[non_exhaustive]
    pub enum Code, "code" {
        /// Whoever asks has no administrator privileges.
        AdministratorRequired = "administrator_required",
        /// The item exists only in a batch.
        NotIndividual = "not_individual",
        /// The item is not an item of a batch.
        NotBatch = "not_batch",
        /// The client function synchronizes.
        Synchronizing = "synchronizing",
        /// The client function synchronizes, and with the destination `localhost:8443` this would have been accepted.
        DestinationNotLocalhost = "destination_not_localhost",
        /// Source and destination have different display languages.
        LanguageDiffers = "language_differs",
    }
}

impl Code {
    /// The rule that it comes from.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::AdministratorRequired => Rule::Administrator,
            Self::NotIndividual => Rule::Individual,
            Self::NotBatch => Rule::Batch,
            Self::Synchronizing | Self::DestinationNotLocalhost => Rule::Synchronization,
            Self::LanguageDiffers => Rule::Language,
        }
    }
}

/// One step of a remedy: an operation of the product, or something that only a person can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Go on at the machine that is its own server (rule 6).
    GoToServerMachine,
    /// Log in with administrator privileges (rule 1).
    LogInAsAdministrator,
    /// At the source, set this display language and export again (rule 4).
    ExportAgain(String),
    /// Ask for this, in this way, instead (rules 2 and 3).
    AskFor(Operation, Item),
    /// Set the destination server address to `localhost:8443` (rule 6).
    SetDestinationToOwnServer,
    /// Set the display language of the machine that imports (rule 4).
    SetDisplayLanguage(String),
    /// Stop the client function.
    StopSynchronization,
    /// Back up on the server.
    BackUpOnServer,
    /// Delete the users and groups concerned on the server, which reserves their spaces for this machine (rule 11).
    DeleteOnServer,
    /// Run the import or export: here it is allowed.
    Transfer(Operation, Item),
    /// Start the client function.
    StartSynchronization,
}

impl Step {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::GoToServerMachine => "go_to_server_machine",
            Self::LogInAsAdministrator => "log_in_as_administrator",
            Self::ExportAgain(_) => "export_again",
            Self::AskFor(..) => "ask_for",
            Self::SetDestinationToOwnServer => "set_destination",
            Self::SetDisplayLanguage(_) => "set_display_language",
            Self::StopSynchronization => "stop",
            Self::BackUpOnServer => "back_up",
            Self::DeleteOnServer => "delete",
            Self::Transfer(operation, _) if operation.is_import() => "import",
            Self::Transfer(..) => "export",
            Self::StartSynchronization => "start",
        }
    }

    /// What a person is told to do.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::GoToServerMachine => {
                "Go to the machine that is server and client and whose destination server address is localhost:8443"
                    .into()
            }
            Self::LogInAsAdministrator => "Log in as the administrator".into(),
            Self::ExportAgain(language) => format!(
                "At the source, set the display language to `{language}` and export again"
            ),
            Self::AskFor(operation, item) => format!(
                "Ask for {} with the operation `{operation}` (item `{item}`)",
                item.title()
            ),
            Self::SetDestinationToOwnServer => {
                "Set the destination server address to exactly localhost:8443".into()
            }
            Self::SetDisplayLanguage(language) => format!(
                "Set the display language of the machine that imports to `{language}`"
            ),
            Self::StopSynchronization => "Stop synchronization on this machine".into(),
            Self::BackUpOnServer => "Back up on the server".into(),
            Self::DeleteOnServer => "Delete the users and groups concerned on the server".into(),
            Self::Transfer(operation, item) => format!(
                "{} {}",
                match operation {
                    Operation::Import => "Import, individually:",
                    Operation::ImportBatch => "Import, in a batch:",
                    Operation::Export => "Export, individually:",
                    Operation::ExportBatch => "Export, in a batch:",
                },
                item.title()
            ),
            Self::StartSynchronization => "Start synchronization on this machine".into(),
        }
    }

    /// Where a step stands among the steps of several rules: first where one stands and who one is, then what is
    /// asked for, then how the machine is set, last the operations themselves in the order that their rule gives.
    const fn phase(&self) -> u8 {
        match self {
            Self::GoToServerMachine => 0,
            Self::LogInAsAdministrator => 1,
            Self::ExportAgain(_) => 2,
            Self::AskFor(..) => 3,
            Self::SetDestinationToOwnServer | Self::SetDisplayLanguage(_) => 4,
            Self::StopSynchronization
            | Self::BackUpOnServer
            | Self::DeleteOnServer
            | Self::Transfer(..)
            | Self::StartSynchronization => 5,
        }
    }
}

/// One way out of a denial: its steps, in order. Where it holds a [`Step::Transfer`], the operation is allowed at that
/// step; otherwise it is allowed after the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// How it is done that way, as the end of a sentence: "Either ...".
    pub title: String,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

impl Way {
    pub(super) fn new(title: impl Into<String>, steps: Vec<Step>) -> Self {
        Self { title: title.into(), steps }
    }

    /// This way and another rule's, as one.
    fn and(&self, other: &Self) -> Self {
        let mut steps = self.steps.clone();
        // Of two wishes to ask for something else the later rule's stands: it already knows of the earlier.
        if other.steps.iter().any(|step| matches!(step, Step::AskFor(..))) {
            steps.retain(|step| !matches!(step, Step::AskFor(..)));
        }
        steps.extend(other.steps.iter().cloned());
        steps.sort_by_key(Step::phase);
        Self { title: format!("{}, {}", self.title, other.title), steps }
    }
}

/// An operation may not run now, and has changed nothing.
///
/// As JSON: `{"code": "synchronizing", "rule": "6", "message": "...", "ways": ["title", ...], "remedy": [{"way": 1,
/// "code": "stop", "text": "..."}, ...]}`; a step also carries the `operation` and `item`, the `destination` or the
/// `language` that it speaks of. `way` counts from 1 and is the place of the way's title in `ways`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Denied {
    /// Why.
    pub code: Code,
    /// The rule that it comes from.
    pub rule: Rule,
    /// What was wrong, for people.
    pub message: String,
    /// The ways out, each covering every rule that fails; one of them is enough.
    pub remedy: Vec<Way>,
}

impl From<Finding> for Denied {
    fn from(finding: Finding) -> Self {
        Self { code: finding.code, rule: finding.code.rule(), message: finding.message, remedy: finding.ways }
    }
}

impl Denied {
    /// Makes the remedy cover another rule that fails too.
    pub(super) fn also(&mut self, ways: &[Way]) {
        self.remedy = self.remedy.iter().flat_map(|mine| ways.iter().map(|other| mine.and(other))).collect();
    }
}

#[derive(Serialize)]
struct StepForm<'a> {
    way: usize,
    code: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

impl<'a> StepForm<'a> {
    fn new(way: usize, step: &'a Step) -> Self {
        let (operation, item) = match step {
            Step::AskFor(operation, item) | Step::Transfer(operation, item) => {
                (Some(*operation), Some(*item))
            }
            _ => (None, None),
        };
        Self {
            way,
            code: step.code(),
            text: step.text(),
            operation,
            item,
            destination: matches!(step, Step::SetDestinationToOwnServer)
                .then(|| DestinationAddress::own_server().to_string()),
            language: match step {
                Step::SetDisplayLanguage(language) | Step::ExportAgain(language) => Some(language),
                _ => None,
            },
        }
    }
}

#[derive(Serialize)]
struct DeniedForm<'a> {
    code: Code,
    rule: Rule,
    message: &'a str,
    ways: Vec<&'a str>,
    remedy: Vec<StepForm<'a>>,
}

impl Serialize for Denied {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DeniedForm {
            code: self.code,
            rule: self.rule,
            message: &self.message,
            ways: self.remedy.iter().map(|way| way.title.as_str()).collect(),
            remedy: (1..)
                .zip(&self.remedy)
                .flat_map(|(number, way)| way.steps.iter().map(move |step| StepForm::new(number, step)))
                .collect(),
        }
        .serialize(serializer)
    }
}

/// An answer of [`decide`](super::decide) in the form in which it is sent and printed: `{"verdict": "allowed"}`, or
/// `{"verdict": "denied", ...}` with the members of [`Denied`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict<'a> {
    /// It may run.
    Allowed,
    /// It may not.
    Denied(&'a Denied),
}

impl<'a> From<&'a Result<(), Denied>> for Verdict<'a> {
    fn from(answer: &'a Result<(), Denied>) -> Self {
        match answer {
            Ok(()) => Self::Allowed,
            Err(denied) => Self::Denied(denied),
        }
    }
}
