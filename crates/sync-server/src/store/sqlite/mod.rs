//! The embedded store: SQLite, one writer with group commit, readers that never wait for it.

mod backup;
mod distribution;
mod reads;
mod schema;
mod transaction;
mod writer;

pub use backup::inspect;
pub(crate) use reads::{read_heads, read_note};
pub(crate) use schema::Access;

use super::{BackupFile, Deliveries, Known, SpaceContent, Store, StoreError, at_once, decide, only_read};
use crate::random;
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use sync_core::{
    api::{SnapshotInfo, SpaceInfo},
    distribution::{FileBytes, Order},
    id::{DistributionId, Epoch, Generation, MachineId, ProcedureId, Sequence, ServerId, SnapshotId},
    protocol::Limits,
    server::{Answer, Login, PastEpoch, Request, StepResult},
    snapshot::Snapshot,
    space::SpaceName,
    time::Timestamp,
    wire,
};
use tokio::sync::{Semaphore, oneshot};
use transaction::{Common, Open};
use uuid::Uuid;
use writer::Job;

/// Opens a file of a store.
pub(crate) fn open_file(path: &Path, writes: bool) -> Result<Connection, StoreError> {
    let access = if writes { Access::Write } else { Access::Read };
    schema::open_file(path, access)
}

/// How a store is kept.
#[derive(Debug, Clone, Copy)]
pub struct SqliteOptions {
    /// The limits of rule 10.
    pub limits: Limits,
    /// Connections that read beside the writer.
    pub readers: usize,
    /// How many commits may wait; one more is refused with [`StoreError::Busy`].
    pub queue: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), readers: 4, queue: 1_024 }
    }
}

/// A store in one SQLite file. A whole process has it for itself (the data folder's lock sees to that).
#[derive(Debug)]
pub struct SqliteStore {
    server: ServerId,
    path: PathBuf,
    known: Arc<RwLock<Known>>,
    common: Arc<Common>,
    queue: Mutex<Option<mpsc::SyncSender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// Opens the store, or makes it where there is none.
    ///
    /// # Errors
    /// Where the file is not a store, is of a newer version, or cannot be read or made.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let connection = open_file(path, true)?;
        found(&connection)?;
        let (server, known) = reads::read_known(&connection)?;
        let head = known.heads().store();
        let common = Arc::new(Common {
            epoch: head.epoch,
            lineage: head.lineage.clone(),
            limits: options.limits,
            floors: Mutex::default(),
        });
        let known = Arc::new(RwLock::new(known));
        let (queue, jobs) = mpsc::sync_channel(options.queue);
        let writer = {
            let (known, common) = (Arc::clone(&known), Arc::clone(&common));
            std::thread::Builder::new()
                .name("store-writer".into())
                .spawn(move || writer::run(connection, &jobs, &known, &common))
                .map_err(StoreError::io("the writer could not be started"))?
        };
        let readers = Arc::new(Readers {
            path: path.into(),
            permits: Semaphore::new(options.readers.max(1)),
            idle: Mutex::new(Vec::new()),
        });
        Ok(Self {
            server,
            path: path.into(),
            known,
            common,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
            readers,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn send<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = match &*self.queue.lock() {
            None => Err(StoreError::Closed),
            Some(queue) => queue.try_send(job(answer)).map_err(|error| match error {
                mpsc::TrySendError::Full(_) => StoreError::Busy,
                mpsc::TrySendError::Disconnected(_) => StoreError::Closed,
            }),
        };
        sent?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `read` over a connection of the readers, on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(&self.readers);
        let work = move || {
            let idle = readers.idle.lock().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => open_file(&readers.path, false)?,
            };
            let outcome = read(&mut connection);
            if !readers.permits.is_closed() && connection.is_autocommit() {
                readers.idle.lock().push(connection);
            }
            outcome
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Fault)?
    }
}

/// The first rows of a new store.
fn found(connection: &Connection) -> Result<(), StoreError> {
    let draw = || random::bytes().map(|bytes| uuid::Builder::from_random_bytes(bytes).into_uuid());
    let (server, epoch): (Uuid, Uuid) = (
        draw().map_err(StoreError::io("no random bytes"))?,
        draw().map_err(StoreError::io("no random bytes"))?,
    );
    let epoch = Epoch { restores: 0, draw: epoch };
    let rows: [(&str, rusqlite::types::Value); 4] = [
        ("server", wire::encode(&ServerId(server))?.into()),
        ("epoch", wire::encode(&epoch)?.into()),
        ("lineage", wire::encode(&Vec::<PastEpoch>::new())?.into()),
        ("position", 0.into()),
    ];
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for (key, value) in rows {
        connection.execute("INSERT OR IGNORE INTO meta(key, value) VALUES(?1, ?2)", (key, value))?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

impl Store for SqliteStore {
    fn server(&self) -> ServerId {
        self.server
    }

    async fn commit(&self, requests: Vec<Request>) -> Result<Vec<Answer>, StoreError> {
        if only_read(&requests) {
            let common = Arc::clone(&self.common);
            return self
                .read(move |connection| {
                    connection.execute_batch("BEGIN")?;
                    let mut open = Open { connection, common: &common };
                    let decided = at_once(decide(&mut open, requests, &common.limits));
                    connection.execute_batch("COMMIT")?;
                    Ok(decided?.1)
                })
                .await;
        }
        self.send(|answer| Job::Commit(requests, answer)).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn known<R>(&self, read: impl FnOnce(&Known) -> R) -> R {
        read(&self.known.read())
    }

    async fn spaces(&self) -> Result<Vec<SpaceInfo>, StoreError> {
        self.read(|connection| reads::read_spaces(connection)).await
    }

    async fn space(&self, space: SpaceName) -> Result<SpaceContent, StoreError> {
        self.read(move |connection| reads::read_space(connection, &space)).await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        self.read(|connection| reads::read_snapshots(connection)).await
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>, StoreError> {
        self.read(move |connection| reads::read_snapshot(connection, id)).await
    }

    async fn logins(&self) -> Result<Vec<Login>, StoreError> {
        self.read(|connection| reads::read_logins(connection)).await
    }

    async fn step(&self, procedure: ProcedureId, step: String) -> Result<Option<StepResult>, StoreError> {
        self.read(move |connection| transaction::load_step(connection, procedure, &step)).await
    }

    async fn steps(&self, step: String) -> Result<Vec<StepResult>, StoreError> {
        self.read(move |connection| reads::read_steps(connection, &step)).await
    }

    async fn distributions(&self) -> Result<Vec<Order>, StoreError> {
        self.read(|connection| distribution::read_orders(connection)).await
    }

    async fn distribution(
        &self,
        id: DistributionId,
        of: Option<MachineId>,
    ) -> Result<Option<(Order, Deliveries)>, StoreError> {
        self.read(move |connection| {
            // Both of one moment.
            let moment = connection.transaction()?;
            let Some(order) = distribution::read_order(&moment, id)? else { return Ok(None) };
            Ok(Some((order, distribution::read_deliveries(&moment, id, of)?)))
        })
        .await
    }

    async fn distribution_file(
        &self,
        id: DistributionId,
        from: u64,
        most: u64,
    ) -> Result<Option<FileBytes>, StoreError> {
        self.read(move |connection| distribution::read_file(connection, id, from, most)).await
    }

    async fn note(&self, key: &'static str) -> Result<Option<String>, StoreError> {
        self.read(move |connection| read_note(connection, key)).await
    }

    async fn keep_note(&self, key: &'static str, value: String) -> Result<(), StoreError> {
        self.send(|answer| Job::KeepNote(key, value, answer)).await
    }

    async fn backup(&self, to: &Path) -> Result<BackupFile, StoreError> {
        let to = to.to_path_buf();
        self.read(move |connection| backup::backup(connection, &to)).await
    }

    async fn old(&self, space: SpaceName, before: Timestamp) -> Result<Sequence, StoreError> {
        self.read(move |connection| reads::read_old(connection, &space, before)).await
    }

    async fn heads_in_backup(
        &self,
        backup: &Path,
    ) -> Result<Vec<(SpaceName, Generation, Sequence)>, StoreError> {
        let backup = backup.to_path_buf();
        let work = move || {
            let heads = open_file(&backup, false).and_then(|file| read_heads(&file));
            let (_, heads) = heads.map_err(|error| error.of_a_file(&backup))?;
            Ok(heads.spaces().map(|(name, head)| (name.clone(), head.generation, head.head)).collect())
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Fault)?
    }

    async fn space_in_backup(&self, backup: &Path, space: SpaceName) -> Result<SpaceContent, StoreError> {
        let backup = backup.to_path_buf();
        let work = move || {
            let read = open_file(&backup, false).and_then(|file| reads::read_space(&file, &space));
            read.map_err(|error| error.of_a_file(&backup))
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Fault)?
    }

    async fn close(&self) {
        drop(self.queue.lock().take());
        self.readers.permits.close();
        self.readers.idle.lock().clear();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            let joined = tokio::task::spawn_blocking(move || writer.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the writer of the store ended in a fault");
            }
        }
    }
}
