//! A machine as the rules see it: role, sync state, destination server address, what runs on it, what it has, and who is
//! asking.

mod destination;
mod prepared;

pub use destination::{AddressError, DEFAULT_PORT, DestinationAddress};
pub use prepared::Prepared;

use crate::{
    names::named,
    process::{Process, Processes},
    time::Timestamp,
};
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

named! {
    /// Which functions a machine has.
    pub enum Role, "role" {
        /// The client function only.
        Client = "client",
        /// The server function only.
        Server = "server",
        /// Both, side by side; they meet only when the client function's destination is [`DestinationAddress::own_server`].
        ServerWithClient = "server-with-client",
    }
}

impl Role {
    /// Whether the machine has a client function. One without it ignores the sync state.
    #[must_use]
    pub const fn has_client(self) -> bool {
        matches!(self, Self::Client | Self::ServerWithClient)
    }

    /// Whether the machine has a server function.
    #[must_use]
    pub const fn has_server(self) -> bool {
        matches!(self, Self::Server | Self::ServerWithClient)
    }
}

named! {
    /// Where the client function of a machine stands.
    pub enum SyncState, "sync state" {
        /// It does not synchronize; the machine keeps its copy and works on.
        Stopped = "stopped",
        /// It compares its copy with the server's.
        Starting = "starting",
        /// It synchronizes.
        InProgress = "in-progress",
        /// It holds back, as while an import runs.
        Paused = "paused",
        /// It sends what is left.
        Stopping = "stopping",
    }
}

impl SyncState {
    /// Whether the rules take the machine as synchronizing: every state but [`SyncState::Stopped`].
    #[must_use]
    pub const fn in_progress(self) -> bool {
        !matches!(self, Self::Stopped)
    }
}

/// What is known of a security policy password (rule 5). It is never here in the clear: `T` is the text of a salted hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyPassword<T> {
    /// Nothing: whoever asks did not say, or the file does not.
    #[default]
    NotKnown,
    /// There is none.
    NotSet,
    /// There is one, with this salted hash. Two hashes of one password are equal only under the same salt.
    Set(T),
}

impl<T> PolicyPassword<T> {
    /// Whether there is one.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }
}

impl<T: AsRef<str>> PolicyPassword<T> {
    /// Whether both are there and have the same salted hash.
    #[must_use]
    pub fn matches<U: AsRef<str>>(&self, other: &PolicyPassword<U>) -> bool {
        matches!((self, other), (Self::Set(a), PolicyPassword::Set(b)) if a.as_ref() == b.as_ref())
    }
}

/// Without the hash, which does not belong into logs.
impl<T> fmt::Debug for PolicyPassword<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotKnown => "NotKnown",
            Self::NotSet => "NotSet",
            Self::Set(_) => "Set(***)",
        })
    }
}

/// What [`decide`](crate::rules::decide) reads of a machine. Made with [`Machine::new`]; facts that a caller does not
/// give have the default that restricts, so that a forgotten fact never lets something through. The one exception is what
/// runs: only what is named runs, and whoever keeps the interlock names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// Which functions it has.
    pub role: Role,
    /// Where its client function stands; ignored where it has none.
    pub state: SyncState,
    /// What its client function connects to.
    #[serde(default)]
    pub destination: DestinationAddress,
    /// Whether whoever asks has administrator privileges (rule 1).
    #[serde(default)]
    pub administrator: bool,
    /// The display language (rule 4); `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_language: Option<String>,
    /// Whether it has a Home screen (rule 3).
    #[serde(default)]
    pub home_screen: bool,
    /// Its model (rule 3); `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What runs on it (rule 7).
    #[serde(default, skip_serializing_if = "is_empty")]
    pub running: Processes,
    /// Its security policy password (rule 5).
    #[serde(default)]
    pub policy_password: PolicyPassword<String>,
    /// When the personalized data in question was last prepared on it (rule 9), of several users and groups the one of the
    /// longest ago ([`Prepared::least`]); `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Timestamp>,
}

// serde wants a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_empty(running: &Processes) -> bool {
    running.is_empty()
}

impl Machine {
    /// A machine of which no more is known, asked by somebody who is not its administrator.
    #[must_use]
    pub const fn new(role: Role, state: SyncState, destination: DestinationAddress) -> Self {
        Self {
            role,
            state,
            destination,
            administrator: false,
            display_language: None,
            home_screen: false,
            model: None,
            running: Processes::EMPTY,
            policy_password: PolicyPassword::NotKnown,
            prepared: None,
        }
    }

    /// The same, with or without administrator privileges.
    #[must_use]
    pub const fn with_administrator(mut self, administrator: bool) -> Self {
        self.administrator = administrator;
        self
    }

    /// The same, with a display language such as `en`.
    #[must_use]
    pub fn with_display_language(mut self, language: &str) -> Self {
        self.display_language = Some(language.into());
        self
    }

    /// The same, with or without a Home screen.
    #[must_use]
    pub const fn with_home_screen(mut self, home_screen: bool) -> Self {
        self.home_screen = home_screen;
        self
    }

    /// The same, with the name of its model.
    #[must_use]
    pub fn with_model(mut self, model: &str) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The same, with what runs on it.
    #[must_use]
    pub const fn with_running(mut self, running: Processes) -> Self {
        self.running = running;
        self
    }

    /// The same, with what is known of its security policy password.
    #[must_use]
    pub fn with_policy_password(mut self, password: PolicyPassword<String>) -> Self {
        self.policy_password = password;
        self
    }

    /// The same, with the moment of the last preparation of what is in question.
    #[must_use]
    pub const fn with_prepared(mut self, at: Timestamp) -> Self {
        self.prepared = Some(at);
        self
    }

    /// Whether rule 6 takes its client function as synchronizing: it has one, and it is not stopped, or said to run.
    #[must_use]
    pub const fn synchronizes(&self) -> bool {
        self.role.has_client()
            && (self.state.in_progress() || self.running.contains(Process::Synchronization))
    }

    /// Whether its client function means the machine's own server function: it has both, and the destination is
    /// exactly `localhost:8443`.
    #[must_use]
    pub fn is_its_own_server(&self) -> bool {
        self.role == Role::ServerWithClient && self.destination.is_own_server()
    }
}
