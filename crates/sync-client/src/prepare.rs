//! Preparing personalized data (rule 9): on the machine that is its own server, the replica is brought level with the
//! server for named users and groups, or for all that the server has, so that an export from here is complete.

use crate::{
    draw::now,
    error::{Error, Result},
    import::Remark,
    machine::Machine,
    store::Level,
};
use core::{fmt::Write as _, time::Duration};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use sync_core::{
    api::{self, WithinEnrolment},
    files::Note,
    machine::{Machine as Facts, SyncState},
    process::Process,
    profile::Profile,
    replica::Event,
    rules::{Operation, decide_prepare},
    space::{SpaceKind, SpaceName},
    time::Timestamp,
};

/// How long is waited before the server is asked again where nothing moved.
const REST: Duration = Duration::from_millis(100);

/// What is to be prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareOrder {
    /// The users.
    pub users: Vec<String>,
    /// The groups. Where neither is named, all that the server has within the machine's enrolment.
    pub groups: Vec<String>,
    /// How long it may take.
    pub patience: Duration,
}

/// One user or group that was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedSpace {
    /// Their space.
    pub space: SpaceName,
    /// How many live records it has.
    pub records: usize,
}

/// What a preparation came to: every space was level with the server since it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareReport {
    /// When it was done.
    pub time: Timestamp,
    /// Whether that was all that the server has within the machine's enrolment.
    pub all: bool,
    /// The users and groups.
    pub spaces: Vec<PreparedSpace>,
    /// How many records came from the server for it.
    pub received: u64,
    /// What was odd.
    pub warnings: Vec<Remark>,
}

impl PrepareReport {
    /// How many of a kind were prepared.
    #[must_use]
    pub fn count(&self, kind: SpaceKind) -> usize {
        self.spaces.iter().filter(|one| one.space.kind == kind).count()
    }

    /// How many records they have.
    #[must_use]
    pub fn records(&self) -> usize {
        self.spaces.iter().map(|one| one.records).sum()
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "Prepared: {} users and {} groups with {} records; {} came from the server.",
            self.count(SpaceKind::User),
            self.count(SpaceKind::Group),
            self.records(),
            self.received
        );
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
}

impl Machine {
    /// When personalized data were last prepared here; `None` where they never were, or another server's.
    #[must_use]
    pub fn prepared(&self) -> Option<Timestamp> {
        self.store().prepared().time
    }

    /// Prepares. What came over stays, also where not all could be brought level in time.
    ///
    /// # Errors
    /// [`Error::Rules`] where a rule refuses, `stopped`, `unknown_user`, `unknown_group`, `outside_enrolment`, `not_level`,
    /// or the network's. The machine counts as prepared no more than before then.
    pub async fn prepare(
        &self,
        order: &PrepareOrder,
        profile: &Profile,
        administrator: Option<&str>,
    ) -> Result<PrepareReport> {
        if order.users.iter().chain(&order.groups).any(String::is_empty) {
            return Err(Error::WrongCommand("the name of a user or group can't be empty".into()));
        }
        self.prove(administrator).await?;
        let facts = {
            let store = self.store();
            let identity = store.identity();
            Facts::new(identity.role(), store.state(), identity.destination.clone())
                .with_administrator(administrator.is_some())
                .with_running(self.processes())
        };
        let may = |how_many: usize| {
            let how_many = u64::try_from(how_many).unwrap_or(u64::MAX);
            decide_prepare(&facts, profile, how_many).map_err(|denied| Error::Rules(Box::new(denied)))
        };
        let realm = self.realm()?;
        let named: BTreeSet<SpaceName> = (order.users.iter().map(|name| SpaceName::user(&realm, name)))
            .chain(order.groups.iter().map(|id| SpaceName::group(&realm, id)))
            .collect();
        // What is wrong with the machine or the names is said before the server is asked.
        may(named.len())?;
        if self.state() == SyncState::Stopped {
            return Err(Error::stopped());
        }
        // It is part of an export: for others an import or export runs, and what may not run during one waits (rule 7).
        let _work = self.at_work(Operation::ExportBatch, Some(Process::ImportExport))?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let all = named.is_empty();
        let (spaces, mut warnings) =
            if all { self.within_enrolment(token).await? } else { (named, Vec::new()) };
        may(spaces.len())?;
        if spaces.is_empty() {
            let text = "the server has no personalized data within the enrolment of this machine";
            warnings.push(Note::new(None, "nothing_to_prepare", text));
        } else {
            self.join(spaces.iter().cloned().collect(), token).await?;
        }
        let received = self.bring_level(&spaces, order.patience).await?;
        let time = now();
        let mut prepared = Vec::with_capacity(spaces.len());
        let mut store = self.store();
        for space in &spaces {
            prepared.push(PreparedSpace { space: space.clone(), records: store.live(space)?.len() });
        }
        store.set_prepared(spaces, all, time)?;
        let warnings = warnings.into_iter().map(Remark::from).collect();
        let report = PrepareReport { time, all, spaces: prepared, received, warnings };
        store.note(Level::Info, "prepared", &report.text(), time)?;
        Ok(report)
    }

    /// Whose data the server has within the enrolment, with a warning of those whom its directory does not know any more.
    async fn within_enrolment(&self, token: &str) -> Result<(BTreeSet<SpaceName>, Vec<Note>)> {
        let asked = self.link()?.ask_with_administrator(&api::WITHIN_ENROLMENT, token).await;
        let WithinEnrolment { spaces, unknown } = asked?;
        let warnings = unknown.iter().map(|space| {
            let text = format!(
                "the server has data of {space}, which its directory does not know: they are not prepared"
            );
            Note::new(None, "unknown_owner", text)
        });
        Ok((spaces.into_iter().collect(), warnings.collect()))
    }

    /// Round trips until each of the spaces has been level with the server; says how many records came.
    async fn bring_level(&self, spaces: &BTreeSet<SpaceName>, patience: Duration) -> Result<u64> {
        let until = now().plus(patience);
        let mut received = 0;
        let mut before = None;
        while !spaces.is_empty() {
            // Its poll is later than the joining, so that what it leaves level is level with all that the server has.
            let report = self.round().await?;
            self.tell(Event::Answered(report.outcome));
            received += report.received;
            if self.state() == SyncState::Stopped {
                return Err(Error::stopped());
            }
            let level = self.store().level_spaces()?;
            let left: Vec<&SpaceName> = spaces.difference(&level).collect();
            let Some(first) = left.first() else { break };
            if !self.store().is_member(first)? {
                return Err(Error::NotAMember((*first).clone()));
            }
            let moved = before.replace(left.len()) != Some(left.len());
            if moved {
                self.say(format!(
                    "{} of {} users and groups are level",
                    spaces.len() - left.len(),
                    spaces.len()
                ));
            }
            if now() >= until {
                return Err(Error::Denied {
                    code: "not_level".into(),
                    message: format!(
                        "{} of {} users and groups were not brought level in time, such as {first}",
                        left.len(),
                        spaces.len()
                    ),
                    remedy: "what came over stays: prepare again, with a longer --wait where there is much; \
                             `sync-client log` says what the server lets wait"
                        .into(),
                });
            }
            if !moved && report.received == 0 {
                tokio::time::sleep(REST).await;
            }
        }
        Ok(received)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        Options,
        draw::hex,
        store::{Identity, Store},
    };
    use sha2::{Digest as _, Sha256};
    use sync_core::{
        id::{MachineId, ServerId},
        machine::Role,
        profile::{self, Preparation},
        protocol::TokenProof,
    };
    use uuid::Uuid;

    /// A machine that is its own server, which is out of reach: nothing listens on port 9 of this host.
    fn code(state: SyncState, profile: &Profile, users: &[&str], administrator: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let identity = Identity {
            machine: Some(MachineId(Uuid::from_u128(1))),
            server: Some(ServerId(Uuid::from_u128(2))),
            realm: Some("office".into()),
            role: Some(Role::ServerWithClient),
            destination: "localhost:8443".parse().unwrap(),
            connect_to: Some("127.0.0.1:9".into()),
            fingerprint: Some("0".repeat(64)),
            administrator: Some(TokenProof { salt: "salt".into(), hash: hex(&Sha256::digest(b"salttoken")) }),
            ..Identity::default()
        };
        store.set_identity(identity).unwrap();
        store.set_state(state).unwrap();
        drop(store);
        let machine = Machine::open(folder.path(), Options::default()).unwrap();
        let order = PrepareOrder {
            users: users.iter().map(|name| (*name).to_string()).collect(),
            groups: Vec::new(),
            patience: Duration::ZERO,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(machine.prepare(&order, profile, administrator)).unwrap_err();
        assert_eq!(machine.prepared(), None);
        assert!(machine.store().spaces().unwrap().is_empty(), "nothing was changed");
        error.code().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_before_the_server_is_asked() {
        let any = &profile::MACHINE;
        let one =
            &Profile { preparation: Preparation { most_at_once: Some(1), ..any.preparation }, ..any.clone() };
        let (on, token) = (SyncState::InProgress, Some("token"));
        assert_eq!(code(on, any, &["alice"], None), "administrator_required");
        assert_eq!(code(on, any, &["alice"], Some("another")), "administrator_refused");
        assert_eq!(code(on, any, &[""], token), "wrong_command");
        assert_eq!(code(on, one, &["alice", "bob"], token), "too_many_to_prepare");
        assert_eq!(code(SyncState::Stopped, any, &["alice"], token), "stopped");
        assert_eq!(code(on, one, &["alice", "alice"], token), "network");
        assert_eq!(code(on, any, &[], token), "network");
    }
}
