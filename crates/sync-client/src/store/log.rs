//! Logins, the journals of procedures, and the communication log.

use super::{Store, rows};
use crate::error::Result;
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sync_core::{id::ProcedureId, time::Timestamp, wire::Malformed};
use uuid::Uuid;

/// The communication log keeps this many lines.
const MOST_LINES: i64 = 10_000;

/// How much a line of the communication log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Data went to and fro.
    Info,
    /// It will pass by itself: the server cannot be reached for the moment.
    Warning,
    /// Somebody must do something: not authorized, over a limit.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line of the communication log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub time: Timestamp,
    /// How much it matters.
    pub level: String,
    /// A stable code, such as `synced` or an error's.
    pub code: String,
    /// How many changes went to the server.
    pub sent: u64,
    /// How many records came from it.
    pub received: u64,
    /// For people.
    pub text: String,
}

/// A person who logged in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRow {
    /// The user name.
    pub user: String,
    /// When they did last.
    pub time: Timestamp,
    /// Whether the server heard of it.
    pub told: bool,
}

impl Store {
    /// The communication log's last lines, oldest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn log(&self, most: u32) -> Result<Vec<LogLine>> {
        let mut statement = self.db.prepare_cached(
            "SELECT time, level, code, sent, received, text FROM log ORDER BY id DESC LIMIT ?1",
        )?;
        let lines = statement.query_map([most], |row| {
            Ok(LogLine {
                time: Timestamp(row.get(0)?),
                level: row.get(1)?,
                code: row.get(2)?,
                sent: rows::count(row, 3)?,
                received: rows::count(row, 4)?,
                text: row.get(5)?,
            })
        })?;
        let mut lines = lines.collect::<Result<Vec<_>, _>>()?;
        lines.reverse();
        Ok(lines)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// What the disk says.
    pub fn note(&mut self, level: Level, code: &str, text: &str, now: Timestamp) -> Result<()> {
        let line = LogLine {
            time: now,
            level: level.as_str().to_string(),
            code: code.to_string(),
            sent: 0,
            received: 0,
            text: text.to_string(),
        };
        self.transaction(|tx| add(tx, &line))
    }

    /// Keeps that a person logged in; the server is told at the next contact.
    ///
    /// # Errors
    /// What the disk says.
    pub fn login(&mut self, user: &str, now: Timestamp) -> Result<()> {
        self.transaction(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO login(user, time, told) VALUES (?1, ?2, 0)",
                params![user, now.0],
            )?;
            Ok(())
        })
    }

    /// Keeps that the server heard of a login.
    ///
    /// # Errors
    /// What the disk says.
    pub fn login_told(&mut self, user: &str) -> Result<()> {
        self.transaction(|tx| {
            tx.execute("UPDATE login SET told = 1 WHERE user = ?1", [user])?;
            Ok(())
        })
    }

    /// The server is to hear of every login again, as at a Start: it may be another server.
    ///
    /// # Errors
    /// What the disk says.
    pub fn tell_logins_again(&mut self) -> Result<()> {
        self.transaction(|tx| {
            tx.execute("UPDATE login SET told = 0", [])?;
            Ok(())
        })
    }

    /// Who logged in here, the last first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn logins(&self) -> Result<Vec<LoginRow>> {
        let mut statement =
            self.db.prepare_cached("SELECT user, time, told FROM login ORDER BY time DESC, user")?;
        let found = statement.query_map([], |row| {
            Ok(LoginRow { user: row.get(0)?, time: Timestamp(row.get(1)?), told: row.get(2)? })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Keeps a procedure's journal under its id.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_journal<T: Serialize>(&mut self, id: ProcedureId, journal: &T, now: Timestamp) -> Result<()> {
        // JSON, which every form of enum survives.
        let body = serde_json::to_vec(journal).map_err(|error| Malformed(error.to_string()))?;
        self.transaction(|tx| {
            tx.execute(
                "INSERT INTO journal(id, time, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT(id) DO UPDATE SET body = excluded.body",
                params![id.0.as_bytes(), now.0, body],
            )?;
            Ok(())
        })
    }

    /// The journals of procedures, the newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn journals<T: DeserializeOwned>(&self) -> Result<Vec<(ProcedureId, T)>> {
        let mut statement = self.db.prepare_cached("SELECT id, body FROM journal ORDER BY time DESC, id")?;
        let mut found = statement.query([])?;
        let mut journals = Vec::new();
        while let Some(row) = found.next()? {
            let id: Uuid = rows::uuid(row, 0)?;
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let journal = serde_json::from_slice(body).map_err(|error| Malformed(error.to_string()))?;
            journals.push((ProcedureId(id), journal));
        }
        Ok(journals)
    }
}

/// Adds a line to the communication log, and lets the oldest go.
pub(super) fn add(tx: &Transaction<'_>, line: &LogLine) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO log(time, level, code, sent, received, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    statement.execute(params![
        line.time.0,
        line.level,
        line.code,
        i64::try_from(line.sent).unwrap_or(i64::MAX),
        i64::try_from(line.received).unwrap_or(i64::MAX),
        line.text
    ])?;
    tx.prepare_cached("DELETE FROM log WHERE id <= ?1 - ?2")?
        .execute(params![tx.last_insert_rowid(), MOST_LINES])?;
    Ok(())
}
