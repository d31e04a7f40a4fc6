//! Rule 7: what runs beside. The table is the profile's.

use super::{Code, Denied, Finding, Question, Step, Way};
use crate::{
    machine::Machine,
    process::{Process, Processes},
    profile::{During, Profile},
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

/// The running processes that count. The session that asks is none that stands in its own way, and a machine
/// synchronizes when rule 6 says so.
const fn running(machine: &Machine, question: &Question<'_>) -> Processes {
    let mut running = machine.running.without(Process::Synchronization);
    if question.from_remote_ui {
        running = running.without(Process::RemoteUi);
    }
    if machine.synchronizes() { running.with(Process::Synchronization) } else { running }
}

pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    let blocking = running(machine, question).and(question.profile.interlock.blocking());
    (!blocking.is_empty()).then(|| {
        let what = format!("{} can't be {}", question.item.title(), question.operation.participle());
        finding(&what, blocking)
    })
}

/// Preparing is part of an import or export: it begins while they may. It is a synchronization itself, and stopped by none.
pub(super) fn ask_prepare(machine: &Machine, profile: &Profile) -> Option<Box<Finding>> {
    let running = machine.running.without(Process::Synchronization);
    let blocking = running.and(profile.interlock.blocking());
    (!blocking.is_empty()).then(|| finding("personalized data can't be prepared", blocking))
}

fn finding(what: &str, blocking: Processes) -> Box<Finding> {
    let titles: Vec<&str> = blocking.iter().map(Process::title).collect();
    Finding::new(
        Code::Interlocked,
        format!("{what} during {}", titles.join(", ")),
        vec![Way::new(
            String::from("when nothing runs beside that excludes it"),
            blocking.iter().map(way_out).collect(),
        )],
    )
}

fn way_out(process: Process) -> Step {
    match process {
        Process::Synchronization => Step::StopSynchronization,
        process if process.is_ended() => Step::EndProcess(process),
        process => Step::WaitForProcess(process),
    }
}

/// Whether a process may run during the import or export that the question speaks of: `yes`, `no` (it waits), or
/// `paused` (it resumes after). The remote UI session that runs the import or export is the one exception to its row.
///
/// ```
/// use sync_core::{item::Item, process::Process, profile::During, time::Timestamp};
/// use sync_core::rules::{Operation, Question, may_run_during};
/// let import = |item| Question::new(Operation::ImportBatch, item, Timestamp(0));
/// assert_eq!(may_run_during(Process::Send, &import(Item::Home)), During::No);
/// assert_eq!(may_run_during(Process::Synchronization, &import(Item::Home)), During::Yes);
/// assert_eq!(may_run_during(Process::Synchronization, &import(Item::PersonalSettings)), During::Paused);
/// ```
#[must_use]
pub fn may_run_during(process: Process, question: &Question<'_>) -> During {
    if process == Process::RemoteUi && question.from_remote_ui {
        return During::Yes;
    }
    match question.profile.interlock.during(process) {
        During::Paused if !question.item.is_personalized() => During::Yes,
        during => during,
    }
}

/// Whether a process may begin while the import or export that the question speaks of runs. What pauses by itself, and
/// what nobody can hold back, may.
///
/// ```
/// use sync_core::{item::Item, process::Process, time::Timestamp};
/// use sync_core::rules::{Code, Operation, Question, decide_process};
/// let import = Question::new(Operation::Import, Item::AddressBook, Timestamp(0));
/// assert_eq!(decide_process(Process::Send, &import).unwrap_err().code, Code::ImportExportRuns);
/// assert_eq!(decide_process(Process::Shutdown, &import), Ok(()));
/// ```
///
/// # Errors
/// [`Denied`], with what is waited for. The import or export goes on.
pub fn decide_process(process: Process, question: &Question<'_>) -> Result<(), Denied> {
    if may_run_during(process, question) != During::No {
        return Ok(());
    }
    let operation = question.operation;
    let waited_for = if operation.is_batch() { Process::BatchImportExport } else { Process::ImportExport };
    let what = if operation.is_import() { "an import" } else { "an export, or its preparation," };
    let mut ways = vec![Way::new("when it has ended", vec![Step::WaitForProcess(waited_for)])];
    if operation.is_import() {
        ways.push(Way::new("at once, without it", vec![Step::CancelImport]));
    }
    let message = format!("{} can't begin while {what} runs at this machine", process.title());
    Err((*Finding::new(Code::ImportExportRuns, message, ways)).into())
}
