//! The store: what a server keeps, behind one way to write.
//!
//! A write is `commit(requests) -> answers`. The sequence inside of it stands once, in `decide`, over a
//! `Transaction` that loads, writes and reads pages; each kind of store brings its own transaction and its own way to
//! make several of them durable at once. All waits are futures, so that a store in another process fits as well; one
//! that answers at once returns ready ones.

#[cfg(test)]
mod conformance;
mod known;
mod memory;
mod sqlite;

pub use known::Known;
pub use memory::MemoryStore;
pub use sqlite::{SqliteOptions, SqliteStore, inspect};
pub(crate) use sqlite::{open_file, read_heads};

use core::{future::Future, task::Poll};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use sync_core::{
    api::{SnapshotInfo, SpaceInfo},
    distribution::{Delivery, FileBytes, Order},
    id::{DistributionId, Generation, MachineId, ProcedureId, RecordId, Sequence, ServerId, SnapshotId},
    protocol::Limits,
    record::{Record, Superseded},
    server::{
        Answer, Floor, HistoryBatch, Loaded, Login, Needs, PageQuery, PageRead, Request, SpaceHead,
        StepResult, Writes, merge, needs,
    },
    snapshot::Snapshot,
    space::SpaceName,
    time::Timestamp,
};

/// A store could not do what it was asked. Nothing was changed, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much waits to be written already.
    #[error("too many changes wait to be written: try again in a moment")]
    Busy,
    /// The store is closing.
    #[error("the server is stopping: try again in a moment")]
    Closed,
    /// A file is there, but not one of ours.
    #[error("{0} is not a store of this program: name another file or data folder")]
    Foreign(PathBuf),
    /// The file is of another schema.
    #[error(
        "{path} has schema version {found}, this program knows up to {known}: use the version of the program that wrote it, or a newer one"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The file fails its check.
    #[error("{path} is damaged ({detail}): restore a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// A row is not what it should be.
    #[error("a row of the store cannot be read ({0}): check the disk, restore a backup")]
    Row(String),
    /// The database refused.
    #[error("the database refused: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What came of it.
        source: std::io::Error,
    },
    /// What failed for another commit of the same group.
    #[error("{detail}")]
    Shared {
        /// Its code.
        code: &'static str,
        /// What was wrong.
        detail: String,
    },
    /// A decision failed. That is a fault of this program.
    #[error("the server failed over a request (a fault of the program): see its log")]
    Fault,
}

impl StoreError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Closed => "stopping",
            Self::Foreign(_) => "foreign_store",
            Self::Version { .. } => "store_version",
            Self::Damaged { .. } => "store_damaged",
            Self::Row(_) => "store_row",
            Self::Database(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                "disk_full"
            }
            Self::Database(_) => "store",
            Self::Shared { code, .. } => code,
            Self::Io { .. } => "store_io",
            Self::Fault => "internal",
        }
    }

    pub(crate) fn shared(&self) -> Self {
        Self::Shared { code: self.code(), detail: self.to_string() }
    }

    /// The same, where it says that this file (not the store that serves) cannot be read: the file is damaged then.
    pub(crate) fn of_a_file(self, path: &Path) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let damaged = match &self {
            Self::Row(_) => true,
            Self::Database(error) => {
                matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            _ => false,
        };
        if damaged { Self::Damaged { path: path.into(), detail: self.to_string() } } else { self }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<sync_core::wire::Malformed> for StoreError {
    fn from(error: sync_core::wire::Malformed) -> Self {
        Self::Row(error.0)
    }
}

/// The content of one space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpaceContent {
    /// Its head.
    pub head: SpaceHead,
    /// Its records, dead ones too, by id.
    pub records: Vec<(RecordId, Record)>,
    /// What was superseded, by rising sequence.
    pub superseded: Vec<Superseded>,
}

/// A backup that was made and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// Deliveries of one distribution, by machine.
pub type Deliveries = Vec<(MachineId, Delivery)>;

/// What a server keeps. Clones are not needed: everything takes `&self`.
pub trait Store: Send + Sync + 'static {
    /// The server whose store this is.
    fn server(&self) -> ServerId;

    /// Decides the requests in their order and writes what comes of it, all of it or nothing. The answers come when it
    /// is durable. Several commits may share one durable write.
    ///
    /// # Errors
    /// Any [`StoreError`]; nothing was written then, except after [`StoreError::Closed`], where it may have been.
    fn commit(&self, requests: Vec<Request>) -> impl Future<Output = Result<Vec<Answer>, StoreError>> + Send;

    /// Brings what is held in memory level with what other processes wrote, as far as the store's settings ask for it.
    fn refresh(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads what is held in memory: heads, memberships, machines and their tokens. It touches no disk; `read` must not
    /// wait for anything.
    fn known<R>(&self, read: impl FnOnce(&Known) -> R) -> R;

    /// All spaces that have had data, by name.
    fn spaces(&self) -> impl Future<Output = Result<Vec<SpaceInfo>, StoreError>> + Send;

    /// One space.
    fn space(&self, space: SpaceName) -> impl Future<Output = Result<SpaceContent, StoreError>> + Send;

    /// What was set aside, newest first.
    fn snapshots(&self) -> impl Future<Output = Result<Vec<SnapshotInfo>, StoreError>> + Send;

    /// One snapshot.
    fn snapshot(&self, id: SnapshotId) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send;

    /// The last login of each person at each machine.
    fn logins(&self) -> impl Future<Output = Result<Vec<Login>, StoreError>> + Send;

    /// The result of a procedure's step, where it was done.
    fn step(
        &self,
        procedure: ProcedureId,
        step: String,
    ) -> impl Future<Output = Result<Option<StepResult>, StoreError>> + Send;

    /// The results of this step of every procedure that did it.
    fn steps(&self, step: String) -> impl Future<Output = Result<Vec<StepResult>, StoreError>> + Send;

    /// The distributions, the last ordered first.
    fn distributions(&self) -> impl Future<Output = Result<Vec<Order>, StoreError>> + Send;

    /// One distribution with its deliveries by machine: all of them, or that of the machine named.
    fn distribution(
        &self,
        distribution: DistributionId,
        of: Option<MachineId>,
    ) -> impl Future<Output = Result<Option<(Order, Deliveries)>, StoreError>> + Send;

    /// At most `most` bytes of a distribution's file, from byte `from` on; `None` where there is no file any more.
    fn distribution_file(
        &self,
        distribution: DistributionId,
        from: u64,
        most: u64,
    ) -> impl Future<Output = Result<Option<FileBytes>, StoreError>> + Send;

    /// A note of the rim that no rule reads.
    fn note(&self, key: &'static str) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Keeps a note.
    fn keep_note(
        &self,
        key: &'static str,
        value: String,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Backs the whole store up into a file while it serves; the file appears under its name only when it is complete,
    /// durable and was opened and checked.
    fn backup(&self, to: &Path) -> impl Future<Output = Result<BackupFile, StoreError>> + Send;

    /// The sequence of the last change above a space's horizon, in its present generation, that arrived before a moment;
    /// the horizon where there is none. Of many it may name an earlier one.
    fn old(
        &self,
        space: SpaceName,
        before: Timestamp,
    ) -> impl Future<Output = Result<Sequence, StoreError>> + Send;

    /// Where the spaces stood in a backup of this kind of store.
    fn heads_in_backup(
        &self,
        backup: &Path,
    ) -> impl Future<Output = Result<Vec<(SpaceName, Generation, Sequence)>, StoreError>> + Send;

    /// One space as a backup of this kind of store holds it.
    fn space_in_backup(
        &self,
        backup: &Path,
        space: SpaceName,
    ) -> impl Future<Output = Result<SpaceContent, StoreError>> + Send;

    /// Finishes what waits and closes. What comes after is answered with [`StoreError::Closed`].
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// One transaction of a store, as [`decide`] uses it.
pub(crate) trait Transaction: Send {
    /// Loads what was asked for; where nothing can be written between this and [`Transaction::write`].
    fn load(&mut self, needs: &Needs) -> impl Future<Output = Result<Loaded, StoreError>> + Send;
    /// Writes.
    fn write(&mut self, writes: &Writes) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Takes what members still need, as requests told that write nothing else: with the next commit at the latest, or
    /// never, where there is none; an older one does no harm.
    fn keep_floors(&mut self, floors: Floors);
    /// Reads a page, the writes included.
    fn page(&mut self, query: &PageQuery) -> impl Future<Output = Result<PageRead, StoreError>> + Send;
}

/// What members of spaces still need.
pub(crate) type Floors = BTreeMap<SpaceName, BTreeMap<MachineId, Floor>>;

/// The sequence of every commit: what is needed, load, merge, write, read the pages, complete the answers. The store
/// makes it durable after, and only then takes the writes into [`Known`] and lets the answers go.
pub(crate) async fn decide<T: Transaction>(
    transaction: &mut T,
    requests: Vec<Request>,
    limits: &Limits,
) -> Result<(Writes, Vec<Answer>), StoreError> {
    let loaded = transaction.load(&needs(&requests)).await?;
    let (mut writes, drafts) = merge(loaded, requests, limits);
    if let Some(floors) = writes.take_floors() {
        transaction.keep_floors(floors);
    }
    if !writes.is_empty() {
        transaction.write(&writes).await?;
    }
    let mut answers = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let page = match draft.query() {
            Some(query) => Some(transaction.page(query).await?),
            None => None,
        };
        answers.push(draft.finish(page));
    }
    Ok((writes, answers))
}

/// Whether requests only read, so that they need not wait for the writer.
pub(crate) fn only_read(requests: &[Request]) -> bool {
    requests.iter().all(|request| {
        matches!(request, Request::Sync { request, .. }
            if request.changes.is_empty() && request.start.is_none() && request.giveback.is_none())
    })
}

/// The most batches of history that are looked at for what is old: what is left is found the next time.
pub(crate) const OLD_BATCHES: usize = 10_000;

/// The sequence of the last change of the batches, which come in their order, that arrived before a moment.
pub(crate) fn last_before(
    horizon: Sequence,
    batches: impl IntoIterator<Item = HistoryBatch>,
    before: Timestamp,
) -> Sequence {
    let old = batches.into_iter().take_while(|batch| batch.time < before);
    old.last().map_or(horizon, |batch| batch.first + batch.changes.len() as Sequence - 1).max(horizon)
}

/// The outcome of a future all of whose parts are ready, on a thread of its own that has no executor.
pub(crate) fn at_once<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut future = core::pin::pin!(future);
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(StoreError::Fault),
    }
}

/// What a list of snapshots says of one.
pub(crate) fn snapshot_info(snapshot: &Snapshot) -> SnapshotInfo {
    let live = snapshot.records.iter().filter(|(_, record)| record.dead.is_none());
    SnapshotInfo {
        id: snapshot.id,
        reason: snapshot.reason,
        time: snapshot.time,
        person: snapshot.person.clone(),
        space: snapshot.space.clone(),
        records: live.count() as u64,
        outbox: snapshot.outbox.len() as u64,
    }
}
