//! The one writer: takes all that waits into one durable commit, and answers only after it.

use super::super::{Known, StoreError, at_once, decide};
use super::transaction::{Common, Open, write_kept_floors};
use core::time::Duration;
use parking_lot::RwLock;
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::Receiver,
    time::Instant,
};
use sync_core::server::{Answer, Request, Writes};
use tokio::sync::oneshot;

/// What waits for the writer.
#[derive(Debug)]
pub(super) enum Job {
    /// One commit.
    Commit(Vec<Request>, oneshot::Sender<Result<Vec<Answer>, StoreError>>),
    /// A note.
    KeepNote(&'static str, String, oneshot::Sender<Result<(), StoreError>>),
}

/// An answer that waits for the durable commit.
enum Waiting {
    Commit(Vec<Answer>, oneshot::Sender<Result<Vec<Answer>, StoreError>>),
    Note(oneshot::Sender<Result<(), StoreError>>),
}

/// A group ends when it has so many commits,
const GROUP: usize = 1_024;
/// or when it has been worked on for so long: the first of it waits for the last.
const GROUP_TIME: Duration = Duration::from_millis(50);

/// Works until nobody can send any more.
pub(super) fn run(mut connection: Connection, jobs: &Receiver<Job>, known: &RwLock<Known>, common: &Common) {
    while let Ok(first) = jobs.recv() {
        group(&mut connection, first, jobs, known, common);
    }
    if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the last checkpoint failed; the next opening does it");
    }
}

fn group(
    connection: &mut Connection,
    first: Job,
    jobs: &Receiver<Job>,
    known: &RwLock<Known>,
    common: &Common,
) {
    let began = Instant::now();
    let mut waiting = Vec::new();
    let mut written: Vec<Writes> = Vec::new();
    let mut failed = None;
    let mut writes_notes = false;
    let mut next = Some(first);
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        failed = Some(StoreError::from(error));
    }
    while let Some(job) = next.take() {
        match job {
            // Each commit is decided by itself, over what those before it in the group wrote.
            Job::Commit(requests, answer) => match (&failed, requests) {
                (Some(error), _) => refuse(error, answer),
                (None, requests) => match guarded(connection, common, requests) {
                    Ok((writes, answers)) => {
                        written.extend((!writes.is_empty()).then_some(writes));
                        waiting.push(Waiting::Commit(answers, answer));
                    }
                    Err(error) => {
                        refuse(&error, answer);
                        failed = Some(error);
                    }
                },
            },
            Job::KeepNote(key, value, answer) => match &failed {
                Some(error) => refuse(error, answer),
                None => match keep_note(connection, key, &value) {
                    Ok(()) => {
                        writes_notes = true;
                        waiting.push(Waiting::Note(answer));
                    }
                    Err(error) => {
                        refuse(&error, answer);
                        failed = Some(error);
                    }
                },
            },
        }
        if failed.is_none() && waiting.len() < GROUP && began.elapsed() < GROUP_TIME {
            next = jobs.try_recv().ok();
        }
    }
    if failed.is_none() {
        // Nothing to write needs no durable commit; where there is one, what waited for it goes along.
        if !written.is_empty() {
            failed = write_kept_floors(connection, common).err();
        }
    }
    if failed.is_none() {
        let end = if written.is_empty() && !writes_notes { "ROLLBACK" } else { "COMMIT" };
        failed = connection.execute_batch(end).err().map(StoreError::from);
    }
    if let Some(error) = &failed {
        tracing::error!(%error, commits = waiting.len() + 1, "nothing of a group was written");
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the group could not be rolled back");
        }
    } else if !written.is_empty() {
        let mut known = known.write();
        written.iter().for_each(|writes| known.take(writes));
    }
    for waiting in waiting {
        match (waiting, &failed) {
            (Waiting::Commit(_, answer), Some(error)) => refuse(error, answer),
            (Waiting::Note(answer), Some(error)) => refuse(error, answer),
            // Who no longer listens asks again; what was written is a repeat then.
            (Waiting::Commit(answers, answer), None) => drop(answer.send(Ok(answers))),
            (Waiting::Note(answer), None) => drop(answer.send(Ok(()))),
        }
    }
}

fn keep_note(connection: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES('note:' || ?1, ?2)")?
        .execute((key, value))?;
    Ok(())
}

/// A decision that panics is a fault of the program: the group is undone, the writer goes on.
fn guarded(
    connection: &mut Connection,
    common: &Common,
    requests: Vec<Request>,
) -> Result<(Writes, Vec<Answer>), StoreError> {
    if requests.iter().any(|request| matches!(request, Request::Prune { .. })) {
        write_kept_floors(connection, common)?;
    }
    let mut open = Open { connection, common };
    catch_unwind(AssertUnwindSafe(|| at_once(decide(&mut open, requests, &common.limits))))
        .unwrap_or(Err(StoreError::Fault))
}

fn refuse<T>(error: &StoreError, answer: oneshot::Sender<Result<T, StoreError>>) {
    drop(answer.send(Err(error.shared())));
}
