//! The durable replica of one machine: SQLite, one file, one connection.
//!
//! Every step of the protocol that changes it (`docs/protocol.md`) is one transaction, and a transaction is durable
//! before anything of it is told (`journal_mode=WAL`, `synchronous=FULL`: with `NORMAL`, a power cut loses commits).
//!
//! | room | what is in it |
//! | --- | --- |
//! | this one | opening, what is kept once, the spaces |
//! | `edit` | a person's edits and imports, what a person sees |
//! | `exchange` | what to send, what to make of the answer, Start and Stop |
//! | `imports`, `before` | imports under their ids, each at most once, and what stood before them |
//! | `kept` | snapshots, superseded values, history |
//! | `procedures` | what the undo of a procedure needs |
//! | `recover` | after the server was recovered, or a copy differs: giving back, forgetting, downloading anew |
//! | `prepared` | whose data were prepared, and when |
//! | `scope` | which settings are device-specific here, and what a change of that writes |
//! | `log` | logins, journals of procedures, the communication log |
//! | `moment` | all of it at one moment, for whoever reads long |

mod before;
mod edit;
mod exchange;
mod imports;
mod kept;
mod log;
mod moment;
mod prepared;
mod procedures;
mod recover;
mod rows;
mod scope;
mod shown;
#[cfg(test)]
mod tests;

pub use before::{Before, FieldEdit, hash_of};
pub use edit::{Batch, Edit};
pub use exchange::{Plan, Report};
pub use imports::{ImportFacts, ImportLine, ImportState, Importing, KEPT_DAYS, KEPT_IMPORTS};
pub use kept::{SnapshotRow, SupersededRow, live_of};
pub use log::{Level, LogLine, LoginRow};
pub(crate) use moment::{Moment, Records};
pub(crate) use procedures::Image;
pub(crate) use scope::own_place;
pub use sync_core::machine::Prepared;

use crate::{
    draw,
    error::{Error, Result},
    facts::Stated,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::Arc,
};
use sync_core::{
    id::{Incarnation, MachineId, Opening, ServerId},
    machine::{DestinationAddress, Role, SyncState},
    profile::Profile,
    protocol::{Polled, TokenProof},
    replica::{SpaceHead, Wanted},
    space::SpaceName,
    time::Timestamp,
    wire,
};

/// Tells a replica's file from other databases (`PRAGMA application_id`): "SyCl".
const APPLICATION_ID: i64 = 0x5379_436c;
/// The form of the file (`PRAGMA user_version`).
const FORM: i64 = 2;
/// The name of the file in the data folder.
pub const FILE: &str = "replica.db";

const SCHEMA: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE space(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    head BLOB NOT NULL,
    wanted BLOB,
    member INTEGER NOT NULL,
    -- Read off the head, the outbox and what is wanted, so that an idle machine decodes nothing.
    stopped INTEGER NOT NULL,
    to_do INTEGER NOT NULL
);
CREATE INDEX space_to_do ON space(id) WHERE to_do;
CREATE TABLE record(
    space INTEGER NOT NULL, record BLOB NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(space, record)
) WITHOUT ROWID;
CREATE TABLE outbox(
    place INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    number INTEGER NOT NULL,
    record BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX outbox_record ON outbox(space, record);
CREATE UNIQUE INDEX outbox_id ON outbox(space, incarnation, number);
CREATE INDEX outbox_space ON outbox(space);
CREATE TABLE superseded(
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    -- What tells it from the others, so that one that comes again is there once.
    key BLOB NOT NULL,
    time INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL,
    UNIQUE(space, key)
);
CREATE TABLE snapshot(
    place INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, space TEXT NOT NULL, reason TEXT NOT NULL,
    time INTEGER NOT NULL, records INTEGER NOT NULL, outbox INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE history(
    space INTEGER NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(space, sequence)
) WITHOUT ROWID;
CREATE TABLE login(user TEXT PRIMARY KEY, time INTEGER NOT NULL, told INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE journal(id BLOB PRIMARY KEY, time INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
-- What each import did, written with its edits, so that a repeat is known.
CREATE TABLE import(id BLOB PRIMARY KEY, time INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE log(
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, level TEXT NOT NULL, code TEXT NOT NULL,
    sent INTEGER NOT NULL, received INTEGER NOT NULL, text TEXT NOT NULL
);
";

/// Who the machine is, and where its server is: what enrolment and settings gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Drawn by itself at its first enrolment.
    pub machine: Option<MachineId>,
    /// What people call it.
    pub name: String,
    /// Its bearer token; drawn with its id.
    pub token: String,
    /// Which functions it has.
    pub role: Option<Role>,
    /// What its client function connects to.
    pub destination: DestinationAddress,
    /// Where that text really leads, as `HOST:PORT`, where the deployment says so.
    pub connect_to: Option<String>,
    /// The pinned SHA-256 of the server's certificate, as hexadecimal digits.
    pub fingerprint: Option<String>,
    /// The server at which it is enrolled; `None` before the first enrolment was answered.
    pub server: Option<ServerId>,
    /// The realm.
    pub realm: Option<String>,
    /// What proves the administrator's token while the server is out of reach.
    pub administrator: Option<TokenProof>,
    /// What whoever builds the machine states of it.
    pub stated: Stated,
}

impl Identity {
    /// The role; a machine is a client until it is told otherwise.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role.unwrap_or(Role::Client)
    }
}

/// What moves while the machine works, and is kept once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    pub(crate) state: SyncState,
    pub(crate) polled: Option<Polled>,
    pub(crate) user: Option<String>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { state: SyncState::Stopped, polled: None, user: None }
    }
}

/// One space of the replica, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceStanding {
    /// Its name.
    pub name: SpaceName,
    /// Its head.
    pub head: SpaceHead,
    /// What the last poll said of it.
    pub wanted: Option<Wanted>,
    /// Whether the machine is a member; always in a local space.
    pub member: bool,
    /// How many records of its copy, dead ones too.
    pub records: u64,
    /// How many changes wait to be sent.
    pub outbox: u64,
}

/// The durable replica. One connection; one owner at a time.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    identity: Identity,
    /// What the identity's profile says; `None` where it can't be read.
    profile: Option<Arc<Profile>>,
    progress: Progress,
    prepared: Prepared,
    incarnation: Incarnation,
    opening: Opening,
    number: u64,
    /// Spaces that the server lets wait, until when they are not asked for again.
    waits: BTreeMap<i64, Timestamp>,
    /// Whether an answer of this opening looked at what is device-specific for every person.
    scopes_looked_at: bool,
    /// The space with which the next round trip begins, so that none starves.
    turn: i64,
}

impl Store {
    /// Opens, or makes, the replica in a data folder: under a new incarnation and opening, each time.
    ///
    /// # Errors
    /// [`Error::ForeignStore`], [`Error::NewerStore`] or what the disk says.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        // SQLite would make it readable to all; the other files of the database take over its mode.
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(|source| Error::Folder { path: path.clone(), source })?;
        Self::begin(Connection::open(&path)?, &path)
    }

    /// A replica in memory, for tests and trials.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn in_memory() -> Result<Self> {
        Self::begin(Connection::open_in_memory()?, &PathBuf::from(":memory:"))
    }

    fn begin(mut db: Connection, path: &Path) -> Result<Self> {
        db.set_prepared_statement_cache_capacity(64);
        prepare(&mut db, path)?;
        let identity: Identity = meta(&db, "identity")?.unwrap_or_default();
        let progress = meta(&db, "progress")?.unwrap_or_default();
        let prepared = prepared::read(&db)?;
        // Above all that wait, so that changes which a fork renames never meet their own numbers.
        let number: i64 =
            db.query_row("SELECT coalesce(max(number), 0) FROM outbox", [], |row| row.get(0))?;
        let number = u64::try_from(number).unwrap_or(0);
        let mut store = Self {
            db,
            profile: identity.stated.read(),
            identity,
            progress,
            prepared,
            incarnation: Incarnation(draw::uuid()?),
            opening: Opening(draw::uuid()?),
            number,
            waits: BTreeMap::new(),
            scopes_looked_at: false,
            turn: 0,
        };
        // Kept for people who examine a replica; the next opening draws its own.
        let (incarnation, opening) = (store.incarnation, store.opening);
        store.transaction(|tx| {
            tx.execute_batch(imports::SCHEMA)?;
            tx.execute_batch(shown::SCHEMA)?;
            imports::resolve(tx, draw::now())?;
            set_meta(tx, "incarnation", &incarnation)?;
            set_meta(tx, "opening", &opening)
        })?;
        Ok(store)
    }

    /// Who the machine is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Keeps who the machine is.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_identity(&mut self, identity: Identity) -> Result<()> {
        self.transaction(|tx| set_meta(tx, "identity", &identity))?;
        if self.profile.is_none() || identity.stated.profile != self.identity.stated.profile {
            self.profile = identity.stated.read();
        }
        self.identity = identity;
        Ok(())
    }

    /// The profile as it was read with the identity; `None` where it can't be.
    pub(crate) fn read_profile(&self) -> Option<&Arc<Profile>> {
        self.profile.as_ref()
    }

    /// Where the client function stands.
    #[must_use]
    pub fn state(&self) -> SyncState {
        self.progress.state
    }

    /// Who is logged in.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.progress.user.as_deref()
    }

    /// The present incarnation.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(crate) fn set_progress(&mut self, progress: Progress) -> Result<()> {
        if progress != self.progress {
            self.transaction(|tx| set_meta(tx, "progress", &progress))?;
            self.progress = progress;
        }
        Ok(())
    }

    /// What is kept once under a name.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn kept_once<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        meta(&self.db, name)
    }

    /// Keeps something once under a name.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn keep_once<T: Serialize>(&mut self, name: &str, value: &T) -> Result<()> {
        self.transaction(|tx| set_meta(tx, name, value))
    }

    /// All spaces, by name; those of which the machine is no member any more, too.
    ///
    /// # Errors
    /// What the disk says.
    pub fn spaces(&self) -> Result<Vec<SpaceStanding>> {
        let mut statement = self.db.prepare_cached(
            "SELECT name, head, wanted, member,
                    (SELECT count(*) FROM record WHERE record.space = space.id),
                    (SELECT count(*) FROM outbox WHERE outbox.space = space.id)
             FROM space ORDER BY name",
        )?;
        let mut rows = statement.query([])?;
        let mut spaces = Vec::new();
        while let Some(row) = rows.next()? {
            let wanted: Option<Vec<u8>> = row.get(2)?;
            spaces.push(SpaceStanding {
                name: rows::space_name(&row.get::<_, String>(0)?)?,
                head: wire::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?,
                wanted: wanted.map(|wanted| wire::decode(&wanted)).transpose()?,
                member: row.get(3)?,
                records: rows::count(row, 4)?,
                outbox: rows::count(row, 5)?,
            });
        }
        Ok(spaces)
    }

    /// Whether the machine has the space.
    ///
    /// # Errors
    /// What the disk says.
    pub fn is_member(&self, space: &SpaceName) -> Result<bool> {
        let mut statement = self.db.prepare_cached("SELECT member FROM space WHERE name = ?1")?;
        Ok(statement.query_row([space.to_string()], |row| row.get(0)).optional()?.unwrap_or(false))
    }

    /// Makes the machine a member of these spaces: new ones are pulled from their beginning, or wait for a Start where
    /// the client function is stopped.
    ///
    /// # Errors
    /// What the disk says.
    pub fn join(&mut self, spaces: &[SpaceName]) -> Result<()> {
        let stopped = self.state() == SyncState::Stopped;
        self.transaction(|tx| spaces.iter().try_for_each(|space| join(tx, space, stopped).map(|_| ())))
    }

    /// Keeps that the server was not asked about spaces which were joined here: the next Start asks it.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn set_unasked(&mut self, spaces: &[SpaceName]) -> Result<()> {
        self.transaction(|tx| set_meta(tx, "unasked", &spaces))
    }

    /// The spaces that were joined here without the server's word.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn unasked(&self) -> Result<Vec<SpaceName>> {
        Ok(meta(&self.db, "unasked")?.unwrap_or_default())
    }

    /// One transaction, begun as a writer's so that it never fails half-way for a lock.
    fn transaction<T>(&mut self, f: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = f(&tx)?;
        tx.commit()?;
        Ok(done)
    }
}

/// Makes the schema in a new file, and looks whether an old one is ours.
fn prepare(db: &mut Connection, path: &Path) -> Result<()> {
    // A file that is no database at all is foreign too.
    let pragma = |db: &Connection, name| {
        db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).map_err(|error| {
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
                Error::ForeignStore(path.into())
            } else {
                Error::Store(error)
            }
        })
    };
    let (application, form) = (pragma(db, "application_id")?, pragma(db, "user_version")?);
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, form) {
        (APPLICATION_ID, FORM | 1) => {}
        (APPLICATION_ID, found) => return Err(Error::NewerStore { found, known: FORM }),
        (0, 0) if tables == 0 => {}
        _ => return Err(Error::ForeignStore(path.into())),
    }
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // A reader that examines the file may hold it for a moment.
    db.busy_timeout(core::time::Duration::from_secs(5))?;
    if application == 0 {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(SCHEMA)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.execute_batch(recover::SCHEMA)?;
        tx.pragma_update(None, "user_version", FORM)?;
        tx.commit()?;
    } else if form == 1 {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(recover::SCHEMA)?;
        recover::note_digests(&tx)?;
        tx.pragma_update(None, "user_version", FORM)?;
        tx.commit()?;
    }
    Ok(())
}

fn meta<T: DeserializeOwned>(db: &Connection, key: &str) -> Result<Option<T>> {
    let value: Option<Vec<u8>> =
        db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?;
    Ok(value.map(|value| wire::decode(&value)).transpose()?)
}

fn set_meta<T: Serialize>(tx: &Transaction<'_>, key: &str, value: &T) -> Result<()> {
    let mut statement = tx.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)")?;
    statement.execute(params![key, wire::encode(value)?])?;
    Ok(())
}

/// Makes the machine a member of a space; says its row.
fn join(tx: &Transaction<'_>, space: &SpaceName, stopped: bool) -> Result<i64> {
    match rows::find(tx, space)? {
        None => rows::insert_space(tx, space, &SpaceHead::new(stopped && space.synchronizes())),
        Some(found) if found.member => Ok(found.id),
        Some(found) => {
            tx.execute("UPDATE space SET member = 1, wanted = NULL WHERE id = ?1", [found.id])?;
            let head = SpaceHead { stopped, unpulled: true, ..found.head };
            rows::set_head(tx, found.id, &head)?;
            Ok(found.id)
        }
    }
}
