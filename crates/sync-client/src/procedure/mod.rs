//! Rule 11 at a machine: stop here, back up and delete on the server, import here, start here, as one journalled workflow,
//! and the way back.
//!
//! The core's [`Procedure`] says what comes next; this carries it out. The journal is stored before each step, every step
//! may be repeated (the server knows its steps by the procedure's id, the import is known by its own, which is the
//! procedure's), and so an interrupted procedure goes on from its journal: `procedure --resume`.
//!
//! | room | what is in it |
//! | --- | --- |
//! | this one | what is ordered, beginning, going on, ending |
//! | `steps` | each step |
//! | `undo` | the way back, step by step |
//! | `plan` | what a procedure would do |
//! | `report` | the same for people and scripts |

mod plan;
mod report;
mod steps;
mod undo;

pub use plan::{ProcedurePlan, SpacePlan, StepPlan};
pub use report::ProcedureReport;
pub use undo::UndoPlan;

use crate::{
    draw::{self, now},
    error::{Error, Result},
    import::{
        FileSecrets, ImportOrder, Looked, Read, check_items, hash_of, is_bundle, look, read, read_bytes,
    },
    lists::named_place,
    machine::Machine,
};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{collections::VecDeque, path::PathBuf};
use sync_core::{
    api::{self, ServerStep, StepAnswer, StepRequest},
    files::{Place, ReadOptions},
    id::{ImportId, ProcedureId},
    item::Item,
    machine::SyncState,
    procedure::{Action, Event, Failure, FileHash, ListMode, Order, Phase, Procedure, Refusal, Source, Step},
    rules::Operation,
    space::SpaceName,
};
use tokio::sync::{Notify, broadcast};

/// The items of a procedure where none is named.
const ITEMS: [Item; 2] = [Item::PersonalAddressList, Item::UserGroupAddressList];
/// Those of a bundle.
const BUNDLE_ITEMS: [Item; 2] = [Item::PersonalSettings, Item::UserGroupAddressList];

/// How a bundle's items are imported: an address list alone individually; what exists only in a batch, and what goes with
/// it, as one.
fn in_batch(items: &[Item]) -> bool {
    !items.contains(&Item::PersonalAddressList)
}

/// What is to be brought into the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureOrder {
    /// The file.
    pub file: PathBuf,
    /// The items that are taken from it; personal and group lists where none is named.
    pub items: Vec<Item>,
    /// The user to whom rows without an owner go.
    pub user: Option<String>,
    /// The group to which rows without an owner go.
    pub group: Option<String>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// What opens the file, where it is an encrypted bundle. It is not in the journal: whoever resumes says it again.
    #[serde(default)]
    pub secrets: FileSecrets,
}

impl ProcedureOrder {
    /// A procedure that replaces the lists whose rows the file holds.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            items: Vec::new(),
            user: None,
            group: None,
            mode: ListMode::Replace,
            secrets: FileSecrets::default(),
        }
    }
}

/// How patiently the steps are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// How long the stop sends what waits.
    pub stop: Duration,
    /// How long the server keeps the deleted spaces free for this machine, unless its start comes before.
    pub reserve: Duration,
    /// How long the start may take.
    pub start: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stop: Duration::from_secs(10),
            reserve: Duration::from_secs(3600),
            start: Duration::from_secs(60),
        }
    }
}

/// The procedures of one machine: one at a time.
#[derive(Debug)]
pub(crate) struct Procedures {
    turn: tokio::sync::Mutex<()>,
    /// Somebody wants the running one to end.
    cancel: AtomicBool,
    /// Said to whoever waits for the server.
    cancelled: Notify,
    /// What opens the file of the one that runs; forgotten with this process.
    pub(super) secrets: parking_lot::Mutex<FileSecrets>,
    /// A line for people at each step.
    lines: broadcast::Sender<String>,
}

impl Default for Procedures {
    fn default() -> Self {
        Self {
            turn: tokio::sync::Mutex::new(()),
            cancel: AtomicBool::new(false),
            cancelled: Notify::new(),
            secrets: parking_lot::Mutex::default(),
            lines: broadcast::channel(64).0,
        }
    }
}

impl Procedures {
    /// What is told to people from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<String> {
        self.lines.subscribe()
    }
}

/// What a file holds.
enum Rows {
    Addresses(Read),
    Bundle(Box<Looked>),
}

/// A file, read for a procedure.
struct Prepared {
    items: Vec<Item>,
    source: Source,
    unowned: Option<Place>,
    file: Rows,
    /// Those whose rows it holds.
    spaces: Vec<SpaceName>,
}

impl Machine {
    /// Runs a procedure from its beginning.
    ///
    /// # Errors
    /// What the file, the server and the rules say before it begins: nothing was changed then. `procedure_unfinished`
    /// where another one is not over. A step that fails: its code, with what to do; the journal keeps where it stands.
    pub async fn begin_procedure(
        &self,
        order: &ProcedureOrder,
        patience: Patience,
        administrator: Option<&str>,
    ) -> Result<ProcedureReport> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let _turn = self.procedures.turn.try_lock().map_err(|_| running())?;
        // From here on, also while the file is read.
        self.procedures.cancel.store(false, Ordering::Relaxed);
        let Prepared { items, source, unowned, spaces, .. } = self.gather(order).await?;
        let (known, warnings) = self.join_known(&spaces, token).await?;
        if known.is_empty() {
            return Err(unknown_owner());
        }
        let unowned = unowned.map(|place| self.space_at(&place)).transpose()?;
        let secrets = order.secrets.clone();
        let by = self.store().user().map_or_else(|| "administrator".into(), str::to_string);
        let order = Order::new(known, items, source)
            .with_mode(order.mode)
            .with_unowned(unowned)
            .with_origin(Some(by), self.state() != SyncState::Stopped);
        let procedure = Procedure::new(ProcedureId(draw::uuid()?), order);
        *self.procedures.secrets.lock() = secrets;
        let procedure = self.drive(procedure, Event::Begin, patience, token).await?;
        self.ended(&procedure, warnings)
    }

    /// Reads the file of a procedure, and looks whether one may begin; nothing is changed.
    async fn gather(&self, order: &ProcedureOrder) -> Result<Prepared> {
        self.no_unfinished_procedure()?;
        if !self.store().identity().role().has_client() {
            return Err(denied(
                "no_client_function",
                "this machine has no client function to stop and start",
            ));
        }
        let bundle = is_bundle(&order.file);
        let items = match &*order.items {
            [] if bundle => BUNDLE_ITEMS.to_vec(),
            [] => ITEMS.to_vec(),
            items => items.to_vec(),
        };
        if !bundle {
            check_items(&items)?;
        }
        if items.iter().any(|item| !item.is_personalized()) {
            return Err(refused(Refusal::LocalSpace));
        }
        let file = if bundle { self.look(order, &items).await? } else { self.read_addresses(order, &items)? };
        if file.spaces.is_empty() {
            return Err(Error::Denied {
                code: "nothing_to_import".into(),
                message: "the file holds no entry of what was asked for; nothing was changed".into(),
                remedy: "name a file with rows of users or groups".into(),
            });
        }
        self.will_be_permitted(order, &file)?;
        Ok(file)
    }

    /// What would refuse the import is asked before anything is deleted for it.
    fn will_be_permitted(&self, order: &ProcedureOrder, prepared: &Prepared) -> Result<()> {
        let Rows::Bundle(looked) = &prepared.file else {
            return self.permitted_once_stopped(&Operation::Import.into(), &prepared.items);
        };
        let import = ImportOrder {
            batch: in_batch(&prepared.items),
            items: prepared.items.clone(),
            secrets: order.secrets.clone(),
            ..ImportOrder::new(&order.file)
        };
        let source = self.source_of(looked.manifest(), &import)?;
        self.permitted_once_stopped(&source, &Vec::from_iter(looked.items()))
    }

    fn read_addresses(&self, order: &ProcedureOrder, items: &[Item]) -> Result<Prepared> {
        let bytes = read_bytes(&order.file)?;
        let unowned = named_place(items, order.user.as_deref(), order.group.as_deref())?;
        let file = read(&bytes, items, unowned.as_ref(), &ReadOptions::default())?;
        let spaces = file.split.taken.keys().map(|place| self.space_at(place)).collect::<Result<Vec<_>>>()?;
        let source = Source { name: order.file.display().to_string(), hash: hash(&bytes) };
        Ok(Prepared { items: items.to_vec(), source, unowned, file: Rows::Addresses(file), spaces })
    }

    async fn look(&self, order: &ProcedureOrder, items: &[Item]) -> Result<Prepared> {
        let named = named_place(&[], order.user.as_deref(), order.group.as_deref())?;
        let (realm, secrets) = (self.realm()?, order.secrets.clone());
        let (path, wanted, bound) = (order.file.clone(), items.to_vec(), named.clone());
        let job = move || {
            Ok((look(&path, &wanted, bound.as_ref(), Some(&realm), &secrets)?, FileHash(hash_of(&path)?)))
        };
        let looked: Result<(Looked, FileHash)> =
            tokio::task::spawn_blocking(job).await.map_err(|_| running())?;
        let (looked, hash) = looked?;
        // What is local to a machine, its device-specific settings too, is not the fleet's.
        let spaces = looked.spaces().into_iter().filter(SpaceName::synchronizes).collect();
        let source = Source { name: order.file.display().to_string(), hash };
        Ok(Prepared {
            items: items.to_vec(),
            source,
            unowned: named,
            file: Rows::Bundle(Box::new(looked)),
            spaces,
        })
    }

    /// Refuses what would come between the steps of a procedure that is not over.
    ///
    /// # Errors
    /// `procedure_unfinished`, or what the disk says.
    pub(crate) fn no_unfinished_procedure(&self) -> Result<()> {
        match self.unfinished()? {
            None => Ok(()),
            Some(other) => Err(unfinished(&other)),
        }
    }

    /// Goes on with the procedure, or the undo, that is not over.
    ///
    /// # Errors
    /// `no_procedure`, or as [`Machine::begin_procedure`].
    pub async fn resume_procedure(
        &self,
        patience: Patience,
        secrets: FileSecrets,
        administrator: Option<&str>,
    ) -> Result<ProcedureReport> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let _turn = self.procedures.turn.try_lock().map_err(|_| running())?;
        let procedure = self.unfinished()?.ok_or_else(none)?;
        *self.procedures.secrets.lock() = secrets;
        self.procedures.cancel.store(false, Ordering::Relaxed);
        let procedure = self.drive(procedure, Event::Resume, patience, token).await?;
        self.ended(&procedure, Vec::new())
    }

    /// Ends the procedure, or the undo, that is not over where it stands, or the one that is about to begin; the server no longer reserves its spaces, and
    /// does none of its steps any more. What was done stays: the report says what.
    ///
    /// # Errors
    /// `no_procedure`, or what the server says: it stays cancelling then, and can be cancelled again.
    pub async fn cancel_procedure(&self, administrator: Option<&str>) -> Result<ProcedureReport> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let unfinished = self.unfinished()?.map(|procedure| procedure.id());
        let newest = self.newest()?;
        if unfinished.is_none() && self.procedures.turn.try_lock().is_ok() {
            return Err(none());
        }
        self.procedures.cancel.store(true, Ordering::Relaxed);
        self.procedures.cancelled.notify_waiters();
        let _turn = self.procedures.turn.lock().await;
        self.procedures.cancel.store(false, Ordering::Relaxed);
        // One that had no journal yet, as its file was being read, has one now, unless it could not begin.
        let begun = || Ok::<_, Error>(self.newest()?.filter(|id| Some(*id) != newest));
        let id = unfinished.map_or_else(begun, |id| Ok(Some(id)))?.ok_or_else(none)?;
        let procedure = self.procedure_of(id)?;
        if procedure.is_over() {
            return self.ended(&procedure, Vec::new());
        }
        let mut procedure = self.drive(procedure, Event::Cancel, Patience::default(), token).await?;
        if matches!(procedure.phase(), Phase::Cancelling { in_flight: Some(_), .. }) {
            // Nobody runs the step any more: the process that did is gone.
            procedure = self.drive(procedure, Event::Resume, Patience::default(), token).await?;
        }
        self.ended(&procedure, Vec::new())
    }

    /// All procedures that this machine remembers, the newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn procedures(&self) -> Result<Vec<ProcedureReport>> {
        let journals = self.store().journals::<Procedure>()?;
        journals.iter().map(|(_, procedure)| self.procedure_report(procedure, Vec::new())).collect()
    }

    /// One procedure.
    ///
    /// # Errors
    /// `unknown_procedure`, or what the disk says.
    pub fn procedure(&self, id: ProcedureId) -> Result<ProcedureReport> {
        self.procedure_report(&self.procedure_of(id)?, Vec::new())
    }

    fn newest(&self) -> Result<Option<ProcedureId>> {
        Ok(self.store().journals::<Procedure>()?.first().map(|(id, _)| *id))
    }

    fn procedure_of(&self, id: ProcedureId) -> Result<Procedure> {
        let journals = self.store().journals::<Procedure>()?;
        let found = journals.into_iter().find(|(known, _)| *known == id);
        found.map(|(_, procedure)| procedure).ok_or_else(|| unknown(&id.to_string()))
    }

    /// The procedure that is not over.
    ///
    /// # Errors
    /// What the disk says.
    pub fn unfinished(&self) -> Result<Option<Procedure>> {
        let journals = self.store().journals::<Procedure>()?;
        Ok(journals.into_iter().map(|(_, procedure)| procedure).find(|procedure| !procedure.is_over()))
    }

    /// Carries out what the procedure asks for, until it is over or waits for somebody.
    async fn drive(
        &self,
        mut procedure: Procedure,
        event: Event,
        patience: Patience,
        token: &str,
    ) -> Result<Procedure> {
        let mut actions = VecDeque::from(procedure.handle(event, now()));
        while let Some(action) = actions.pop_front() {
            let events = match action {
                Action::Save => {
                    self.store().set_journal(procedure.id(), &procedure, now())?;
                    continue;
                }
                Action::Over => {
                    if matches!(procedure.phase(), Phase::Undone { .. }) {
                        self.store().forget_images(procedure.id())?;
                    }
                    self.store().forget_old_procedures(now())?;
                    break;
                }
                Action::Refuse(refusal) => return Err(refused(refusal)),
                Action::Run(step) if self.procedures.cancel.swap(false, Ordering::Relaxed) => {
                    vec![Event::Cancel, Event::StepFailed(step, failure(&cancelled()))]
                }
                Action::Undo(_) if self.procedures.cancel.swap(false, Ordering::Relaxed) => {
                    vec![Event::Cancel]
                }
                Action::Run(step) => vec![self.run_step(&procedure, step, patience, token).await],
                Action::Undo(step) => vec![self.undo_step(&procedure, step, patience, token).await],
                Action::EndReservation => vec![self.end_reservation(&procedure, token).await],
                // A later version of the core asks for something that this one can't do.
                other => return Err(denied("unknown_step", &format!("cannot carry out {other:?}"))),
            };
            for event in events {
                actions.extend(procedure.handle(event, now()));
            }
        }
        Ok(procedure)
    }

    pub(crate) fn say(&self, line: String) {
        // Nobody may be listening.
        let _ = self.procedures.lines.send(line);
    }

    async fn server_step(&self, procedure: ProcedureId, step: ServerStep, token: &str) -> Result<StepAnswer> {
        let request = StepRequest { procedure, step };
        self.link()?.call_with_administrator(&api::PROCEDURE, &request, token).await
    }
}

/// The import of a procedure bears the procedure's id, so that a resumed one knows it without a journal of its own.
fn import_id(procedure: &Procedure) -> ImportId {
    ImportId(procedure.id().0)
}

pub(crate) fn hash(bytes: &[u8]) -> FileHash {
    FileHash(Sha256::digest(bytes).into())
}

fn failure(error: &Error) -> Failure {
    let passes = error.is_of_the_network() || matches!(error.code(), "start_not_level" | "cancelled");
    Failure {
        code: error.code().to_string(),
        message: format!("{error}; {}", error.remedy()),
        permanent: !passes,
    }
}

fn denied(code: &str, message: &str) -> Error {
    Error::Denied {
        code: code.into(),
        message: message.into(),
        remedy: "see sync-client procedure --help".into(),
    }
}

fn refused(refusal: Refusal) -> Error {
    denied(refusal.code(), &refusal.to_string())
}

fn none() -> Error {
    denied("no_procedure", "no procedure is waiting at this machine")
}

fn unknown(id: &str) -> Error {
    Error::Denied {
        code: "unknown_procedure".into(),
        message: format!("this machine remembers no procedure {id}"),
        remedy: "list them: sync-client procedure --list".into(),
    }
}

fn unknown_owner() -> Error {
    denied("unknown_owner", "the server knows none of the users and groups of the file")
}

fn cancelled() -> Error {
    Error::Denied {
        code: "cancelled".into(),
        message: "cancelled before it was done".into(),
        remedy: "look where it stands: sync-client procedure --list".into(),
    }
}

fn unfinished(other: &Procedure) -> Error {
    Error::Denied {
        code: "procedure_unfinished".into(),
        message: format!("the procedure {} is not over: {other}", other.id()),
        remedy: "go on with it: sync-client procedure --resume, take it back: sync-client procedure --undo, or end it \
                 where it is: sync-client procedure --cancel"
            .into(),
    }
}

fn running() -> Error {
    Error::Denied {
        code: "procedure_running".into(),
        message: "a procedure is running at this machine".into(),
        remedy: "wait for it, or end it: sync-client procedure --cancel".into(),
    }
}

fn unreadable(cause: &str) -> Error {
    Error::UnreadableAnswer { server: "the server".into(), cause: cause.into() }
}

/// What a step is about, for people who wait.
fn about(step: Step) -> &'static str {
    match step {
        Step::Join => "fetching the lists concerned",
        Step::Stop => "sending what waits, and stopping the client function",
        Step::BackUp => "backing up on the server",
        Step::Delete => "deleting the lists concerned on the server, which keeps them recoverable",
        Step::Import => "importing the file",
        Step::Start => "starting the client function, and sending what was imported",
    }
}

/// What the undoing of a step is about.
fn about_undoing(step: Step) -> &'static str {
    match step {
        Step::Start => "stopping the client function",
        Step::Import => "making this machine's copy what it was before the import",
        Step::Delete => "bringing back on the server what was deleted, and taking out what was imported",
        Step::Stop => "starting the client function, where it synchronized before",
        Step::Join | Step::BackUp => "nothing: it stays",
    }
}
