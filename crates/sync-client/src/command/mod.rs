//! What can be asked of a machine, in one form for the command line, for the process that owns the folder, and for tests.

mod function;
mod records;

pub(crate) use records::setting_line;

use crate::{
    addresses::{Entry, ListOf, shown},
    distribution,
    enrolment::Enrolment,
    error::Result,
    export::ExportOrder,
    facts::{self, ProcessWord, Statement},
    import::{FileSecrets, ImportOrder, UndoOrder, line_json},
    items::ItemCommand,
    kept::{record_id, snapshot_id, snapshot_json},
    machine::Machine,
    prepare::PrepareOrder,
    procedure::{Patience, ProcedureOrder, ProcedureReport},
    status,
    store::ImportLine,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sync_core::{distribution::Receiving, id::ProcedureId, machine::Role, space::SpaceKind, wire::Malformed};

/// One command. It travels as JSON from a process that does not own the folder to the one that does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Command {
    /// Enrols the machine.
    Enroll {
        /// The destination server address.
        server: String,
        /// The one-time code.
        code: String,
        /// The fingerprint of the server's certificate.
        fingerprint: String,
        /// Where the address really leads.
        connect_to: Option<String>,
        /// What people call the machine.
        name: Option<String>,
        /// Which functions it has.
        role: Option<Role>,
    },
    /// Starts the client function.
    Start {
        /// How long to wait until it is level.
        patience: Duration,
    },
    /// Stops the client function.
    Stop {
        /// How long to send what waits.
        deadline: Duration,
    },
    /// Says where the machine stands.
    Status,
    /// Synchronizes now.
    Sync,
    /// A person logs in.
    Login {
        /// The user name.
        user: String,
    },
    /// They log out.
    Logout,
    /// Reads settings.
    Get {
        /// Which; all where none is named.
        setting: Option<String>,
        /// Whose; whoever is logged in where none is named.
        user: Option<String>,
    },
    /// Changes a setting.
    Set {
        /// Which.
        setting: String,
        /// To what; `None` unsets it.
        value: Option<String>,
        /// Whose.
        user: Option<String>,
    },
    /// Adds an entry to an address list.
    AddressAdd {
        /// To which list.
        list: ListOf,
        /// The entry.
        entry: Entry,
    },
    /// Lists the entries of an address list.
    AddressList {
        /// Which list.
        list: ListOf,
    },
    /// Changes an entry.
    AddressEdit {
        /// In which list.
        list: ListOf,
        /// Which.
        id: String,
        /// What changes.
        entry: Entry,
    },
    /// Removes an entry.
    AddressRemove {
        /// From which list.
        list: ListOf,
        /// Which.
        id: String,
    },
    /// Sets the destination server address.
    SetDestination {
        /// The address; blank means that the server is found automatically.
        destination: String,
        /// Where it really leads.
        connect_to: Option<String>,
    },
    /// States what the machine is, and shows what the rules look at.
    Machine(Statement),
    /// Sets the security policy password, or takes it away.
    PolicyPassword {
        /// The password; `None` takes it away.
        password: Option<String>,
    },
    /// The firmware tells what runs on the machine.
    Process(ProcessWord),
    /// Lists what was superseded.
    SupersededList,
    /// Takes a superseded value after all.
    SupersededTake {
        /// Which.
        id: i64,
    },
    /// Lists what was set aside.
    SnapshotsList,
    /// Shows what a snapshot holds.
    SnapshotsShow {
        /// Which.
        id: String,
    },
    /// Brings a snapshot back.
    SnapshotsRestore {
        /// Which.
        id: String,
    },
    /// Imports a file.
    Import(ImportOrder),
    /// Takes an import back.
    ImportUndo(UndoOrder),
    /// Cancels the import or export that runs.
    ImportCancel,
    /// Lists the imports.
    ImportList,
    /// Exports into a file.
    Export(ExportOrder),
    /// Prepares personalized data.
    Prepare(PrepareOrder),
    /// Runs the procedure: stop, back up, delete, import, start.
    Procedure {
        /// What is brought in.
        order: ProcedureOrder,
        /// How long its steps may take.
        patience: Patience,
        /// Whether it is only shown.
        #[serde(default)]
        plan: bool,
    },
    /// Takes a procedure back to its start.
    ProcedureUndo {
        /// Which; the one that is not over, or the newest, where none is named.
        id: Option<ProcedureId>,
        /// How long its steps may take.
        patience: Patience,
        /// Whether it is only shown.
        #[serde(default)]
        plan: bool,
    },
    /// Shows one procedure.
    ProcedureShow {
        /// Which.
        id: ProcedureId,
    },
    /// Goes on with the procedure that is not over.
    ProcedureResume {
        /// How long its steps may take.
        patience: Patience,
        /// What opens its file, where that is an encrypted bundle.
        #[serde(default)]
        secrets: FileSecrets,
    },
    /// Ends the procedure that is not over where it stands.
    ProcedureCancel,
    /// Lists the procedures.
    ProcedureList,
    /// Reads or changes what an item holds.
    Item(ItemCommand),
    /// What the machine receives of distributions: shown, or set.
    Receiving {
        /// To what.
        set: Option<Receiving>,
    },
    /// The communication log.
    Log {
        /// How many lines.
        most: u32,
    },
}

impl Command {
    /// Whether the client function must run while it is carried out.
    #[must_use]
    pub fn needs_client_function(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Stop { .. } | Self::Sync | Self::Login { .. })
            || self.tells() && !matches!(self, Self::Export(_))
    }

    /// Whether it tells people meanwhile how far it is.
    #[must_use]
    pub fn tells(&self) -> bool {
        let procedure = matches!(
            self,
            Self::Prepare(_)
                | Self::Procedure { .. }
                | Self::ProcedureResume { .. }
                | Self::ProcedureUndo { .. }
                | Self::ProcedureCancel
        );
        procedure || self.can_be_cancelled()
    }

    /// Whether it is an import, an undo or an export, which can be cancelled while it runs.
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        self.imports() || matches!(self, Self::Export(_))
    }

    fn imports(&self) -> bool {
        matches!(self, Self::Import(_) | Self::ImportUndo(_))
    }

    /// Whether it must not wait for an import that holds the store.
    fn comes_at_once(&self) -> bool {
        self.imports() || matches!(self, Self::ImportCancel | Self::Status)
    }
}

/// What a command answers: the same for scripts and for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// For scripts.
    pub json: Value,
    /// For people.
    pub text: String,
}

impl Output {
    /// An answer.
    #[must_use]
    pub fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into() }
    }
}

impl Machine {
    /// Carries a command out. `administrator` is the token of an administrator who works at the machine.
    ///
    /// # Errors
    /// Whatever the command can meet; nothing was changed where it says so.
    pub async fn execute(&self, command: Command, administrator: Option<&str>) -> Result<Output> {
        if !command.comes_at_once() {
            self.imports.store_is_free().await;
        }
        match command {
            Command::Enroll { server, code, fingerprint, connect_to, name, role } => {
                let destination = server.parse()?;
                let fingerprint = fingerprint.parse()?;
                let enrolment = Enrolment { destination, connect_to, code, fingerprint, name, role };
                let server = self.enroll(enrolment).await?;
                let machine = self.store().identity().machine;
                Ok(Output::new(
                    json!({"machine": machine, "server": server, "realm": self.realm()?}),
                    "The machine is enrolled. Start its client function with: sync-client --data DIR --administrator-token \
                     FILE start",
                ))
            }
            Command::Start { patience } => self.answer_start(patience, administrator).await,
            Command::Stop { deadline } => self.answer_stop(deadline, administrator).await,
            Command::Status => {
                let status = self.status()?;
                let text = status::text(&status);
                Ok(Output::new(status, text))
            }
            Command::Sync => self.answer_sync().await,
            Command::Login { user } => self.answer_login(user).await,
            Command::Logout => {
                let user = self.logout()?;
                let text = user
                    .as_ref()
                    .map_or("Nobody was logged in.".into(), |user| format!("{user} logged out."));
                Ok(Output::new(json!({"user": user}), text))
            }
            Command::Get { setting, user } => self.answer_get(setting.as_deref(), user.as_deref()),
            Command::Set { setting, value, user } => {
                let user = self.person(user.as_deref())?;
                let view = self.set(&setting, value.as_deref(), &user)?.masked();
                let text = setting_line(&view);
                Ok(Output::new(serde_json::to_value(&view).unwrap_or_default(), text))
            }
            Command::AddressAdd { list, entry } => {
                let id = self.add_address(&list, &entry)?;
                Ok(Output::new(shown(id, &self.address(&list, id)?), format!("Added as {id}.")))
            }
            Command::AddressList { list } => self.answer_addresses(&list),
            Command::AddressEdit { list, id, entry } => {
                let id = record_id(&id)?;
                self.edit_address(&list, id, &entry)?;
                Ok(Output::new(shown(id, &self.address(&list, id)?), "Changed."))
            }
            Command::AddressRemove { list, id } => {
                let id = record_id(&id)?;
                self.remove_address(&list, id)?;
                Ok(Output::new(json!({"removed": id}), "Removed."))
            }
            Command::SetDestination { destination, connect_to } => {
                self.answer_destination(&destination, connect_to, administrator).await
            }
            Command::Machine(statement) => {
                let facts = self.state_facts(&statement, administrator).await?;
                let text = facts::text(&facts);
                Ok(Output::new(facts, text))
            }
            Command::PolicyPassword { password } => {
                self.set_policy_password(password.as_deref(), administrator).await?;
                let (set, text) = match password {
                    Some(_) => (true, "The security policy password is set."),
                    None => (false, "The machine has no security policy password."),
                };
                Ok(Output::new(json!({"policy_password_set": set}), text))
            }
            Command::Process(word) => {
                let running = self.process_word(word)?;
                let text = facts::text(&running);
                Ok(Output::new(running, text))
            }
            Command::SupersededList => self.answer_superseded(),
            Command::SupersededTake { id } => {
                let taken = self.take_superseded(id)?;
                Ok(Output::new(self.superseded_json(&taken)?, "Taken: it is a new change now."))
            }
            Command::SnapshotsList => self.answer_snapshots(),
            Command::SnapshotsShow { id } => {
                let json = snapshot_json(&self.store().snapshot(snapshot_id(&id)?)?);
                let text = serde_json::to_string_pretty(&json).unwrap_or_default();
                Ok(Output::new(json, text))
            }
            Command::SnapshotsRestore { id } => {
                let changes = self.restore_snapshot(snapshot_id(&id)?)?;
                let text = format!("{changes} records were brought back as new changes.");
                Ok(Output::new(json!({"restored": id, "changes": changes}), text))
            }
            Command::Import(order) => {
                let report = self.import(&order, administrator).await?;
                Ok(Output::new(as_json(&report)?, report.text()))
            }
            Command::ImportUndo(order) => {
                let report = self.undo_import(&order, administrator).await?;
                Ok(Output::new(as_json(&report)?, report.text()))
            }
            Command::ImportCancel => {
                let cancelled = self.cancel_import().await?;
                Ok(Output::new(as_json(&cancelled)?, cancelled.text()))
            }
            Command::ImportList => {
                let lines = self.imports()?;
                let text = lines.iter().map(ImportLine::text).collect::<Vec<_>>().join("\n");
                Ok(Output::new(lines.iter().map(line_json).collect(), text))
            }
            Command::Export(order) => {
                let report = self.export(&order, administrator).await?;
                let text = report.content.clone().unwrap_or_else(|| report.text());
                Ok(Output::new(as_json(&report)?, text))
            }
            Command::Prepare(order) => {
                let report = self.prepare(&order, &*self.profile()?, administrator).await?;
                let mut json = as_json(&report)?;
                json["time"] = report.time.to_string().into();
                json["users"] = report.count(SpaceKind::User).into();
                json["groups"] = report.count(SpaceKind::Group).into();
                json["records"] = report.records().into();
                Ok(Output::new(json, report.text()))
            }
            Command::Procedure { order, plan: true, .. } => {
                let plan = self.plan_procedure(&order, administrator).await?;
                Ok(Output::new(as_json(&plan)?, plan.text()))
            }
            Command::ProcedureUndo { id, plan: true, .. } => {
                let plan = self.plan_undo(id, administrator).await?;
                Ok(Output::new(as_json(&plan)?, plan.text()))
            }
            Command::ProcedureUndo { id, patience, .. } => {
                procedure(&self.undo_procedure(id, patience, administrator).await?)
            }
            Command::ProcedureShow { id } => {
                let report = self.procedure(id)?;
                Ok(Output::new(as_json(&report)?, report.full()))
            }
            Command::Procedure { order, patience, .. } => {
                procedure(&self.begin_procedure(&order, patience, administrator).await?)
            }
            Command::ProcedureResume { patience, secrets } => {
                procedure(&self.resume_procedure(patience, secrets, administrator).await?)
            }
            Command::ProcedureCancel => procedure(&self.cancel_procedure(administrator).await?),
            Command::ProcedureList => {
                let all = self.procedures()?;
                let lines = all.iter().map(|one| {
                    let began = one.began.as_deref().unwrap_or_default();
                    format!("{}  {began}  {}  {}", one.procedure, one.source.name, one.text)
                });
                let text = lines.collect::<Vec<_>>().join("\n");
                Ok(Output::new(as_json(&all)?, text))
            }
            Command::Item(command) => self.item(command, administrator).await,
            Command::Receiving { set } => {
                if let Some(receiving) = set {
                    self.prove_administrator(administrator).await?;
                    self.set_receiving(&receiving)?;
                }
                let receiving = self.receiving()?;
                Ok(Output::new(distribution::shown(&receiving), distribution::text(&receiving)))
            }
            Command::Log { most } => self.answer_log(most),
        }
    }
}

fn procedure(report: &ProcedureReport) -> Result<Output> {
    Ok(Output::new(as_json(report)?, report.lines()))
}

fn as_json(report: &impl Serialize) -> Result<Value> {
    Ok(serde_json::to_value(report).map_err(|error| Malformed(error.to_string()))?)
}
