//! The answer "no": a stable code, the rule it comes from, what was wrong, and what to do.

use super::{
    Finding, Operation,
    step::{self, By, Step},
};
use crate::{item::Item, machine::DestinationAddress, names::named, process::Process, profile::Limit};
use alloc::{
    collections::BTreeMap,
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
        /// Security policy password.
        PolicyPassword = "5",
        /// Synchronization.
        Synchronization = "6",
        /// Interlock.
        Interlock = "7",
        /// Preparation.
        Preparation = "9",
        /// Limits.
        Limits = "10",
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
        /// The machine's profile does not have the item.
        ItemNotSupported = "item_not_supported",
        /// The item goes only to a machine that has a Home screen.
        HomeScreenRequired = "home_screen_required",
        /// The machine does not take the item from the source's model, or the file does not say its model.
        ModelRefused = "model_refused",
        /// The client function synchronizes.
        Synchronizing = "synchronizing",
        /// The client function synchronizes, and with the destination `localhost:8443` this would have been accepted.
        DestinationNotLocalhost = "destination_not_localhost",
        /// Source and destination have different display languages.
        LanguageDiffers = "language_differs",
        /// Something runs during which no import or export may begin.
        Interlocked = "interlocked",
        /// An import or export runs during which the process may not begin.
        ImportExportRuns = "import_export_runs",
        /// The profile wants the personalized data prepared, and they are not, or no longer.
        NotPrepared = "not_prepared",
        /// Personalized data are prepared only on the machine that is its own server.
        PrepareElsewhere = "prepare_elsewhere",
        /// More are to be prepared at once than the profile allows.
        TooManyToPrepare = "too_many_to_prepare",
        /// The machine has a security policy password, and the file's is not shown to be the same.
        PolicyPasswordDiffers = "policy_password_differs",
        /// The machine would hold more than it can.
        OverLimit = "over_limit",
    }
}

impl Code {
    /// The rule that it comes from.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::AdministratorRequired => Rule::Administrator,
            Self::NotIndividual => Rule::Individual,
            Self::NotBatch | Self::ItemNotSupported | Self::HomeScreenRequired | Self::ModelRefused => {
                Rule::Batch
            }
            Self::Synchronizing | Self::DestinationNotLocalhost => Rule::Synchronization,
            Self::LanguageDiffers => Rule::Language,
            Self::PolicyPasswordDiffers => Rule::PolicyPassword,
            Self::Interlocked | Self::ImportExportRuns => Rule::Interlock,
            Self::NotPrepared | Self::PrepareElsewhere | Self::TooManyToPrepare => Rule::Preparation,
            Self::OverLimit => Rule::Limits,
        }
    }
}

impl Code {
    /// What it means, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AdministratorRequired => "importing and exporting need administrator privileges",
            Self::NotIndividual => "the item exists only in a batch",
            Self::NotBatch => "the item is not an item of a batch",
            Self::ItemNotSupported => "the machine does not have the item, by its profile",
            Self::HomeScreenRequired => "the item goes only to a machine that has a Home screen",
            Self::ModelRefused => {
                "the machine does not take the item from the source's model, by its profile, or the file does not say its \
                 model"
            }
            Self::Synchronizing => "the client function of this machine synchronizes",
            Self::DestinationNotLocalhost => {
                "the same, and with the destination `localhost:8443` this would have been accepted"
            }
            Self::Interlocked => "something runs during which no import or export may begin",
            Self::ImportExportRuns => "an import or export runs, and the process may not begin during one",
            Self::NotPrepared => {
                "the profile wants the personalized data prepared, and it is not, or too long ago"
            }
            Self::PrepareElsewhere => "data is prepared only on the machine that is its own server",
            Self::TooManyToPrepare => "more users and groups than the profile lets prepare at once",
            Self::LanguageDiffers => "the file was exported with another display language",
            Self::PolicyPasswordDiffers => {
                "this machine has a security policy password, and the file's is not shown to be the same"
            }
            Self::OverLimit => "the machine would hold more than it can",
        }
    }
}

named! {
    /// Why nothing makes a denied operation allowed. There is no other reason than these.
    #[non_exhaustive]
    pub enum NothingDoes, "reason" {
        /// The machine has no Home screen, and gets none.
        NoHomeScreen = "no_home_screen",
        /// The machine takes the item from no model but its own, and which that is, is not known.
        ModelRefused = "model_refused",
        /// The machine does not have the item.
        ItemNotSupported = "item_not_supported",
        /// The file's display language is no language, and the machine's is not known.
        NoLanguage = "no_language",
    }
}

impl NothingDoes {
    /// What a person is told.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoHomeScreen => "nothing helps: this item goes only to a machine that has a Home screen",
            Self::ModelRefused => {
                "nothing helps: this machine takes the item only from its own model, and its model is not known"
            }
            Self::ItemNotSupported => "nothing helps: this machine does not have the item",
            Self::NoLanguage => {
                "nothing helps: what the file says of its display language is none, and this machine's is not known"
            }
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

    /// The one command that runs it from its stop to its start, where it is the procedure of rule 11.
    #[must_use]
    pub fn procedure(&self) -> Option<Vec<String>> {
        let procedure = self.steps.contains(&Step::DeleteOnServer);
        self.steps.iter().find_map(|step| match step {
            Step::Transfer(operation, item) if procedure => Some(step::procedure(*operation, *item)),
            _ => None,
        })
    }

    /// This way and another rule's, as one.
    fn and(&self, other: &Self) -> Self {
        let mut steps = self.steps.clone();
        // Of two wishes to ask for something else the later rule's stands: it already knows of the earlier.
        if other.steps.iter().any(|step| matches!(step, Step::AskFor(..))) {
            steps.retain(|step| !matches!(step, Step::AskFor(..)));
        }
        for step in &other.steps {
            if !steps.contains(step) {
                steps.push(step.clone());
            }
        }
        steps.sort_by_key(Step::phase);
        Self { title: format!("{}, {}", self.title, other.title), steps }
    }

    /// Puts the administrator before what only an administrator may do, where somebody else asks.
    fn with_administrator(&mut self) {
        let missing = self.steps.iter().any(Step::needs_administrator)
            && !self.steps.contains(&Step::LogInAsAdministrator);
        if missing {
            self.steps.push(Step::LogInAsAdministrator);
            self.steps.sort_by_key(Step::phase);
        }
    }
}

/// An operation may not run now, and has changed nothing.
///
/// As JSON:
///
/// ```json
/// {"code": "synchronizing", "rule": "6", "message": "...", "ways": ["title", ...],
///  "remedy": [{"way": 1, "code": "stop", "text": "...", "by": "command", "command": ["sync-client", ...]}, ...],
///  "lengths": [{"way": 1, "steps": 5, "procedure": ["sync-client", ...]}, ...]}
/// ```
///
/// `way` counts from 1 and is the place of the way's title in `ways`. A step also carries the `operation` and `item`, the
/// `destination`, the `language`, the `process`, the `limit` and `count`, or the `model` and `refused_models` that it speaks
/// of; `by` says whether a `command`, the `machine`'s own firmware or a `person` does it, `command` how, and `http` which
/// `method` and `path` of the server does. Words in capitals stand for what the caller knows, and `fill` says of each what
/// that is; `import_with` are words that the import's own command needs from that step on. Where nothing makes it allowed,
/// `ways` and `remedy` are empty, and `nothing_does` holds the `reason` and a `text`.
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
    /// Why there is none, where there is none.
    pub nothing_does: Option<NothingDoes>,
}

impl From<Finding> for Denied {
    fn from(finding: Finding) -> Self {
        Self {
            code: finding.code,
            rule: finding.code.rule(),
            message: finding.message,
            remedy: finding.ways,
            nothing_does: finding.nothing,
        }
    }
}

impl Denied {
    /// Makes the remedy cover another rule that fails too.
    pub(super) fn also(&mut self, finding: &Finding) {
        self.nothing_does = self.nothing_does.or(finding.nothing);
        self.remedy =
            self.remedy.iter().flat_map(|mine| finding.ways.iter().map(|other| mine.and(other))).collect();
    }

    /// What is left to do when every rule was asked.
    pub(super) fn finish(mut self, administrator: bool) -> Self {
        if self.nothing_does.is_some() {
            self.remedy.clear();
        }
        if !administrator {
            self.remedy.iter_mut().for_each(Way::with_administrator);
        }
        self
    }
}

#[derive(Serialize)]
struct HttpForm {
    method: &'static str,
    path: &'static str,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Limit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    refused_models: &'a [String],
    by: By,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    import_with: &'static [&'static str],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fill: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpForm>,
}

impl<'a> StepForm<'a> {
    fn new(way: usize, step: &'a Step) -> Self {
        let mut form = Self {
            way,
            code: step.code(),
            text: step.text(),
            operation: None,
            item: None,
            destination: None,
            language: None,
            process: None,
            limit: None,
            count: None,
            model: None,
            refused_models: &[],
            by: step.by(),
            command: step.command(),
            import_with: step.import_words(),
            fill: step.fills().into_iter().collect(),
            http: step.http().map(|route| HttpForm { method: route.method, path: route.path }),
        };
        match step {
            Step::AskFor(operation, item) | Step::Transfer(operation, item) => {
                (form.operation, form.item) = (Some(*operation), Some(*item));
            }
            Step::SetDestinationToOwnServer => {
                form.destination = Some(DestinationAddress::own_server().to_string());
            }
            Step::SetDisplayLanguage(language) | Step::ExportAgain(language) => {
                form.language = Some(language);
            }
            Step::WaitForProcess(process) | Step::EndProcess(process) => form.process = Some(*process),
            Step::RemoveEntries(limit, count) => (form.limit, form.count) = (Some(*limit), Some(*count)),
            Step::PrepareInParts(most) => form.count = Some(*most),
            Step::ImportFromAnotherSource { model, refused } => {
                (form.model, form.refused_models) = (model.as_deref(), refused);
            }
            _ => {}
        }
        form
    }
}

#[derive(Serialize)]
struct LengthForm {
    way: usize,
    steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    procedure: Option<Vec<String>>,
}

#[derive(Serialize)]
struct NothingForm {
    reason: NothingDoes,
    text: &'static str,
}

#[derive(Serialize)]
struct DeniedForm<'a> {
    code: Code,
    rule: Rule,
    message: &'a str,
    ways: Vec<&'a str>,
    remedy: Vec<StepForm<'a>>,
    lengths: Vec<LengthForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing_does: Option<NothingForm>,
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
            lengths: (1..)
                .zip(&self.remedy)
                .map(|(number, way)| LengthForm {
                    way: number,
                    steps: way.steps.len(),
                    procedure: way.procedure(),
                })
                .collect(),
            nothing_does: self.nothing_does.map(|reason| NothingForm { reason, text: reason.text() }),
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
