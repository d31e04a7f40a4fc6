//! Rule 11 at a machine: stop here, back up and delete on the server, import here, start here, as one journalled workflow.
//!
//! The core's [`Procedure`] says what comes next; this carries it out. The journal is stored before each step, every step
//! may be repeated (the server knows its steps by the procedure's id, the import is known by its own, which is the
//! procedure's), and so an interrupted procedure goes on from its journal: `procedure --resume`.

use crate::{
    draw::{self, now},
    error::{Error, Result},
    import::{ImportOrder, ImportReport, Remark, check_items, read, read_bytes},
    lists::named_place,
    machine::Machine,
    store::live_of,
};
use core::{
    fmt::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
};
use sync_core::{
    address::{ADDRESS_TYPE, TYPE_FIELD},
    api::{self, ServerStep, StepAnswer, StepRequest},
    files::Note,
    id::{ImportId, ProcedureId, RecordId},
    item::Item,
    machine::SyncState,
    procedure::{
        Action, Event, Evidence, Failure, FileHash, ListMode, Order, Phase, Procedure, Refusal, Source, Step,
    },
    record::FieldName,
    space::{SpaceKind, SpaceName},
    value::Value,
};
use tokio::sync::broadcast;

/// The items of a procedure where none is named.
const ITEMS: [Item; 2] = [Item::PersonalAddressList, Item::UserGroupAddressList];

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
}

impl ProcedureOrder {
    /// A procedure that replaces the lists whose rows the file holds.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), items: Vec::new(), user: None, group: None, mode: ListMode::Replace }
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
    /// A line for people at each step.
    lines: broadcast::Sender<String>,
}

impl Default for Procedures {
    fn default() -> Self {
        Self {
            turn: tokio::sync::Mutex::new(()),
            cancel: AtomicBool::new(false),
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

/// A procedure for scripts: what was ordered, where it stands, and what each step left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureReport {
    /// Its id.
    pub procedure: ProcedureId,
    /// Where it stands, in a word: `planned`, `running`, `failed`, `cancelling`, `cancelled`, `finished`.
    pub phase: String,
    /// The same as a sentence.
    pub text: String,
    /// The step that runs or failed.
    pub step: Option<Step>,
    /// The users and groups concerned.
    pub spaces: Vec<SpaceName>,
    /// The items.
    pub items: Vec<Item>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// The file and its hash.
    pub source: Source,
    /// The steps that are done, with what they left behind.
    pub steps: Vec<sync_core::procedure::Done>,
    /// What the import did.
    pub import: Option<ImportReport>,
    /// What was odd.
    pub warnings: Vec<Remark>,
}

impl ProcedureReport {
    /// For people.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut text = format!("The procedure {} is {}.", self.procedure, self.text);
        if let Some(import) = &self.import {
            let _ = write!(text, "\n{}", import.text());
        }
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
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
        self.no_unfinished_procedure()?;
        if !self.store().identity().role().has_client() {
            return Err(denied(
                "no_client_function",
                "this machine has no client function to stop and start",
            ));
        }
        let items = if order.items.is_empty() { ITEMS.to_vec() } else { order.items.clone() };
        check_items(&items)?;
        if items.contains(&Item::AddressBook) {
            return Err(refused(Refusal::LocalSpace));
        }
        let bytes = read_bytes(&order.file)?;
        let unowned = named_place(&items, order.user.as_deref(), order.group.as_deref())?;
        let file = read(&bytes, &items, unowned.as_ref())?;
        let spaces = file.split.taken.keys().map(|place| self.space_at(place)).collect::<Result<Vec<_>>>()?;
        if spaces.is_empty() {
            return Err(Error::Denied {
                code: "nothing_to_import".into(),
                message: "the file holds no entry of what was asked for; nothing was changed".into(),
                remedy: "name a file with rows of users or groups".into(),
            });
        }
        let (known, warnings) = self.join_known(&spaces, token).await?;
        if known.is_empty() {
            return Err(denied("unknown_owner", "the server knows none of the users and groups of the file"));
        }
        let source = Source { name: order.file.display().to_string(), hash: hash(&bytes) };
        drop(bytes);
        let unowned = unowned.map(|place| self.space_at(&place)).transpose()?;
        let order = Order::new(known, items, source).with_mode(order.mode).with_unowned(unowned);
        let procedure = Procedure::new(ProcedureId(draw::uuid()?), order);
        self.procedures.cancel.store(false, Ordering::Relaxed);
        let procedure = self.drive(procedure, Event::Begin, patience, token).await?;
        self.ended(&procedure, warnings)
    }

    /// Refuses what would come between the steps of a procedure that is not over.
    ///
    /// # Errors
    /// `procedure_unfinished`, or what the disk says.
    pub(crate) fn no_unfinished_procedure(&self) -> Result<()> {
        match self.unfinished()? {
            None => Ok(()),
            Some(other) => Err(Error::Denied {
                code: "procedure_unfinished".into(),
                message: format!("the procedure {} is not over: {other}", other.id()),
                remedy:
                    "go on with it: sync-client procedure --resume, or end it: sync-client procedure --cancel"
                        .into(),
            }),
        }
    }

    /// Goes on with the procedure that is not over.
    ///
    /// # Errors
    /// `no_procedure`, or as [`Machine::begin_procedure`].
    pub async fn resume_procedure(
        &self,
        patience: Patience,
        administrator: Option<&str>,
    ) -> Result<ProcedureReport> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let _turn = self.procedures.turn.try_lock().map_err(|_| running())?;
        let procedure = self.unfinished()?.ok_or_else(none)?;
        self.procedures.cancel.store(false, Ordering::Relaxed);
        let procedure = self.drive(procedure, Event::Resume, patience, token).await?;
        self.ended(&procedure, Vec::new())
    }

    /// Ends the procedure that is not over where it stands; the server no longer reserves its spaces. What was done stays:
    /// the report says what.
    ///
    /// # Errors
    /// `no_procedure`, or what the server says: it stays cancelling then, and can be cancelled again.
    pub async fn cancel_procedure(&self, administrator: Option<&str>) -> Result<ProcedureReport> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let before = self.unfinished()?.ok_or_else(none)?.id();
        self.procedures.cancel.store(true, Ordering::Relaxed);
        let _turn = self.procedures.turn.lock().await;
        self.procedures.cancel.store(false, Ordering::Relaxed);
        let journals = self.store().journals::<Procedure>()?;
        let (_, procedure) = journals.into_iter().find(|(id, _)| *id == before).ok_or_else(none)?;
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
                Action::Over => break,
                Action::Refuse(refusal) => return Err(refused(refusal)),
                Action::Run(step) if self.procedures.cancel.swap(false, Ordering::Relaxed) => {
                    let failure = Failure {
                        code: "cancelled".into(),
                        message: "cancelled before it began".into(),
                        permanent: false,
                    };
                    vec![Event::Cancel, Event::StepFailed(step, failure)]
                }
                Action::Run(step) => vec![self.run_step(&procedure, step, patience, token).await],
                Action::EndReservation => {
                    match self.server_step(&procedure, ServerStep::Cancel, token).await {
                        Ok(_) => vec![Event::ReservationEnded],
                        Err(error) => vec![Event::ReservationNotEnded(failure(&error))],
                    }
                }
                // A later version of the core asks for something that this one can't do.
                other => return Err(denied("unknown_step", &format!("cannot carry out {other:?}"))),
            };
            for event in events {
                actions.extend(procedure.handle(event, now()));
            }
        }
        Ok(procedure)
    }

    async fn run_step(&self, procedure: &Procedure, step: Step, patience: Patience, token: &str) -> Event {
        self.say(format!("{step}: {}", about(step)));
        match self.step(procedure, step, patience, token).await {
            Ok(evidence) => {
                self.say(format!("{step}: {}", left_behind(&evidence)));
                Event::StepDone(evidence)
            }
            Err(error) => {
                self.say(format!("{step}: failed: {error}"));
                Event::StepFailed(step, failure(&error))
            }
        }
    }

    pub(crate) fn say(&self, line: String) {
        // Nobody may be listening.
        let _ = self.procedures.lines.send(line);
    }

    async fn step(
        &self,
        procedure: &Procedure,
        step: Step,
        patience: Patience,
        token: &str,
    ) -> Result<Evidence> {
        let order = procedure.order();
        match step {
            Step::Join => {
                self.join(order.spaces.clone(), token).await?;
                if self.state() != SyncState::Stopped {
                    self.level().await?;
                }
                let heads = self.store().heads(&order.spaces)?;
                let level = heads.into_iter().map(|(space, head)| {
                    let (generation, seen) = head.map_or((None, 0), |head| (head.generation, head.seen));
                    // A space that never was spoken of begins in its first generation.
                    (space, generation.unwrap_or(1), seen)
                });
                Ok(Evidence::Joined { level: level.collect() })
            }
            Step::Stop => Ok(Evidence::Stopped { unsent: self.stop(patience.stop).await? }),
            Step::BackUp => match self.server_step(procedure, ServerStep::BackUp, token).await? {
                StepAnswer::BackedUp(made) => {
                    let hash = made.sha256.parse().map_err(|error| unreadable(&format!("{error}")))?;
                    Ok(Evidence::BackedUp { backup: made.name, hash })
                }
                other => Err(unreadable(&format!("{other:?}"))),
            },
            Step::Delete => self.delete(procedure, patience, token).await,
            Step::Import => self.import_of(procedure, token).await,
            Step::Start => self.start_of(procedure, patience, token).await,
        }
    }

    async fn delete(&self, procedure: &Procedure, patience: Patience, token: &str) -> Result<Evidence> {
        let spaces = procedure.order().spaces.clone();
        let reserve_for = patience.reserve.as_secs();
        let asked = now();
        let step = ServerStep::Delete { spaces, reserve_for };
        let deleted = match self.server_step(procedure, step, token).await? {
            StepAnswer::Deleted(deleted) => deleted,
            other => return Err(unreadable(&format!("{other:?}"))),
        };
        let joined: BTreeMap<&SpaceName, u64> = procedure
            .done()
            .iter()
            .filter_map(|done| match &done.evidence {
                Evidence::Joined { level } => Some(level),
                _ => None,
            })
            .flatten()
            .map(|(space, generation, _)| (space, *generation))
            .collect();
        // The answer names no generation; it is the one after that which the machine joined.
        let next = |space: &SpaceName| joined.get(space).copied().unwrap_or(1) + 1;
        Ok(Evidence::Deleted {
            spaces: deleted.iter().map(|one| (one.space.clone(), next(&one.space))).collect(),
            snapshots: deleted.iter().filter_map(|one| one.snapshot).collect(),
            reserved_until: asked.plus(patience.reserve),
        })
    }

    async fn import_of(&self, procedure: &Procedure, token: &str) -> Result<Evidence> {
        let (order, id) = (procedure.order(), import_id(procedure));
        if let Some(did) = self.store().imported::<ImportReport>(id)? {
            return Ok(Evidence::Imported { import: id, records: did.touched() });
        }
        let file = Path::new(&order.source.name);
        let bytes = read_bytes(file)?;
        let found = hash(&bytes);
        if found != order.source.hash {
            return Err(Error::Denied {
                code: "file_changed".into(),
                message: format!(
                    "{} is not the file with which the procedure began (SHA-256 {found}, it was {})",
                    file.display(),
                    order.source.hash
                ),
                remedy: "put the old file back and resume, or cancel and begin again".into(),
            });
        }
        let unowned =
            |kind| order.unowned.as_ref().filter(|space| space.kind == kind).map(|space| space.name.clone());
        let import = ImportOrder {
            items: order.items.clone(),
            user: unowned(SpaceKind::User),
            group: unowned(SpaceKind::Group),
            mode: order.mode,
            ..ImportOrder::new(file)
        };
        let did = self.import_as(id, &import, Some(bytes), Some(&order.spaces), Some(token)).await?;
        Ok(Evidence::Imported { import: id, records: did.touched() })
    }

    /// Starts, and waits until what was imported is the server's.
    async fn start_of(&self, procedure: &Procedure, patience: Patience, token: &str) -> Result<Evidence> {
        let spaces = &procedure.order().spaces;
        let until = now().plus(patience.start);
        self.start(patience.start).await?;
        loop {
            let level = {
                let store = self.store();
                let standings = store.spaces()?;
                let ours = standings.iter().filter(|standing| spaces.contains(&standing.name));
                store.state() == SyncState::InProgress
                    && ours.into_iter().all(|s| {
                        !s.head.stopped && !s.head.unpulled && s.head.start.is_none() && s.outbox == 0
                    })
            };
            if level {
                break;
            }
            if now() >= until {
                let error = self.contact().error.map(|(_, report)| Error::Told(report));
                return Err(error.unwrap_or_else(|| Error::Denied {
                    code: "start_not_level".into(),
                    message: "the start goes on, but not everything has been sent yet".into(),
                    remedy: "wait, then resume the procedure".into(),
                }));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let set_aside = self.set_aside(procedure)?;
        // The start ended the reservation of what was sent into; this ends that of a list which was left empty. Where it
        // does not arrive, the set time does.
        let _ = self.server_step(procedure, ServerStep::Cancel, token).await;
        Ok(Evidence::Started { set_aside })
    }

    /// The spaces in which the server had data before the copy arrived: nothing of what was kept at the start is there.
    fn set_aside(&self, procedure: &Procedure) -> Result<Vec<SpaceName>> {
        let since = procedure.done().last().map(|done| done.at).unwrap_or_default();
        let store = self.store();
        let mut set_aside = Vec::new();
        for row in store.snapshots()? {
            let ours = procedure.order().spaces.contains(&row.space) && !set_aside.contains(&row.space);
            if !ours || row.time < since || !matches!(&*row.reason, "start" | "occupied") {
                continue;
            }
            let is_address = |fields: &BTreeMap<FieldName, Value>| {
                fields.get(TYPE_FIELD).and_then(Value::as_text) == Some(ADDRESS_TYPE)
            };
            let kept = live_of(&store.snapshot(row.id)?);
            let kept: Vec<RecordId> =
                kept.into_iter().filter(|(_, fields)| is_address(fields)).map(|(id, _)| id).collect();
            let stands = store.live(&row.space)?;
            if !kept.is_empty() && !kept.iter().any(|id| stands.contains_key(id)) {
                set_aside.push(row.space);
            }
        }
        Ok(set_aside)
    }

    async fn server_step(&self, procedure: &Procedure, step: ServerStep, token: &str) -> Result<StepAnswer> {
        let request = StepRequest { procedure: procedure.id(), step };
        self.link()?.call_with_administrator(&api::PROCEDURE, &request, token).await
    }

    fn procedure_report(&self, procedure: &Procedure, mut warnings: Vec<Note>) -> Result<ProcedureReport> {
        let (phase, step) = match procedure.phase() {
            Phase::Planned => ("planned", None),
            Phase::Running { step } => ("running", Some(*step)),
            Phase::Failed { step, .. } => ("failed", Some(*step)),
            Phase::Cancelling { in_flight, .. } => ("cancelling", *in_flight),
            Phase::Cancelled { .. } => ("cancelled", None),
            Phase::Finished { .. } => ("finished", None),
            _ => ("unknown", None),
        };
        for done in procedure.done() {
            match &done.evidence {
                Evidence::Started { set_aside } if !set_aside.is_empty() => {
                    let names: Vec<String> = set_aside.iter().map(ToString::to_string).collect();
                    let text = format!(
                        "the server had data of {} before the import arrived; there the server's stands, and the import \
                         is kept as a snapshot: sync-client snapshots list",
                        names.join(", ")
                    );
                    warnings.push(Note::new(None, "set_aside", text));
                }
                Evidence::Stopped { unsent } if *unsent > 0 => {
                    let text = format!("{unsent} changes could not be sent before the stop");
                    warnings.push(Note::new(None, "unsent", text));
                }
                _ => {}
            }
        }
        if matches!(procedure.phase(), Phase::Cancelled { .. }) {
            warnings.extend(left_by_cancel(procedure));
        }
        let order = procedure.order();
        Ok(ProcedureReport {
            procedure: procedure.id(),
            phase: phase.into(),
            text: procedure.to_string(),
            step,
            spaces: order.spaces.clone(),
            items: order.items.clone(),
            mode: order.mode,
            source: order.source.clone(),
            steps: procedure.done().to_vec(),
            import: self.store().imported(import_id(procedure))?,
            warnings: warnings.into_iter().map(Remark::from).collect(),
        })
    }

    /// The report of a procedure that has come to rest; a failed step is an error.
    fn ended(&self, procedure: &Procedure, warnings: Vec<Note>) -> Result<ProcedureReport> {
        let failed = match procedure.phase() {
            Phase::Failed { step, failure, .. } => Some((format!("the step `{step}`"), failure)),
            Phase::Cancelling { failure: Some(failure), .. } => {
                Some(("ending the reservation".to_string(), failure))
            }
            _ => None,
        };
        if let Some((what, failure)) = failed {
            let again = if failure.permanent {
                "put right what is said there, then go on"
            } else {
                "go on when it has passed"
            };
            return Err(Error::Denied {
                code: failure.code.clone(),
                message: format!("{what} of the procedure {} failed: {}", procedure.id(), failure.message),
                remedy: format!(
                    "{again}: sync-client procedure --resume; or end it where it is: sync-client procedure --cancel"
                ),
            });
        }
        self.procedure_report(procedure, warnings)
    }
}

/// What stands after a cancel, and what brings it back.
fn left_by_cancel(procedure: &Procedure) -> Vec<Note> {
    let left = procedure.done().iter().filter_map(|done| match &done.evidence {
        Evidence::Stopped { .. } => {
            Some(Note::new(None, "stopped", "the client function stays stopped; start it: sync-client start"))
        }
        Evidence::Deleted { spaces, .. } => {
            let backup = procedure.done().iter().find_map(|done| match &done.evidence {
                Evidence::BackedUp { backup, .. } => Some(backup.as_str()),
                _ => None,
            });
            let names: Vec<String> = spaces.iter().map(|(space, _)| space.to_string()).collect();
            let text = format!(
                "{} stay deleted on the server; the backup {} brings them back",
                names.join(", "),
                backup.unwrap_or("before it")
            );
            Some(Note::new(None, "deleted", text))
        }
        Evidence::Imported { .. } => {
            let text =
                "this machine's copy stays imported; what was before is kept: sync-client snapshots list";
            Some(Note::new(None, "imported", text))
        }
        _ => None,
    });
    left.collect()
}

/// The import of a procedure bears the procedure's id, so that a resumed one knows it without a journal of its own.
fn import_id(procedure: &Procedure) -> ImportId {
    ImportId(procedure.id().0)
}

pub(crate) fn hash(bytes: &[u8]) -> FileHash {
    FileHash(Sha256::digest(bytes).into())
}

fn failure(error: &Error) -> Failure {
    Failure {
        code: error.code().to_string(),
        message: format!("{error}; {}", error.remedy()),
        permanent: !error.is_of_the_network() && error.code() != "start_not_level",
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

fn left_behind(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Joined { level } => format!("{} lists are at this machine", level.len()),
        Evidence::Stopped { unsent } => format!("stopped; {unsent} changes unsent"),
        Evidence::BackedUp { backup, .. } => format!("the backup is {backup}"),
        Evidence::Deleted { spaces, .. } => {
            format!("{} lists are empty and reserved for this machine", spaces.len())
        }
        Evidence::Imported { records, .. } => format!("{records} entries changed"),
        Evidence::Started { set_aside } if set_aside.is_empty() => "the fleet has what was imported".into(),
        Evidence::Started { set_aside } => format!("{} lists were set aside", set_aside.len()),
    }
}
