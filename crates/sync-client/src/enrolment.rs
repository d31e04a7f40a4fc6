//! How a machine comes to its server and goes: enrolling, logging in, joining, starting, stopping, another destination.

use crate::{
    connection::{Connection, Fingerprint, Target},
    draw::{self, now},
    error::{Error, Result},
    machine::Machine,
    store::{Progress, Report},
};
use core::time::Duration;
use sync_core::{
    api,
    id::{MachineId, ServerId},
    machine::{DestinationAddress, Role, SyncState},
    protocol::{EnrollRequest, Enrolled, JoinRequest, Membership},
    replica::Event,
    space::{SpaceKind, SpaceName},
};

/// How a machine is to be enrolled.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The destination server address.
    pub destination: DestinationAddress,
    /// Where that text really leads, as `HOST:PORT`.
    pub connect_to: Option<String>,
    /// The one-time code.
    pub code: String,
    /// The fingerprint that the server shows.
    pub fingerprint: Fingerprint,
    /// What people call the machine.
    pub name: Option<String>,
    /// Which functions it has.
    pub role: Option<Role>,
}

/// What a login came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// The spaces that the machine now has for this person: their own and their groups'.
    pub spaces: Vec<SpaceName>,
    /// Whether the server answered in time, and everything was brought level.
    pub level: bool,
    /// Why not, otherwise.
    pub why: Option<String>,
}

impl Machine {
    /// Enrols the machine, and makes the server its destination. Asking again after a lost answer gives the same.
    ///
    /// # Errors
    /// What the server says of the code, or the network's.
    pub async fn enroll(&self, enrolment: Enrolment) -> Result<ServerId> {
        let Enrolment { destination, connect_to, code, fingerprint, name, role } = enrolment;
        let mut identity = self.store().identity().clone();
        // Kept before they are sent: the server knows the machine by them, even if its answer is lost.
        let machine = match identity.machine {
            Some(machine) => machine,
            None => {
                let drawn = MachineId(draw::uuid()?);
                identity.machine = Some(drawn);
                identity.token = draw::secret()?;
                identity.name = name.clone().unwrap_or_else(host_name);
                self.store().set_identity(identity.clone())?;
                drawn
            }
        };
        if let Some(name) = name {
            identity.name = name;
        }
        let target = Target {
            destination: destination.clone(),
            connect_to: connect_to.clone(),
            fingerprint,
            token: None,
        };
        let request =
            EnrollRequest { code, machine, token: identity.token.clone(), name: identity.name.clone() };
        let enrolled: Enrolled = Connection::new(target)?.call(&api::ENROLL, &request).await?;
        let mut store = self.store();
        let known = store.identity().server;
        if known.is_some_and(|known| known != enrolled.server) {
            // First, so that a crash in between leaves a stopped machine, never one that mixes two servers.
            store.forget_server()?;
            self.tell(Event::Stop(now()));
        }
        identity.server = Some(enrolled.server);
        identity.realm = Some(enrolled.realm);
        identity.administrator = Some(enrolled.administrator);
        identity.destination = destination;
        identity.connect_to = connect_to;
        identity.fingerprint = Some(fingerprint.to_string());
        identity.role = role.or(identity.role);
        store.set_identity(identity)?;
        drop(store);
        self.drop_link();
        Ok(enrolled.server)
    }

    /// A person logs in. It waits for the server no longer than [`Options::login`](crate::Options::login): then the
    /// person works with what the machine has, and the rest comes later.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`]: before its enrolment the machine does not know in which realm people are. `unknown_user`,
    /// where the server does not know the person; nobody is logged in by that. Else what the disk says.
    pub async fn login(&self, user: &str) -> Result<LoggedIn> {
        if user.is_empty() {
            return Err(Error::WrongCommand("the user name can't be empty".into()));
        }
        let realm = self.realm()?;
        self.refused.lock().remove(user);
        let before = {
            let mut store = self.store();
            let before = store.user().map(str::to_string);
            store.login(user, now())?;
            let progress = Progress { user: Some(user.to_string()), ..store.progress().clone() };
            store.set_progress(progress)?;
            store.join(&[SpaceName::user(&realm, user)])?;
            before
        };
        let ask = async {
            let link = self.link()?;
            if self.state() == SyncState::Stopped {
                // It does not synchronize, but may hear to which groups the person belongs.
                self.tell_logins(&link).await?;
                return Ok(());
            }
            self.level().await.map(|_| ())
        };
        let asked = tokio::time::timeout(self.options().login, ask).await;
        self.changed();
        let refused = self.refused.lock().remove(user);
        if let Some(report) = refused {
            // Whoever the server does not know has no data here either; who was logged in before still is.
            let mut store = self.store();
            let progress = Progress { user: before, ..store.progress().clone() };
            store.set_progress(progress)?;
            return Err(Error::Told(report));
        }
        let (level, why) = match asked {
            Ok(Ok(())) => (true, None),
            Ok(Err(error @ (Error::Store(_) | Error::Damaged(_)))) => return Err(error),
            Ok(Err(error)) => (false, Some(error.to_string())),
            Err(_) => (false, Some("the server did not answer in time".to_string())),
        };
        let spaces = self.store().spaces()?;
        let own = SpaceName::user(&realm, user);
        let (level, why) = match why {
            None if !spaces.iter().any(|space| space.member && space.name == own) => {
                (false, Some("this machine's enrolment does not cover their data".to_string()))
            }
            why => (level, why),
        };
        let spaces = spaces
            .into_iter()
            .filter(|space| space.member && matches!(space.name.kind, SpaceKind::User | SpaceKind::Group));
        Ok(LoggedIn { spaces: spaces.map(|space| space.name).collect(), level, why })
    }

    /// The person logs out; what they changed stays and is sent.
    ///
    /// # Errors
    /// What the disk says.
    pub fn logout(&self) -> Result<Option<String>> {
        let mut store = self.store();
        let user = store.user().map(str::to_string);
        let progress = Progress { user: None, ..store.progress().clone() };
        store.set_progress(progress)?;
        drop(store);
        self.changed();
        Ok(user)
    }

    /// An administrator's act makes the machine a member of these spaces, within its enrolment.
    ///
    /// # Errors
    /// What the server says (`outside_enrolment`), or the network's.
    pub async fn join(&self, spaces: Vec<SpaceName>, administrator: &str) -> Result<Vec<SpaceName>> {
        let link = self.link()?;
        let membership: Membership =
            link.call_with_administrator(&api::JOIN, &JoinRequest { spaces }, administrator).await?;
        self.store().join(&membership.spaces)?;
        self.changed();
        Ok(membership.spaces)
    }

    /// Round trips until nothing is left to say or to pull, or all that is left waits at the server.
    ///
    /// # Errors
    /// The first failure.
    pub async fn level(&self) -> Result<Report> {
        let mut all = Report::default();
        loop {
            let report = self.round().await?;
            self.tell(Event::Answered(report.outcome));
            all.add(&report);
            let outcome = report.outcome;
            if self.state() == SyncState::Stopped || outcome.waits || !(outcome.to_do || outcome.unstarted) {
                return Ok(all);
            }
        }
    }

    /// An administrator starts the client function: the machine and its server compare what they have, space by space.
    /// Goes on by itself where it was interrupted. Returns when it is in progress and level, or stopped again by somebody
    /// else, or after `patience`; the state says which. [`Machine::run`] must be running meanwhile.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], or what the disk says.
    pub async fn start(&self, patience: Duration) -> Result<SyncState> {
        self.realm()?;
        self.store().tell_logins_again()?;
        self.forget_error();
        self.tell(Event::Start);
        let until = now().plus(patience);
        let mut taken_up = false;
        loop {
            let state = self.state();
            if state == SyncState::Stopped && taken_up {
                return Ok(state);
            }
            taken_up = self.took_up_all();
            let outcome = self.store().outcome(now())?;
            let failed = self.contact().error.is_some();
            let level = state == SyncState::InProgress && (outcome.waits || !outcome.to_do);
            if level || now() >= until || (state != SyncState::Stopped && failed) {
                return Ok(state);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// An administrator stops the client function: what waits is sent, until `deadline` has passed. Says how many
    /// changes are left; they stay, and the next Start compares them. [`Machine::run`] must be running meanwhile.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn stop(&self, deadline: Duration) -> Result<u64> {
        let by = now().plus(deadline);
        self.tell(Event::Stop(by));
        let mut taken_up = false;
        loop {
            let state = self.state();
            if state == SyncState::Stopped {
                break;
            }
            // Said again where somebody has started it meanwhile: whoever stops it finds it stopped.
            if now() >= by || (taken_up && state != SyncState::Stopping) {
                self.tell(Event::Stop(by));
            }
            taken_up = self.took_up_all();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let spaces = self.store().spaces()?;
        Ok(spaces.into_iter().map(|space| space.outbox).sum())
    }

    /// Sets the destination server address, and where it really leads.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_destination(&self, destination: DestinationAddress, connect_to: Option<String>) -> Result<()> {
        let mut store = self.store();
        let identity = crate::store::Identity { destination, connect_to, ..store.identity().clone() };
        store.set_identity(identity)?;
        drop(store);
        self.drop_link();
        self.changed();
        Ok(())
    }

    /// The realm.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`].
    pub fn realm(&self) -> Result<String> {
        self.store().identity().realm.clone().ok_or(Error::NotEnrolled)
    }
}

/// What people call this computer, as a first name for the machine.
fn host_name() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "machine".to_string() } else { name.to_string() }
}
