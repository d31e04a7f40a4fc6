//! The machine's side of a distribution: it hears that something is due, fetches the file, imports it as any other import
//! by its own plan, and says how that went.
//!
//! The server's administrator has ordered it, so the import runs with this process's own authority in place of a token. All
//! rules hold for it. Its id is derived from the distribution and the machine: after a crash, or a lost answer, it is known
//! for done.

use crate::{
    bundle::{self, Lock, Work, begins_as_bundle},
    connection::Connection,
    draw::{self, now},
    error::{Error, Result},
    import::{FileSecrets, ImportOrder, ImportReport, UndoOrder, items_of, read},
    lists::item_of,
    machine::Machine,
    store::Level,
    whole::write_whole,
};
use core::convert::Infallible;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use sync_core::{
    address::Secret,
    api,
    distribution::{
        Applied, DeliveryFileRequest, DueDelivery, FilePart, MAX_FILE, Outcome, PassPhrase, Reason,
        Receiving, Remark, ReportRequest, Reported, Taking, Task, taking,
    },
    files::ReadOptions,
    id::{DistributionId, ImportId, MachineId},
    item::Item,
    machine::SyncState,
    procedure::{FileHash, ListMode},
    replica::back_off,
};

/// Under which name the machine keeps what it receives.
const RECEIVING: &str = "receiving";

/// A file that is to be imported.
struct Delivery {
    distribution: DistributionId,
    name: String,
    sha256: FileHash,
    bytes: u64,
    items: Vec<String>,
    mode: ListMode,
    skip_refused: bool,
    passphrase: Option<PassPhrase>,
}

impl Machine {
    /// What the machine receives of distributions.
    ///
    /// # Errors
    /// What the disk says.
    pub fn receiving(&self) -> Result<Receiving> {
        Ok(self.store().kept_once(RECEIVING)?.unwrap_or_default())
    }

    /// Sets what the machine receives of distributions. What was applied before stays.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_receiving(&self, receiving: &Receiving) -> Result<()> {
        self.store().keep_once(RECEIVING, receiving)
    }

    /// Takes up what the server distributes, until it is dropped. While the client function polls, a poll says when
    /// something is due; while it is stopped, the server is asked now and then: a distribution is no synchronization.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn receive(&self) -> Result<Infallible> {
        let pace = self.options().pace;
        let mut failures = 0;
        let mut wait = pace.poll;
        loop {
            let due = tokio::select! {
                biased;
                () = self.due.notified(), if failures == 0 => true,
                () = tokio::time::sleep(wait) => failures > 0 || self.state() == SyncState::Stopped,
            };
            let done = if due { self.receive_due().await } else { Ok(()) };
            match done {
                Ok(()) | Err(Error::NotEnrolled | Error::ServerNotFound) => {
                    failures = 0;
                    wait = back_off(pace.longest, pace.longest, 1, draw::number()?);
                }
                Err(error @ (Error::Store(_) | Error::Damaged(_) | Error::Random(_))) => return Err(error),
                Err(_) => {
                    failures += 1;
                    wait = back_off(pace.retry, pace.longest, failures, draw::number()?);
                }
            }
        }
    }

    /// Takes up what is due now.
    ///
    /// # Errors
    /// What the network, the server or the disk says; what was not done is still due then.
    pub async fn receive_due(&self) -> Result<()> {
        let link = self.link()?;
        let machine = self.store().identity().machine.ok_or(Error::NotEnrolled)?;
        let all: Vec<DueDelivery> = link.get(&api::DELIVERIES).await?;
        for DueDelivery { distribution, task } in all {
            let outcome = match task {
                Task::Undo { import } => self.undo_delivery(import).await?,
                Task::Apply { name, sha256, bytes, items, mode, skip_refused, passphrase } => {
                    let delivery =
                        Delivery { distribution, name, sha256, bytes, items, mode, skip_refused, passphrase };
                    match self.deliver(&link, machine, &delivery).await? {
                        Some(outcome) => outcome,
                        // Cancelled in between.
                        None => continue,
                    }
                }
            };
            self.note_outcome(distribution, &outcome)?;
            let report = ReportRequest { distribution, outcome: outcome.bounded() };
            match link.call::<Reported>(&api::DELIVERY_REPORT, &report).await {
                // The server knows of no such delivery any more: nothing is left to say.
                Ok(_) => {}
                Err(error) if error.code() == "unknown_distribution" => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Imports a delivery's file; `None` where the server has it no more.
    async fn deliver(
        &self,
        link: &Connection,
        machine: MachineId,
        delivery: &Delivery,
    ) -> Result<Option<Outcome>> {
        let import = ImportId::of_distribution(delivery.distribution, machine);
        if let Some(did) = self.store().imported::<ImportReport>(import)? {
            return Ok(Some(Outcome::Applied(applied(import, &did, None))));
        }
        // What would be refused, or has to wait, is not fetched first.
        if let Err(outcome) = self.may_begin(delivery) {
            return Ok(Some(outcome));
        }
        let Some(bytes) = fetch(link, delivery).await? else { return Ok(None) };
        Ok(Some(match self.apply(import, delivery, bytes).await {
            Ok(applied) => Outcome::Applied(applied),
            Err(Stopped::Refused(reason)) => Outcome::Refused(reason),
            Err(Stopped::Failed(error)) => outcome_of(&error),
        }))
    }

    fn may_begin(&self, delivery: &Delivery) -> Result<(), Outcome> {
        if delivery.bytes > MAX_FILE as u64 {
            let text = format!("the file has {} bytes, and {MAX_FILE} is the most", delivery.bytes);
            return Err(Outcome::Refused(Reason::new("too_large", text, "import it at the machine")));
        }
        let receiving = self.receiving().map_err(|error| outcome_of(&error))?;
        if receiving == Receiving::Off {
            taking(&receiving, &[], &[]).map_err(Outcome::Refused)?;
        }
        // Its import is one of those that run one at a time (rule 7), and nothing may come between its steps.
        self.no_unfinished_procedure().map_err(|error| outcome_of(&error))
    }

    async fn apply(&self, import: ImportId, delivery: &Delivery, bytes: Vec<u8>) -> Result<Applied, Stopped> {
        let named = delivery.items.iter().map(|item| item.parse::<Item>());
        let named = named.collect::<Result<Vec<_>, _>>().map_err(|error| {
            Reason::new(
                "unknown_item",
                error.to_string(),
                "update this machine's program, or order other items",
            )
        })?;
        let bundle = begins_as_bundle(&bytes);
        let pass_phrase = delivery.passphrase.as_ref().map(|phrase| Secret(phrase.0.clone()));
        // A bundle is read from a file, as anybody's is; it goes with this.
        let file = bundle.then(|| self.keep_meanwhile(delivery, &bytes)).transpose()?;
        let held = match &file {
            Some(file) => items_of_bundle(&file.0, pass_phrase.as_ref())?,
            None => items_of_addresses(&bytes)?,
        };
        let mut taking = taking(&self.receiving()?, &named, &held)?;
        if pass_phrase.is_some() && !bundle {
            let text = "the order has a pass phrase, and the file is not encrypted".into();
            taking.notes.push(Remark { line: None, code: "passphrase_not_needed".into(), text });
        }
        let path = file.as_ref().map_or_else(|| PathBuf::from(&delivery.name), |file| file.0.clone());
        let order = ImportOrder {
            items: taking.items.clone(),
            mode: delivery.mode,
            skip_refused: delivery.skip_refused,
            batch: bundle,
            secrets: FileSecrets { pass_phrase, policy_password: None },
            ..ImportOrder::new(path)
        };
        let bytes = (!bundle).then_some(bytes);
        let did = self.import_as(import, &order, bytes, None, Some(&self.own_authority)).await?;
        Ok(applied(import, &did, Some(taking)))
    }

    /// Undoes the import that brought a distribution here; one that never came needs no undoing.
    async fn undo_delivery(&self, import: ImportId) -> Result<Outcome> {
        if self.store().imported::<ImportReport>(import)?.is_none() {
            return Ok(Outcome::Undone);
        }
        let order = UndoOrder { import: Some(import), force: false, plan: false, apply: None };
        Ok(match self.undo_import(&order, Some(&self.own_authority)).await {
            Ok(_) => Outcome::Undone,
            Err(error) if error.code() == "already_undone" => Outcome::Undone,
            Err(error) => match outcome_of(&error) {
                Outcome::Refused(reason) => Outcome::NotUndone(reason),
                other => other,
            },
        })
    }

    /// Keeps the bytes of a bundle beside the replica while it is imported; nobody else reads them.
    fn keep_meanwhile(&self, delivery: &Delivery, bytes: &[u8]) -> Result<Meanwhile> {
        let path = self.folder().join(format!("distribution-{}.part", delivery.distribution));
        write_whole(&path, bytes).map_err(|source| Error::File { path: path.clone(), source })?;
        Ok(Meanwhile(path))
    }

    fn note_outcome(&self, distribution: DistributionId, outcome: &Outcome) -> Result<()> {
        let (level, code, text) = match outcome {
            Outcome::Applied(Applied { added, changed, removed, .. }) => {
                let text = format!("{added} records added, {changed} changed, {removed} removed");
                (Level::Info, "distributed", text)
            }
            Outcome::Undone => (Level::Info, "distribution_undone", "as it was before".into()),
            Outcome::Refused(reason) => (Level::Warning, "distribution_refused", reason.message.clone()),
            Outcome::Again(reason) => (Level::Warning, "distribution_waits", reason.message.clone()),
            Outcome::NotUndone(reason) => (Level::Warning, "distribution_not_undone", reason.message.clone()),
        };
        self.store().note(level, code, &format!("the distribution {distribution}: {text}"), now())
    }
}

/// Why a delivery was not applied.
enum Stopped {
    /// Decided beforehand.
    Refused(Reason),
    /// By the import, or the disk.
    Failed(Error),
}

impl From<Reason> for Stopped {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Fetches the file in parts; `None` where the server has it no more.
async fn fetch(link: &Connection, delivery: &Delivery) -> Result<Option<Vec<u8>>> {
    let distribution = delivery.distribution;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < delivery.bytes {
        let ask = DeliveryFileRequest { distribution, from: bytes.len() as u64 };
        let part: FilePart = match link.call(&api::DELIVERY_FILE, &ask).await {
            Ok(part) => part,
            Err(error) if error.code() == "unknown_distribution" => return Ok(None),
            Err(error) => return Err(error),
        };
        if part.part.0.is_empty() {
            break;
        }
        bytes.extend(part.part.0);
    }
    if Sha256::digest(&bytes)[..] != delivery.sha256.0 {
        return Err(Error::UnreadableAnswer {
            server: "the server".into(),
            cause: format!("the file of the distribution {distribution} is not what was ordered"),
        });
    }
    Ok(Some(bytes))
}

/// A file that goes when this does.
struct Meanwhile(PathBuf);

impl Drop for Meanwhile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The items of an address book file.
fn items_of_addresses(bytes: &[u8]) -> Result<Vec<Item>> {
    let items: BTreeSet<Item> =
        read(bytes, &[], None, &ReadOptions::default())?.split.taken.keys().map(item_of).collect();
    Ok(items.into_iter().collect())
}

/// The items of a bundle that this machine knows.
fn items_of_bundle(path: &Path, pass_phrase: Option<&Secret>) -> Result<Vec<Item>> {
    let opened = bundle::open(path, &Lock::of(pass_phrase)?, Work::default())?;
    Ok(items_of(opened.manifest()).0)
}

fn applied(import: ImportId, did: &ImportReport, taking: Option<Taking>) -> Applied {
    let sum =
        |count: fn(&crate::import::SpaceReport) -> usize| did.spaces.iter().map(|s| count(s) as u64).sum();
    let warnings = did.warnings.iter().map(|warning| Remark {
        line: warning.line,
        code: warning.code.clone(),
        text: warning.text.clone(),
    });
    let (refused, notes) = taking.map(|taking| (taking.refused, taking.notes)).unwrap_or_default();
    Applied {
        import,
        added: sum(|space| space.added),
        changed: sum(|space| space.changed),
        removed: sum(|space| space.removed),
        same: sum(|space| space.same),
        refused,
        warnings: notes.into_iter().chain(warnings).collect(),
    }
}

/// What a failure says to the server: whether it may be over later without anybody doing anything about the order.
fn outcome_of(error: &Error) -> Outcome {
    let report = error.report();
    let reason = Reason::new(&report.code, report.message, report.remedy);
    if is_busy(error) { Outcome::Again(reason) } else { Outcome::Refused(reason) }
}

/// Another operation holds the machine (rule 7), or the system did not give what it should.
fn is_busy(error: &Error) -> bool {
    match error {
        Error::Rules(denied) => denied.rule.as_str() == INTERLOCK,
        Error::Denied { code, .. } => {
            matches!(
                code.as_str(),
                "procedure_unfinished" | "procedure_running" | "import_running" | "cancelled"
            )
        }
        Error::Store(_) | Error::Random(_) | Error::Folder { .. } | Error::File { .. } => true,
        other => other.is_of_the_network(),
    }
}

/// The rule by which one operation keeps out another.
const INTERLOCK: &str = "7";

/// Reads what is to be received from the words of a command: `on`, `off`, or items. No word asks for what stands.
pub(crate) fn parse(words: &[String]) -> Result<Option<Receiving>> {
    Ok(match words {
        [] => None,
        [word] if word == "on" => Some(Receiving::On),
        [word] if word == "off" => Some(Receiving::Off),
        items => {
            let items = items.iter().map(|item| {
                let item: Item = item.parse().map_err(|error| Error::WrongCommand(format!("{error}")))?;
                if item.row().distributable {
                    Ok(item)
                } else {
                    Err(Error::WrongCommand(format!("{} is never distributed", item.title())))
                }
            });
            Some(Receiving::Items(items.collect::<Result<_>>()?))
        }
    })
}

/// For scripts.
pub(crate) fn shown(receiving: &Receiving) -> Value {
    match receiving {
        Receiving::On => json!({"receiving": "on", "items": null}),
        Receiving::Off => json!({"receiving": "off", "items": null}),
        Receiving::Items(items) => json!({"receiving": "items", "items": items}),
    }
}

/// For people.
pub(crate) fn text(receiving: &Receiving) -> String {
    match receiving {
        Receiving::On => "This machine receives every distribution.".into(),
        Receiving::Off => "This machine receives no distributions.".into(),
        Receiving::Items(items) => {
            let names: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
            format!("This machine receives of distributions: {}.", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
