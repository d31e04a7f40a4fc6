//! Everything that can go wrong at a machine: what was wrong, a stable code, and what to do next.

use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{io, path::PathBuf};
use sync_core::{
    id::RecordId, machine::AddressError, protocol::Problem, rules::Denied, space::SpaceName,
    value::Unwritable, wire::Malformed,
};

/// The result of whatever a machine does.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a machine could not do what it was asked. [`Error::code`] is stable; [`Error::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process owns the data folder and does not answer on its socket.
    #[error("the data folder {} is in use by another process", .0.display())]
    FolderInUse(PathBuf),
    /// The process that owns the data folder took the command and ended before it answered.
    #[error("the process that owns the data folder {} ended before it answered", .0.display())]
    OwnerGone(PathBuf),
    /// The data folder cannot be used.
    #[error("the data folder {} cannot be used: {source}", .path.display())]
    Folder {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is a database of something else.
    #[error("{} is no replica of this product", .0.display())]
    ForeignStore(PathBuf),
    /// A later version of the program wrote it.
    #[error("the replica was written by a later version (its form is {found}; this program knows {known})")]
    NewerStore {
        /// The form of the file.
        found: i64,
        /// The newest form that this program knows.
        known: i64,
    },
    /// SQLite refused: a full or broken disk, mostly.
    #[error("the replica cannot be read or written: {0}")]
    Store(#[from] rusqlite::Error),
    /// A row that this program wrote does not decode.
    #[error("the replica is damaged: {0}")]
    Damaged(#[from] Malformed),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The machine was never enrolled.
    #[error("the machine is not enrolled at a server")]
    NotEnrolled,
    /// The destination is blank.
    #[error("no server was found: the destination server address is blank")]
    ServerNotFound,
    /// The server could not be reached.
    #[error("the server at {server} cannot be reached: {cause}")]
    Network {
        /// The address.
        server: String,
        /// Why.
        cause: String,
    },
    /// The server did not answer in time.
    #[error("the server at {0} did not answer in time")]
    Timeout(String),
    /// The server's certificate is not the one that was pinned at the enrolment.
    #[error("the server at {server} shows another certificate than the pinned one (SHA-256 {found})")]
    WrongCertificate {
        /// The address.
        server: String,
        /// The fingerprint of the certificate that it showed.
        found: String,
    },
    /// The text is no SHA-256 fingerprint.
    #[error("`{0}` is no fingerprint")]
    Fingerprint(String),
    /// A bare 401 or 403: the server, or something before it, does not let the machine in.
    #[error("the server at {server} does not let this machine in (HTTP status {status})")]
    Unauthorized {
        /// The address.
        server: String,
        /// 401 or 403.
        status: u16,
    },
    /// The server refused.
    #[error("{}", .0.title)]
    Refused(Problem),
    /// What came back is no answer.
    #[error("the answer of {server} cannot be read: {cause}")]
    UnreadableAnswer {
        /// The address.
        server: String,
        /// Why.
        cause: String,
    },
    /// The destination leads to another server than the one at which the machine is enrolled.
    #[error("the destination leads to another server than the one at which this machine is enrolled")]
    AnotherServer,
    /// Only administrators may.
    #[error("this needs administrator privileges")]
    AdministratorNeeded,
    /// The administrator's token is not the server's.
    #[error("the administrator's token is not the right one")]
    AdministratorRefused,
    /// Nobody is logged in and no user was named.
    #[error("nobody is logged in")]
    NobodyLoggedIn,
    /// The machine does not have the space.
    #[error("this machine does not have {0}")]
    NotAMember(SpaceName),
    /// The server alone writes the space.
    #[error("{0} is written at the server alone")]
    ReadOnly(SpaceName),
    /// No such setting.
    #[error("there is no setting `{0}`")]
    UnknownSetting(String),
    /// The value does not fit the setting.
    #[error("{value} does not fit {setting}: {wanted}")]
    SettingValue {
        /// The setting.
        setting: String,
        /// What was written, in quotes; of a secret, of bytes and of what looks like a key only how long it is.
        value: String,
        /// What can be written.
        wanted: String,
    },
    /// No such entry.
    #[error("there is no entry {0}")]
    UnknownEntry(String),
    /// A record has no such field, or an item no such type.
    #[error("{of} has no `{name}`: there is {}", .known.join(", "))]
    UnknownField {
        /// What was written.
        name: String,
        /// Of which type or item.
        of: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Another record is told apart by the same values.
    #[error("there is such an entry already: {0}")]
    AlreadyThere(RecordId),
    /// Nobody could read the value again.
    #[error("the value of {field} can't be kept: {why}; nothing was written")]
    Unwritable {
        /// Of which field.
        field: String,
        /// Why.
        why: Unwritable,
    },
    /// No such superseded value, or it was taken already.
    #[error("there is no superseded value {0}")]
    UnknownSuperseded(i64),
    /// No such snapshot.
    #[error("there is no snapshot {0}")]
    UnknownSnapshot(String),
    /// A destination server address that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A record lacks a field that its type must have.
    #[error("{of} has no `{field}`, which it must have: {wanted}")]
    FieldMissing {
        /// The type of record.
        of: String,
        /// The field.
        field: String,
        /// What can be written there.
        wanted: String,
    },
    /// A command whose words do not fit together.
    #[error("{0}")]
    WrongCommand(String),
    /// An entry is larger than a request may carry.
    #[error("an entry of {bytes} bytes is too large: {most} is the most; nothing was written")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most.
        most: usize,
    },
    /// A rule of import and export says no.
    #[error("{0}")]
    Rules(Box<Denied>),
    /// An import, an export or a procedure says no; the codes are theirs.
    #[error("{message}")]
    Denied {
        /// The stable code.
        code: String,
        /// What was wrong.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be read or written: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process that owns the folder answered with an error.
    #[error("{}", .0.message)]
    Told(ErrorReport),
}

impl Error {
    /// What needs the client function is asked while it is stopped.
    pub(crate) fn stopped() -> Self {
        Self::Denied {
            code: "stopped".into(),
            message: "the client function is stopped".into(),
            remedy: "start it: sync-client start".into(),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::FolderInUse(_) => "folder_in_use",
            Self::OwnerGone(_) => "owner_gone",
            Self::Folder { .. } => "folder",
            Self::ForeignStore(_) => "foreign_store",
            Self::NewerStore { .. } => "newer_store",
            Self::Store(_) => "store",
            Self::Damaged(_) => "damaged_store",
            Self::Random(_) => "random",
            Self::NotEnrolled => "not_enrolled",
            Self::ServerNotFound => "server_not_found",
            Self::Network { .. } => "network",
            Self::Timeout(_) => "timeout",
            Self::WrongCertificate { .. } => "wrong_certificate",
            Self::Fingerprint(_) => "fingerprint",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Refused(problem) => &problem.code,
            Self::UnreadableAnswer { .. } => "unreadable_answer",
            Self::AnotherServer => "another_server",
            Self::AdministratorNeeded => "administrator_required",
            Self::AdministratorRefused => "administrator_refused",
            Self::NobodyLoggedIn => "nobody_logged_in",
            Self::NotAMember(_) => "not_a_member",
            Self::ReadOnly(_) => "read_only",
            Self::UnknownSetting(_) => "unknown_setting",
            Self::SettingValue { .. } => "setting_value",
            Self::FieldMissing { .. } => "field_missing",
            Self::UnknownEntry(_) => "unknown_entry",
            Self::UnknownField { .. } => "unknown_field",
            Self::AlreadyThere(_) => "already_there",
            Self::Unwritable { .. } => "unwritable_value",
            Self::UnknownSuperseded(_) => "unknown_superseded",
            Self::UnknownSnapshot(_) => "unknown_snapshot",
            Self::Address(address) => address.code(),
            Self::WrongCommand(_) => "wrong_command",
            Self::TooLarge { .. } => "entry_too_large",
            Self::Rules(denied) => denied.code.as_str(),
            Self::Denied { code, .. } => code,
            Self::File { .. } => "file",
            Self::Told(report) => &report.code,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn remedy(&self) -> String {
        let text = match self {
            Self::FolderInUse(_) => "end the other process, or name another folder with --data",
            Self::OwnerGone(_) => {
                "the command was carried out, or it was not: look at what stands, then repeat it where it is missing"
            }
            Self::Folder { .. } => {
                "check that the folder exists and that its permissions let this user write"
            }
            Self::ForeignStore(_) => "name the machine's own data folder with --data",
            Self::NewerStore { .. } => {
                "use the version of the program that wrote the replica, or a later one"
            }
            Self::Store(_) => "check that the disk is neither full nor broken, then try again",
            Self::Damaged(_) => "keep the folder for examination, and enrol the machine in a new one",
            Self::Random(_) => "try again when the system has started up",
            Self::NotEnrolled => {
                "enrol it: sync-client --data DIR enroll --server ADDRESS --code CODE --fingerprint HEX"
            }
            Self::ServerNotFound => "set the address: sync-client set-destination HOST:PORT",
            Self::Network { .. } | Self::Timeout(_) => {
                "check the network and the server; the machine works on with what it has and tries again"
            }
            Self::WrongCertificate { .. } => {
                "if the server's certificate was replaced, enrol the machine again with the new fingerprint; \
                 if not, somebody may stand between"
            }
            Self::Fingerprint(_) => "write the 64 hexadecimal digits that the server shows",
            Self::Unauthorized { .. } => "enrol the machine again, or ask the server's administrator why",
            Self::Refused(problem) => &problem.detail,
            Self::UnreadableAnswer { .. } => "check that the address leads to a server of this product",
            Self::AnotherServer => "enrol the machine at that server, then start its client function",
            Self::AdministratorNeeded => "name the administrator's token: --administrator-token FILE",
            Self::AdministratorRefused => "use the token that the server wrote at its first start",
            Self::NobodyLoggedIn => "log in, or name the user with --user",
            Self::NotAMember(_) => {
                "log the person in at this machine, or let an administrator make it a member"
            }
            Self::ReadOnly(_) => "change it at the server: sync-server scope set SETTING SCOPE",
            Self::UnknownSetting(_) => "`sync-client get` lists all settings",
            Self::SettingValue { .. } => "write one of the values that fit",
            Self::FieldMissing { .. } => "give the field too, as FIELD=VALUE",
            Self::UnknownEntry(_) => "list the entries to see their ids",
            Self::UnknownField { .. } => "`sync-client item describe ITEM` says what can be written",
            Self::AlreadyThere(_) => "change that one, or write other values",
            Self::Unwritable { .. } => "write a flatter value",
            Self::UnknownSuperseded(_) => "`sync-client superseded list` shows what can be taken",
            Self::UnknownSnapshot(_) => "`sync-client snapshots list` shows them",
            Self::Address(_) => "write a host and a port, such as server.example:8443",
            Self::WrongCommand(_) => "see --help",
            Self::TooLarge { .. } => "shorten it, or leave out columns that no machine needs",
            Self::Rules(denied) => return explain(denied),
            Self::Denied { remedy, .. } => remedy,
            Self::File { .. } => "check the path and its permissions",
            Self::Told(report) => &report.remedy,
        };
        text.to_string()
    }

    /// Whether trying again later may help without anybody doing anything.
    #[must_use]
    pub fn is_of_the_network(&self) -> bool {
        matches!(
            self,
            Self::Network { .. }
                | Self::Timeout(_)
                | Self::Unauthorized { .. }
                | Self::UnreadableAnswer { .. }
                | Self::ServerNotFound
        ) || matches!(self, Self::Refused(problem) if problem.status >= 500 || problem.status == 429)
    }

    /// As scripts and other processes read it.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        let denied = match self {
            Self::Rules(denied) => serde_json::to_value(denied).ok(),
            Self::Told(report) => report.denied.clone(),
            _ => None,
        };
        ErrorReport {
            code: self.code().to_string(),
            message: self.to_string(),
            remedy: self.remedy(),
            denied,
        }
    }
}

/// An error as it travels between processes; [`ErrorReport::to_json`] is what scripts read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Stable, in snake case.
    pub code: String,
    /// What was wrong.
    pub message: String,
    /// What to do next.
    pub remedy: String,
    /// The rule's whole answer, where a rule says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Value>,
}

impl ErrorReport {
    /// The form for scripts: where a rule says no, its number and the remedy step by step stand in it too, as `decide`
    /// answers them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { code, message, remedy, denied } = self;
        denied.clone().unwrap_or_else(|| json!({"code": code, "message": message, "remedy": remedy}))
    }
}

/// The ways out of a denial, for people.
fn explain(denied: &Denied) -> String {
    let mut text = format!("(rule {}) ", denied.rule);
    if let Some(reason) = denied.nothing_does {
        text += reason.text();
    }
    for (before, way) in core::iter::once("either").chain(core::iter::repeat("or")).zip(&denied.remedy) {
        let before = if denied.remedy.len() == 1 { "instead" } else { before };
        let steps: Vec<String> = way.steps.iter().map(sync_core::rules::Step::text).collect();
        let _ = write!(text, "{before} {}: {}; ", way.title, steps.join(", then "));
    }
    text.trim_end_matches([' ', ';']).to_string()
}
