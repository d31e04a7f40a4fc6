//! The HTTP interface: its paths, who may call them, and the messages of the administrative ones.
//!
//! Every message travels as MessagePack ([`MEDIA_TYPE`](crate::protocol::MEDIA_TYPE)) or as JSON, by `Content-Type` and
//! `Accept`. Refusals are [`Problem`](crate::protocol::Problem)s, as `application/problem+json` (RFC 9457).

use crate::{
    id::{MachineId, ProcedureId, SnapshotId},
    procedure::{Sent, undo::SpaceUndone},
    server::{Deleted, Scope},
    sharing::SharingScope,
    space::SpaceName,
    time::Timestamp,
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Who may call a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anybody.
    Anyone,
    /// An enrolled machine, by `Authorization: Bearer TOKEN`.
    Machine,
    /// An enrolled machine, and an administrator at it, by [`ADMINISTRATOR_HEADER`].
    MachineWithAdministrator,
    /// An administrator, by `Authorization: Bearer TOKEN`.
    Administrator,
}

/// The header in which a machine carries the token of the administrator who works at it.
pub const ADMINISTRATOR_HEADER: &str = "administrator-token";

/// One path of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path; the part behind the last `{` is a parameter.
    pub path: &'static str,
    /// Who may call it.
    pub caller: Caller,
}

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident = $method:literal $path:literal $caller:ident;)*) => {
        $($(#[$doc])* pub const $name: Route = Route { method: $method, path: $path, caller: Caller::$caller };)*
        /// Every path.
        pub const ROUTES: &[Route] = &[$($name),*];
    };
}

routes! {
    /// Whether the server serves: [`Health`].
    HEALTH = "GET" "/v1/health" Anyone;
    /// A machine enrols: `EnrollRequest` to `Enrolled`.
    ENROLL = "POST" "/v1/enroll" Anyone;
    /// Push, pull and poll: `SyncRequest` to `SyncAnswer`.
    SYNC = "POST" "/v1/sync" Machine;
    /// Waits until something of the machine's has moved: `WaitRequest` to `Waited`.
    WAIT = "POST" "/v1/wait" Machine;
    /// A person logs in at a machine: `LoginRequest` to `Membership`.
    LOGIN = "POST" "/v1/login" Machine;
    /// An administrator's act makes the machine a member: `JoinRequest` to `Membership`.
    JOIN = "POST" "/v1/join" MachineWithAdministrator;
    /// Whose data the server has within the machine's enrolment: [`WithinEnrolment`].
    WITHIN_ENROLMENT = "GET" "/v1/within-enrolment" MachineWithAdministrator;
    /// The server's steps of a procedure: [`StepRequest`] to [`StepAnswer`].
    PROCEDURE = "POST" "/v1/procedure" MachineWithAdministrator;
    /// Ends any machine's procedure: [`EndProcedureRequest`] to [`StepAnswer::Cancelled`].
    END_PROCEDURE = "POST" "/v1/end-procedure" Administrator;
    /// Proves an administrator's token: [`Health`].
    ADMINISTRATOR = "GET" "/v1/administrator" Administrator;
    /// Makes a one-time code: [`CodeRequest`] to [`CodeAnswer`].
    CODES = "POST" "/v1/codes" Administrator;
    /// The machines: list of [`MachineInfo`].
    MACHINES = "GET" "/v1/machines" Administrator;
    /// Withdraws a machine's enrolment: [`RemoveMachineRequest`] to [`MachineInfo`], as it was.
    REMOVE_MACHINE = "POST" "/v1/machines/remove" Administrator;
    /// The spaces: list of [`SpaceInfo`].
    SPACES = "GET" "/v1/spaces" Administrator;
    /// Deletes users and groups: [`DeleteRequest`] to [`DeleteAnswer`].
    DELETE = "POST" "/v1/delete" Administrator;
    /// Backs the store up while it serves: [`BackupRequest`] to [`BackupAnswer`].
    BACKUP = "POST" "/v1/backup" Administrator;
    /// Brings a space, or a snapshot, back as new changes: [`BringBackRequest`] to [`BringBackAnswer`].
    BRING_BACK = "POST" "/v1/bring-back" Administrator;
    /// How the settings are shared: list of [`ScopeInfo`].
    SHARING_SCOPES = "GET" "/v1/sharing-scopes" Administrator;
    /// Changes how a setting is shared: [`ScopeRequest`] to [`ScopeAnswer`].
    SET_SHARING_SCOPE = "PUT" "/v1/sharing-scopes" Administrator;
    /// What was set aside at the server: list of [`SnapshotInfo`].
    SNAPSHOTS = "GET" "/v1/snapshots" Administrator;
    /// Orders a distribution: `DistributeRequest` to `DistributionInfo`.
    DISTRIBUTE = "POST" "/v1/distribute" Administrator;
    /// The distributions, newest first: list of `DistributionInfo`.
    DISTRIBUTIONS = "GET" "/v1/distributions" Administrator;
    /// One distribution, machine by machine: `DistributionRequest` to `DistributionInfo`.
    DISTRIBUTION = "POST" "/v1/distributions/report" Administrator;
    /// Cancels a distribution, or undoes it: `EndRequest` to `DistributionInfo`.
    END_DISTRIBUTION = "POST" "/v1/distributions/end" Administrator;
    /// What is due for a machine: list of `DueDelivery`.
    DELIVERIES = "GET" "/v1/deliveries" Machine;
    /// A part of a distribution's file: `DeliveryFileRequest` to `FilePart`.
    DELIVERY_FILE = "POST" "/v1/deliveries/file" Machine;
    /// How a delivery went: `ReportRequest` to `Reported`.
    DELIVERY_REPORT = "POST" "/v1/deliveries/report" Machine;
}

/// Whether the server serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// The realm that it serves.
    pub realm: String,
}

/// Withdraws a machine's enrolment, so that its place is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveMachineRequest {
    /// Its name or its id.
    pub machine: String,
}

/// Asks for a one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRequest {
    /// What the machine that uses it may touch.
    pub scope: Scope,
    /// For how many seconds it can be used.
    pub valid_for: u64,
}

/// A one-time code, with what a machine needs to know before it trusts the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeAnswer {
    /// The code.
    pub code: String,
    /// SHA-256 of the server's certificate, as hexadecimal digits.
    pub fingerprint: String,
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// A machine of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineInfo {
    /// Its id.
    pub machine: MachineId,
    /// What people call it.
    pub name: String,
    /// What it may touch.
    pub scope: Scope,
    /// When it was enrolled.
    pub enrolled: Timestamp,
    /// When it was last heard of since the server started.
    pub last_contact: Option<Timestamp>,
    /// The spaces that it is a member of.
    pub spaces: Vec<SpaceName>,
}

/// A space of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceInfo {
    /// The space.
    pub space: SpaceName,
    /// Its generation.
    pub generation: u64,
    /// Its head.
    pub head: u64,
    /// How many live records it has.
    pub records: u64,
    /// Until when it is reserved for a machine's procedure.
    pub reserved_until: Option<Timestamp>,
    /// That procedure.
    #[serde(default)]
    pub reserved_for: Option<ProcedureId>,
}

/// Whose data the server has within a machine's enrolment: the users and groups that have data now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithinEnrolment {
    /// The spaces of those whom the directory knows: the machine can become a member of each.
    pub spaces: Vec<SpaceName>,
    /// The spaces of those whom it does not know any more.
    pub unknown: Vec<SpaceName>,
}

/// Deletes spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRequest {
    /// Which.
    pub spaces: Vec<SpaceName>,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteAnswer {
    /// Space by space.
    pub deleted: Vec<Deleted>,
}

/// Backs up. The file lies in the server's own `backups` folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackupRequest {
    /// The file's name, without a folder; made from the time where none is given.
    #[serde(default)]
    pub name: Option<String>,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupAnswer {
    /// The file's name in the `backups` folder.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 as hexadecimal digits.
    pub sha256: String,
}

/// Brings back, as new changes, what a backup or a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BringBackRequest {
    /// From where.
    pub from: Source,
}

/// Where something is brought back from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// One space of a backup in the server's `backups` folder.
    Backup {
        /// The file's name.
        name: String,
        /// The space.
        space: SpaceName,
    },
    /// A snapshot at the server.
    Snapshot(SnapshotId),
}

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BringBackAnswer {
    /// The space.
    pub space: SpaceName,
    /// How many records were made live or changed.
    pub changes: u64,
    /// What stood before.
    pub snapshot: Option<SnapshotId>,
}

/// A snapshot, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Its name.
    pub id: SnapshotId,
    /// Why it was made.
    pub reason: crate::snapshot::Reason,
    /// When.
    pub time: Timestamp,
    /// Whose act it was.
    pub person: Option<String>,
    /// The space.
    pub space: SpaceName,
    /// How many live records it holds.
    pub records: u64,
    /// How many changes that had not been sent it holds.
    pub outbox: u64,
}

/// How a setting, or a person's records of one type, are shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeInfo {
    /// The setting's name, or the type's.
    pub setting: String,
    /// What people call it.
    pub title: String,
    /// How it is shared.
    pub scope: SharingScope,
    /// Whether that can be changed.
    pub selectable: bool,
}

/// Changes how a setting is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRequest {
    /// The setting's name, or the type's.
    pub setting: String,
    /// How it is shared from now on.
    pub scope: SharingScope,
}

/// How a setting is shared now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeAnswer {
    /// The setting's name, or the type's.
    pub setting: String,
    /// How it is shared.
    pub scope: SharingScope,
    /// Whether that was changed by this; every machine takes it up at its next contact.
    pub changed: bool,
}

/// One of the server's steps of a procedure. Repeating it gives the same result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRequest {
    /// The procedure.
    pub procedure: ProcedureId,
    /// The step.
    pub step: ServerStep,
}

/// A step of a procedure that the server does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerStep {
    /// Back up.
    BackUp,
    /// Delete these spaces and reserve them for the asking machine.
    Delete {
        /// Which.
        spaces: Vec<SpaceName>,
        /// For how many seconds they are reserved, unless the Start comes before.
        reserve_for: u64,
    },
    /// End the procedure: lift its reservations, and do none of its steps after this.
    Cancel,
    /// What the procedure would meet, were it begun now; changes nothing.
    Plan {
        /// The users and groups concerned.
        spaces: Vec<SpaceName>,
    },
    /// Take the procedure back: what its deletion kept comes back as new changes, what its import brought goes, unless
    /// somebody has written there since. None of its steps is done after this.
    Undo {
        /// What the machine's Start sent.
        sent: Vec<Sent>,
        /// Only count, and change nothing.
        #[serde(default)]
        plan: bool,
    },
}

/// Ends a procedure, whichever machine began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndProcedureRequest {
    /// Which.
    pub procedure: ProcedureId,
}

/// A space as a procedure would meet it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSpace {
    /// The space.
    pub space: SpaceName,
    /// Whether the server knows this user or group.
    pub known: bool,
    /// Whether the machine's enrolment covers it.
    pub covered: bool,
    /// How many live records would be deleted.
    pub records: u64,
    /// Until when it is reserved for another procedure.
    pub reserved_until: Option<Timestamp>,
    /// How many other machines have it.
    pub machines: u64,
}

/// The result of a server's step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepAnswer {
    /// The backup.
    BackedUp(BackupAnswer),
    /// What was deleted.
    Deleted(Vec<Deleted>),
    /// The procedure is ended and its reservations are lifted.
    Cancelled {
        /// What its deletion did; `None` where it never came, and never will.
        deleted: Option<Vec<Deleted>>,
    },
    /// What the procedure would meet, space by space.
    Planned(Vec<PlannedSpace>),
    /// What was taken back, or would be.
    Undone(Vec<SpaceUndone>),
}
