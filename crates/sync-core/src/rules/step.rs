//! What a remedy is made of: steps, each with a stable code and the operation of the product that does it.

use super::Operation;
use crate::{
    api::{self, Route},
    item::Item,
    names::named,
    process::Process,
    profile::Limit,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// One step of a remedy: an operation of the product or of the machine's firmware, or something that only a person can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Go on at the machine that is its own server (rule 6).
    GoToServerMachine,
    /// Log in with administrator privileges (rule 1).
    LogInAsAdministrator,
    /// Take a file of another model (rule 3).
    ImportFromAnotherSource {
        /// The model that is accepted for sure; `None` where every model is that is not refused.
        model: Option<String>,
        /// The models that are refused.
        refused: Vec<String>,
    },
    /// At the source, set this display language and export again (rule 4).
    ExportAgain(String),
    /// At the source, set this machine's security policy password and export again (rule 5).
    SetSourcePolicyPassword,
    /// Ask for this, in this way, instead (rules 2 and 3).
    AskFor(Operation, Item),
    /// Set the destination server address to `localhost:8443` (rule 6).
    SetDestinationToOwnServer,
    /// Set the display language of the machine that imports (rule 4).
    SetDisplayLanguage(String),
    /// Set the security policy password of the machine that imports to the source's, and prove it (rule 5).
    SetPolicyPassword,
    /// Take the security policy password of the machine that imports away; it then gets the source's (rule 5).
    RemovePolicyPassword,
    /// Wait until a process has done its work (rule 7).
    WaitForProcess(Process),
    /// Cancel the import that runs; nothing is changed then (rule 7).
    CancelImport,
    /// End a session or a display (rule 7).
    EndProcess(Process),
    /// Remove at least so many entries from what the machine would hold: from the machine or from the file (rule 10).
    RemoveEntries(Limit, u64),
    /// Bring the machine's copy level with the server's (rule 9).
    Prepare,
    /// Prepare at most so many users and groups at once, as often as needed (rule 9).
    PrepareInParts(u64),
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

named! {
    /// Who or what does a step.
    pub enum By, "doer" {
        /// A command of the product, and so its library.
        Command = "command",
        /// The firmware of the machine, by functions of its own.
        Machine = "machine",
        /// A person.
        Person = "person",
    }
}

/// The words of a command at a machine, after its program's name.
const AT_MACHINE: [&str; 5] = ["sync-client", "--data", "DIR", "--administrator-token", "TOKEN"];

fn at_machine(words: &[&str]) -> Vec<String> {
    AT_MACHINE.iter().chain(words).map(ToString::to_string).collect()
}

fn at_server(words: &[&str]) -> Vec<String> {
    ["sync-server", "--data", "SERVER-DIR"].iter().chain(words).map(ToString::to_string).collect()
}

/// What stands for the words of a command that the caller knows, and what to put in their place.
pub const FILLS: &[(&str, &str)] = &[
    ("DIR", "the machine's data folder"),
    ("SERVER-DIR", "the server's data folder"),
    ("TOKEN", "the file of the administrator's token"),
    ("FILE", "the file that is imported or exported"),
    ("BUNDLE", "the bundle that is imported or exported; an encrypted one also wants --passphrase-file"),
    ("PASSWORD", "the file whose first line is the security policy password of the file's source"),
    ("NAME", "a user concerned; --user again for each other one, and left out where there is none"),
    ("ID", "a group concerned; --group again for each other one, and left out where there is none"),
    ("RECORD", "the id of an entry; the command again for each other one"),
    ("LIST", "the number of the entry's list"),
    ("MACHINE", "the name or id of a machine that is used no more; the command again for each other one"),
    ("ROLE", "the machine's role"),
    ("STATE", "its sync state"),
    ("ADDRESS", "its destination server address"),
];

/// What stands for the file of an operation in its command: one of an item alone, or a bundle.
const fn file_of(operation: Operation) -> &'static str {
    if operation.is_batch() { "BUNDLE" } else { "FILE" }
}

/// The command that runs the whole procedure of rule 11.
pub(super) fn procedure(operation: Operation, item: Item) -> Vec<String> {
    at_machine(&["procedure", file_of(operation), "--item", item.as_str()])
}

impl Step {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::GoToServerMachine => "go_to_server_machine",
            Self::LogInAsAdministrator => "log_in_as_administrator",
            Self::ImportFromAnotherSource { .. } => "import_from_another_source",
            Self::ExportAgain(_) => "export_again",
            Self::SetSourcePolicyPassword => "set_source_policy_password",
            Self::AskFor(..) => "ask_for",
            Self::SetDestinationToOwnServer => "set_destination",
            Self::SetDisplayLanguage(_) => "set_display_language",
            Self::SetPolicyPassword => "set_policy_password",
            Self::RemovePolicyPassword => "remove_policy_password",
            Self::WaitForProcess(_) => "wait_for_process",
            Self::CancelImport => "cancel_import",
            Self::EndProcess(_) => "end_process",
            Self::RemoveEntries(..) => "remove_entries",
            Self::Prepare => "prepare",
            Self::PrepareInParts(_) => "prepare_in_parts",
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
            Self::ImportFromAnotherSource { model: Some(model), .. } => {
                format!("Export at a machine of the model `{model}`, and take that file")
            }
            Self::ImportFromAnotherSource { model: None, refused } => format!(
                "Export at a machine of a model that is not refused (refused: {}), and take that file",
                refused.join(", ")
            ),
            Self::ExportAgain(language) => {
                format!("At the source, set the display language to `{language}` and export again")
            }
            Self::SetSourcePolicyPassword => {
                "At the source, set the security policy password to this machine's and export again".into()
            }
            Self::AskFor(operation, item) => {
                format!("Ask for {} with the operation `{operation}` (item `{item}`)", item.title())
            }
            Self::SetDestinationToOwnServer => {
                "Set the destination server address to exactly localhost:8443".into()
            }
            Self::SetDisplayLanguage(language) => {
                format!("Set the display language of the machine that imports to `{language}`")
            }
            Self::SetPolicyPassword => "Set the security policy password of the machine that imports to the source's, and \
                                        name its file to the import too (--policy-password-file PASSWORD), so that it is \
                                        proved against both"
                .into(),
            Self::RemovePolicyPassword => {
                "Remove the security policy password of the machine that imports; it then takes the source's".into()
            }
            Self::WaitForProcess(process) => format!("Wait until {} is over", process.title()),
            Self::CancelImport => "Cancel the import that runs; it has changed nothing then".into(),
            Self::EndProcess(process) => format!("End {}", process.title()),
            Self::RemoveEntries(limit @ (Limit::Machines | Limit::Users | Limit::GroupLists), count) => {
                format!("Remove at least {count} at the server, or bring fewer, of: {}", limit.title())
            }
            Self::RemoveEntries(limit, count) => {
                format!("Remove at least {count}, at the machine or in the file, of: {}", limit.title())
            }
            Self::Prepare => "Prepare the personalized data on the machine that is its own server".into(),
            Self::PrepareInParts(most) => format!(
                "Prepare the users and groups concerned, at most {most} at once, one part after the other"
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

    /// Who or what does it.
    #[must_use]
    pub fn by(&self) -> By {
        match self {
            Self::GoToServerMachine
            | Self::LogInAsAdministrator
            | Self::ImportFromAnotherSource { .. }
            | Self::ExportAgain(_)
            | Self::SetSourcePolicyPassword => By::Person,
            _ if self.command().is_some() => By::Command,
            _ => By::Machine,
        }
    }

    /// The command that does it, word by word; a word in capitals stands for what the caller knows, and
    /// [`Step::fills`] says what. `None` where the machine's firmware or a person does it.
    #[must_use]
    pub fn command(&self) -> Option<Vec<String>> {
        Some(match self {
            Self::AskFor(operation, item) => [
                "sync-client",
                "decide",
                "--role",
                "ROLE",
                "--state",
                "STATE",
                "--destination",
                "ADDRESS",
                "--administrator",
                "--operation",
                operation.as_str(),
                "--item",
                item.as_str(),
            ]
            .iter()
            .map(ToString::to_string)
            .collect(),
            Self::SetDestinationToOwnServer => at_machine(&["set-destination", "localhost:8443"]),
            Self::SetDisplayLanguage(language) => at_machine(&["machine", "--display-language", language]),
            Self::SetPolicyPassword => at_machine(&["policy-password", "--password-file", "PASSWORD"]),
            Self::RemovePolicyPassword => at_machine(&["policy-password", "--remove"]),
            Self::CancelImport => at_machine(&["import", "--cancel"]),
            Self::EndProcess(process) => at_machine(&["process", "end", process.as_str(), "--all"]),
            Self::Prepare => at_machine(&["prepare"]),
            Self::PrepareInParts(_) => at_machine(&["prepare", "--user", "NAME", "--group", "ID"]),
            Self::StopSynchronization => at_machine(&["stop"]),
            Self::StartSynchronization => at_machine(&["start"]),
            Self::BackUpOnServer => at_server(&["backup"]),
            Self::DeleteOnServer => at_server(&["delete", "--user", "NAME", "--group", "ID"]),
            Self::Transfer(operation, item) => {
                let word = if operation.is_import() { "import" } else { "export" };
                let batch: &[&str] = if operation.is_batch() { &["--batch"] } else { &[] };
                at_machine(&[&[word, file_of(*operation)], batch, &["--item", item.as_str()]].concat())
            }
            Self::RemoveEntries(Limit::Machines, _) => at_server(&["machines", "--remove", "MACHINE"]),
            Self::RemoveEntries(Limit::Users, _) => at_server(&["delete", "--user", "NAME"]),
            Self::RemoveEntries(Limit::GroupLists, _) => at_server(&["delete", "--group", "ID"]),
            Self::RemoveEntries(Limit::Addresses, _) => {
                at_machine(&["address", "remove", "RECORD", "--list", "LIST"])
            }
            Self::RemoveEntries(Limit::OneTouch, _) => {
                at_machine(&["address", "remove", "RECORD", "--list", "11"])
            }
            Self::RemoveEntries(Limit::LocalUsers, _) => {
                at_machine(&["item", "remove", "authentication-users", "RECORD"])
            }
            Self::RemoveEntries(Limit::DepartmentIds, _) => {
                at_machine(&["item", "remove", "department-id-management", "RECORD"])
            }
            _ => return None,
        })
    }

    /// Words that the command of the import or export needs from this step on, wherever it is given.
    #[must_use]
    pub const fn import_words(&self) -> &'static [&'static str] {
        match self {
            Self::SetPolicyPassword => &["--policy-password-file", "PASSWORD"],
            _ => &[],
        }
    }

    /// The words in capitals of its command and of its [`Step::import_words`], and what to put in their place.
    #[must_use]
    pub fn fills(&self) -> Vec<(&'static str, &'static str)> {
        let command = self.command().unwrap_or_default();
        let stands = |word: &str| {
            command
                .iter()
                .map(String::as_str)
                .chain(self.import_words().iter().copied())
                .any(|one| one == word)
        };
        FILLS.iter().filter(|(word, _)| stands(word)).copied().collect()
    }

    /// The path of the server that does it, where one does.
    #[must_use]
    pub const fn http(&self) -> Option<Route> {
        match self {
            Self::LogInAsAdministrator => Some(api::ADMINISTRATOR),
            Self::BackUpOnServer => Some(api::BACKUP),
            Self::DeleteOnServer | Self::RemoveEntries(Limit::Users | Limit::GroupLists, _) => {
                Some(api::DELETE)
            }
            Self::RemoveEntries(Limit::Machines, _) => Some(api::REMOVE_MACHINE),
            _ => None,
        }
    }

    /// Whether it needs administrator privileges (rule 1).
    pub(super) const fn needs_administrator(&self) -> bool {
        matches!(
            self,
            Self::SetDestinationToOwnServer
                | Self::SetDisplayLanguage(_)
                | Self::SetPolicyPassword
                | Self::RemovePolicyPassword
                | Self::Prepare
                | Self::PrepareInParts(_)
                | Self::StopSynchronization
                | Self::BackUpOnServer
                | Self::DeleteOnServer
                | Self::StartSynchronization
        )
    }

    /// Where a step stands among the steps of several rules: first where one stands and who one is, then what the file is
    /// and what is asked for, then how the machine is set and what runs on it, last the operations themselves in the
    /// order that their rule gives.
    pub(super) const fn phase(&self) -> u8 {
        match self {
            Self::GoToServerMachine => 0,
            Self::LogInAsAdministrator => 1,
            Self::ImportFromAnotherSource { .. } => 2,
            Self::ExportAgain(_) | Self::SetSourcePolicyPassword => 3,
            Self::AskFor(..) => 4,
            Self::SetDestinationToOwnServer
            | Self::SetDisplayLanguage(_)
            | Self::SetPolicyPassword
            | Self::RemovePolicyPassword => 5,
            Self::WaitForProcess(_) | Self::CancelImport | Self::EndProcess(_) => 6,
            Self::RemoveEntries(..) => 7,
            // After whatever takes time: the preparation holds for a while only.
            Self::Prepare | Self::PrepareInParts(_) => 8,
            Self::StopSynchronization => 9,
            Self::BackUpOnServer | Self::DeleteOnServer | Self::Transfer(..) | Self::StartSynchronization => {
                10
            }
        }
    }
}
