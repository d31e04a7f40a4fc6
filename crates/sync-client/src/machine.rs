//! One machine: its data folder, its round trips with the server, and its client function.
//!
//! [`Machine::run`] is the client function: it waits for what the core's session asks for and carries it out. Everything
//! else may be called meanwhile, from the same thread or another: no lock is held while the network is waited for.

use crate::{
    bundle::Work,
    connection::{Connection, Target},
    draw::{self, now},
    error::{Error, ErrorReport, Result},
    facts::Counts,
    import::Imports,
    procedure::Procedures,
    store::{Level, Progress, Report, Store},
};
use core::{convert::Infallible, future::Future, pin::Pin, time::Duration};
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};
use sync_core::{
    api,
    catalogue::Catalogue,
    machine::SyncState,
    protocol::{LoginRequest, Membership, SyncAnswer, WaitRequest, Waited},
    replica::{Action, Event, Pace, Session},
    time::Timestamp,
};
use tokio::sync::Notify;

/// How a machine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How often, and how patiently, it speaks to its server.
    pub pace: Pace,
    /// How long a login waits for the server.
    pub login: Duration,
    /// How long proving an administrator waits for the server.
    pub proof: Duration,
    /// How much work the pass phrase of a bundle makes.
    pub bundle_work: Work,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            login: Duration::from_secs(3),
            proof: Duration::from_secs(3),
            bundle_work: Work::default(),
        }
    }
}

/// When the server was last heard of, and what went wrong last.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// The last answer.
    pub last: Option<Timestamp>,
    /// The last failure, until the next answer.
    pub error: Option<(Timestamp, ErrorReport)>,
}

/// One machine. Owns its data folder while it lives.
pub struct Machine {
    folder: PathBuf,
    options: Options,
    /// What settings there are.
    pub(crate) catalogue: Catalogue,
    store: Arc<Mutex<Store>>,
    link: Mutex<Option<Connection>>,
    session: Mutex<Session>,
    events: Mutex<VecDeque<Event>>,
    contact: Mutex<Contact>,
    /// The people whose login the server refused, until whoever logged them in has been told.
    pub(crate) refused: Mutex<BTreeMap<String, ErrorReport>>,
    /// What all round trips since the opening came to.
    totals: Mutex<Report>,
    /// Something happened to the session.
    wake: Notify,
    /// A distribution is due.
    pub(crate) due: Notify,
    /// What this process proves its own authority by, where it carries out what the server's administrator ordered. Drawn
    /// at the opening, and never written or sent.
    pub(crate) own_authority: String,
    /// One round trip at a time.
    turn: tokio::sync::Mutex<()>,
    /// One procedure at a time, and what it tells people meanwhile.
    pub(crate) procedures: Procedures,
    /// How many of each process run (rule 7).
    pub(crate) running: Counts,
    /// One import at a time, and how far it is.
    pub(crate) imports: Imports,
    /// The operating system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl core::fmt::Debug for Machine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Machine").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Machine {
    /// Opens, or makes, a machine's data folder.
    ///
    /// # Errors
    /// [`Error::FolderInUse`] where another process owns it; else what the disk says.
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        let lock = lock(folder)?;
        let own_authority = draw::secret()?;
        let store = Store::open(folder)?;
        let session = Session::new(options.pace, store.state(), now());
        if session.state() != store.state() {
            // A pause does not outlive the import that asked for it.
            let mut store = store;
            store.set_state(session.state())?;
            return Ok(Self::with(folder, options, store, session, own_authority, lock));
        }
        Ok(Self::with(folder, options, store, session, own_authority, lock))
    }

    fn with(
        folder: &Path,
        options: Options,
        store: Store,
        session: Session,
        own_authority: String,
        lock: File,
    ) -> Self {
        Self {
            folder: folder.into(),
            options,
            catalogue: Catalogue::built_in(),
            store: Arc::new(Mutex::new(store)),
            link: Mutex::new(None),
            session: Mutex::new(session),
            events: Mutex::new(VecDeque::new()),
            contact: Mutex::new(Contact::default()),
            refused: Mutex::new(BTreeMap::new()),
            totals: Mutex::new(Report::default()),
            wake: Notify::new(),
            due: Notify::new(),
            own_authority,
            turn: tokio::sync::Mutex::new(()),
            procedures: Procedures::default(),
            running: Counts::default(),
            imports: Imports::default(),
            _lock: lock,
        }
    }

    /// The same machine, with the settings that its firmware supplies.
    #[must_use]
    pub fn with_catalogue(self, catalogue: Catalogue) -> Self {
        Self { catalogue, ..self }
    }

    /// Its data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// The durable replica. Never held while the network is waited for.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    /// The same for a thread that works beside the one which waits for it.
    pub(crate) fn store_handle(&self) -> Arc<Mutex<Store>> {
        self.store.clone()
    }

    /// Where its client function stands.
    #[must_use]
    pub fn state(&self) -> SyncState {
        self.store().state()
    }

    /// When the server was last heard of.
    #[must_use]
    pub fn contact(&self) -> Contact {
        self.contact.lock().clone()
    }

    /// What all round trips since the opening came to.
    #[must_use]
    pub fn totals(&self) -> Report {
        self.totals.lock().clone()
    }

    /// A new attempt: what failed before says nothing of it.
    pub(crate) fn forget_error(&self) {
        self.contact.lock().error = None;
    }

    /// The connection to the server, made when it is first used.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], [`Error::ServerNotFound`].
    pub fn link(&self) -> Result<Connection> {
        let mut link = self.link.lock();
        if let Some(link) = &*link {
            return Ok(link.clone());
        }
        let made = Connection::new(Target::of(self.store().identity())?)?;
        *link = Some(made.clone());
        Ok(made)
    }

    /// The server's address or certificate changed: the next contact makes a new connection.
    pub(crate) fn drop_link(&self) {
        *self.link.lock() = None;
    }

    /// Tells the client function that something happened; [`Machine::run`] takes it up.
    pub fn tell(&self, event: Event) {
        self.events.lock().push_back(event);
        self.wake.notify_one();
    }

    /// Whether [`Machine::run`] has taken up all that it was told.
    pub(crate) fn took_up_all(&self) -> bool {
        self.events.lock().is_empty()
    }

    /// A person changed something that synchronizes.
    pub fn changed(&self) {
        self.tell(Event::Changed);
    }

    /// The client function, until it is dropped. A failure of the network is its daily bread; it returns only when the
    /// replica itself cannot be read or written.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn run(&self) -> Result<Infallible> {
        let mut round: Option<Pin<Box<dyn Future<Output = Result<Report>> + Send + '_>>> = None;
        // The server tells as soon as something has moved; once after each round trip that went well.
        let mut news: Option<Pin<Box<dyn Future<Output = bool> + Send + '_>>> = None;
        let mut event = Event::Tick;
        loop {
            self.imports.store_is_free().await;
            let actions = self.session.lock().handle(event, now(), draw::number()?);
            let mut at = None;
            for action in actions.into_iter().flatten() {
                match action {
                    Action::Keep(state) => self.store().set_state(state)?,
                    Action::Sync if round.is_none() => round = Some(Box::pin(self.round())),
                    Action::Sync => {}
                    Action::Wake(moment) => at = Some(moment),
                }
            }
            let under_way = async {
                match &mut round {
                    Some(round) => round.await,
                    None => core::future::pending().await,
                }
            };
            let told = async {
                match &mut news {
                    Some(news) => news.await,
                    None => core::future::pending().await,
                }
            };
            event = tokio::select! {
                biased;
                event = self.event() => event,
                has_news = told => {
                    news = (!has_news).then(|| self.news());
                    if has_news { Event::Changed } else { Event::Tick }
                }
                done = under_way => {
                    round = None;
                    news = done.is_ok().then(|| self.news());
                    match done {
                        Ok(report) => Event::Answered(report.outcome),
                        Err(error @ (Error::Store(_) | Error::Damaged(_) | Error::Random(_))) => return Err(error),
                        Err(_) => Event::Failed(None),
                    }
                }
                () = sleep_until(at) => Event::Tick,
            };
        }
    }

    /// Waits until the server says that something has moved: `true`. `false` where its patience was over. Where it can't be
    /// asked, or can't tell, it is not over before the next round trip is.
    fn news(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async {
            let progress = self.store().progress().clone();
            let Progress { state: SyncState::InProgress, polled: Some(polled), .. } = progress else {
                return core::future::pending().await;
            };
            let Ok(link) = self.link() else { return core::future::pending().await };
            match link.call::<Waited>(&api::WAIT, &WaitRequest { polled }).await {
                Ok(waited) => waited.news,
                Err(_) => core::future::pending().await,
            }
        })
    }

    async fn event(&self) -> Event {
        loop {
            if let Some(event) = self.events.lock().pop_front() {
                return event;
            }
            self.wake.notified().await;
        }
    }

    /// One round trip: what waits is sent, what is new is taken.
    ///
    /// # Errors
    /// What the network, the server or the disk says; nothing of the replica is lost by any of them.
    pub async fn round(&self) -> Result<Report> {
        let _turn = self.turn.lock().await;
        self.imports.store_is_free().await;
        let done = self.round_trip().await;
        self.imports.store_is_free().await;
        if let Ok(report) = &done {
            self.totals.lock().add(report);
        }
        self.note_contact(done.as_ref().err())?;
        if let Err(Error::AnotherServer) = done {
            // Not another word to it: the next Start compares everything.
            self.tell(Event::Stop(now()));
        }
        done
    }

    async fn round_trip(&self) -> Result<Report> {
        let link = self.link()?;
        self.tell_logins(&link).await?;
        let Some(plan) = self.store().plan(now())? else {
            return Ok(Report::default());
        };
        let answer: SyncAnswer = link.call(&api::SYNC, &plan.request).await?;
        self.imports.store_is_free().await;
        if answer.due {
            self.due.notify_one();
        }
        // A space that the server lets wait is due again when the session's longest back-off can be over.
        self.store().absorb(&plan, answer, self.options.pace.longest / 2, now())
    }

    /// Tells the server of the logins that it has not heard of, and takes the memberships that come of them.
    pub(crate) async fn tell_logins(&self, link: &Connection) -> Result<()> {
        // One after the other until none is left: somebody may log in meanwhile, and a space that the server does not know
        // this machine by would be answered `forbidden`.
        let untold = || -> Result<Option<String>> {
            Ok(self.store().logins()?.into_iter().find(|login| !login.told).map(|login| login.user))
        };
        while let Some(user) = untold()? {
            match link.call::<Membership>(&api::LOGIN, &LoginRequest { user: user.clone() }).await {
                Ok(membership) => {
                    let mut store = self.store();
                    store.join(&membership.spaces)?;
                    store.login_told(&user)?;
                }
                // For good: what was written for this person is set aside when the server says so of the space.
                Err(error @ Error::Refused(_)) if !error.is_of_the_network() => {
                    self.refused.lock().insert(user.clone(), error.report());
                    let mut store = self.store();
                    store.login_told(&user)?;
                    store.note(
                        Level::Error,
                        error.code(),
                        &format!("the login of {user}: {error}"),
                        now(),
                    )?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps when the server was heard of; the log has the first failure of a row of them, and its end.
    pub(crate) fn note_contact(&self, error: Option<&Error>) -> Result<()> {
        let mut contact = self.contact.lock();
        let Some(error) = error else {
            contact.last = Some(now());
            if let Some((since, _)) = contact.error.take() {
                let text = format!("the server answers again (it did not since {since})");
                self.store().note(Level::Info, "reached", &text, now())?;
            }
            return Ok(());
        };
        if contact.error.as_ref().is_none_or(|(_, before)| before.code != error.code()) {
            let level = match error {
                Error::Network { .. } | Error::Timeout(_) => Level::Warning,
                _ => Level::Error,
            };
            self.store().note(level, error.code(), &error.to_string(), now())?;
            contact.error = Some((now(), error.report()));
        }
        Ok(())
    }
}

async fn sleep_until(at: Option<Timestamp>) {
    match at {
        Some(at) => tokio::time::sleep(at.since(now())).await,
        None => core::future::pending().await,
    }
}

/// Takes a data folder for this process.
fn lock(folder: &Path) -> Result<File> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Folder { path, source }
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed(folder))?;
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::FolderInUse(folder.into())),
        Err(TryLockError::Error(source)) => Err(failed(&path)(source)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        addresses::{Entry, ListOf},
        command::Command,
        store::Identity,
    };
    use serde_json::Value;
    use sync_core::id::{MachineId, ServerId};
    use uuid::Uuid;

    /// An enrolled machine whose server is out of reach: nothing listens on port 9 of this host.
    fn machine(folder: &Path, state: SyncState) -> Machine {
        let mut store = Store::open(folder).unwrap();
        let identity = Identity {
            machine: Some(MachineId(Uuid::from_u128(1))),
            server: Some(ServerId(Uuid::from_u128(2))),
            realm: Some("office".into()),
            destination: "server.example:8443".parse().unwrap(),
            connect_to: Some("127.0.0.1:9".into()),
            fingerprint: Some("0".repeat(64)),
            ..Identity::default()
        };
        store.set_identity(identity).unwrap();
        store.set_state(state).unwrap();
        drop(store);
        let pace =
            Pace { poll: Duration::from_millis(5), retry: Duration::from_millis(5), ..Pace::default() };
        Machine::open(folder, Options { pace, ..Options::default() }).unwrap()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), future).await.unwrap() })
    }

    async fn done(machine: &Machine, command: Command) -> Value {
        crate::owner::here(machine, command, None).await.unwrap().json
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = machine(folder.path(), SyncState::Stopped);
        assert_eq!(Machine::open(folder.path(), Options::default()).unwrap_err().code(), "folder_in_use");
        drop(first);
        machine(folder.path(), SyncState::Stopped);
    }

    #[test]
    fn a_person_works_while_the_server_is_out_of_reach() {
        let folder = tempfile::tempdir().unwrap();
        let machine = machine(folder.path(), SyncState::InProgress);
        block_on(async {
            let login = done(&machine, Command::Login { user: "alice".into() }).await;
            assert_eq!((&login["level"], &login["spaces"][0]), (&false.into(), &"office/user/alice".into()));
            let set = |setting: &str, value: Option<&str>| Command::Set {
                setting: setting.into(),
                value: value.map(Into::into),
                user: None,
            };
            assert_eq!(done(&machine, set("copy.copies", Some("3"))).await["value"], 3);
            let get = Command::Get { setting: Some("copy.copies".into()), user: None };
            assert_eq!(done(&machine, get).await["value"], 3);
            assert_eq!(done(&machine, set("copy.copies", None)).await["set"], false);
            assert_eq!(
                machine.execute(set("copy.copies", Some("0")), None).await.unwrap_err().code(),
                "setting_value"
            );
            assert_eq!(
                machine.execute(set("nothing", None), None).await.unwrap_err().code(),
                "unknown_setting"
            );

            for list in [ListOf::Me, ListOf::Machine(3)] {
                let entry =
                    Entry { name: Some("Desk".into()), mail: Some("d@x.example".into()), ..Entry::default() };
                let added = done(&machine, Command::AddressAdd { list: list.clone(), entry }).await;
                let id = added["id"].as_str().unwrap().to_string();
                let entry = Entry { name: Some("Front desk".into()), ..Entry::default() };
                let edit = Command::AddressEdit { list: list.clone(), id: id.clone(), entry };
                assert_eq!(done(&machine, edit).await["name"], "Front desk");
                let all = done(&machine, Command::AddressList { list: list.clone() }).await;
                assert_eq!((all.as_array().unwrap().len(), &all[0]["mail"]), (1, &"d@x.example".into()));
                done(&machine, Command::AddressRemove { list: list.clone(), id: id.clone() }).await;
                let again = machine.execute(Command::AddressRemove { list, id }, None).await;
                assert_eq!(again.unwrap_err().code(), "unknown_entry");
            }
            let status = done(&machine, Command::Status).await;
            assert_eq!(
                (&status["user"], &status["last_error"]["code"]),
                (&"alice".into(), &"network".into())
            );
            assert!(status["outbox"].as_u64().unwrap() > 0);
            for command in
                [Command::SupersededList, Command::SnapshotsList, Command::Log { most: 9 }, Command::Logout]
            {
                done(&machine, command).await;
            }
            let list = Command::AddressList { list: ListOf::Group("7".into()) };
            assert_eq!(machine.execute(list, None).await.unwrap_err().code(), "not_a_member");
            let sync = crate::owner::here(&machine, Command::Sync, None).await;
            assert_eq!(sync.unwrap_err().code(), "network");
        });
    }

    #[test]
    fn a_stop_ends_at_its_deadline_and_says_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let machine = machine(folder.path(), SyncState::InProgress);
        block_on(async {
            done(&machine, Command::Login { user: "alice".into() }).await;
            machine.set("copy.copies", Some("3"), "alice").unwrap();
            let left = tokio::select! {
                left = machine.stop(Duration::from_millis(100)) => left.unwrap(),
                ended = machine.run() => panic!("{ended:?}"),
            };
            assert_eq!((left, machine.state()), (1, SyncState::Stopped));
            let refused = machine.execute(Command::Start { patience: Duration::ZERO }, None).await;
            assert_eq!(refused.unwrap_err().code(), "administrator_required");
        });
    }
}
