//! `distribute` and `distributions`: one file to many machines, and how it stands on each.

use super::{Failure, NOTHING, Output};
use crate::{http::DistributionSettings, random, remote::Remote};
use clap::{Args, ValueEnum};
use core::time::Duration;
use std::{
    fs,
    path::{Path, PathBuf},
};
use sync_core::{
    api,
    distribution::{
        Applied, DeliveryInfo, DistributeRequest, DistributionInfo, DistributionRequest, End, EndRequest,
        FileBytes, MAX_FILE, Outcome, Pace, PassPhrase, State,
    },
    id::DistributionId,
    item::Item,
    procedure::ListMode,
    time::Timestamp,
};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sync-server distribute --data DIR lists.csv
  sync-server distribute --data DIR lists.csv --machine 'Front desk' --machine 'Back office' --mode replace
  sync-server distribute --data DIR bundle.fsb --passphrase-file words --at 2026-11-24T22:00:00Z
  sync-server distributions --data DIR

Each machine plans and applies the file by its own rules, as an import of its own. One that is off has it
still due when it comes back; one that is busy is tried again. Personalized data and what belongs to one
machine (keys, certificates, boxes, users) are never distributed. The file has at most 48 MiB.")]
pub(super) struct Distribute {
    /// The file: whatever `sync-client import` takes
    file: PathBuf,
    /// A machine, by its name or id; may be given again [default: all that are enrolled]
    #[arg(long, value_name = "NAME|ID")]
    machine: Vec<String>,
    /// Take only this item; may be given again [default: all in the file that can be distributed]
    #[arg(long, value_name = "ITEM")]
    item: Vec<Item>,
    /// Not before this moment, such as 2026-11-24T22:00:00Z [default: at once]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// append: beside what is there (one-touch buttons go by their numbers); overwrite: in the place of what has the same
    /// list and number; replace: in the place of the whole list, entries that are the same keep their ids
    #[arg(long, value_enum, default_value = "append")]
    mode: Mode,
    /// Let machines pass over items that their rules refuse; otherwise one refused item refuses all on that machine
    #[arg(long)]
    skip_refused: bool,
    /// A file that holds the pass phrase of an encrypted file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Append,
    Overwrite,
    Replace,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// Show how this one stands on each machine
    #[arg(value_name = "ID", conflicts_with_all = ["cancel", "undo"])]
    id: Option<DistributionId>,
    /// Cancel one: machines that have not applied it no longer do
    #[arg(long, value_name = "ID", conflicts_with = "undo")]
    cancel: Option<DistributionId>,
    /// Undo one on each machine that has applied it
    #[arg(long, value_name = "ID")]
    undo: Option<DistributionId>,
}

/// What the options of `serve` say of distributions.
pub(super) fn settings(retry_busy: u64, keep: u64) -> DistributionSettings {
    let (retry, longest) = (Duration::from_secs(retry_busy.max(1)), Pace::default().longest);
    DistributionSettings {
        pace: Pace { retry, longest: longest.max(retry) },
        keep: Duration::from_secs(keep),
    }
}

pub(super) async fn distribute(remote: &Remote, order: Distribute) -> Result<Output, Failure> {
    let Distribute { file, machine, item, at, mode, skip_refused, passphrase_file } = order;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let passphrase = passphrase_file.as_deref().map(read_words).transpose()?;
    let request = DistributeRequest {
        distribution: Some(DistributionId(random::uuid()?)),
        name,
        file: FileBytes(read(&file)?),
        machines: machine,
        items: item,
        mode: match mode {
            Mode::Append => ListMode::Append,
            Mode::Overwrite => ListMode::Overwrite,
            Mode::Replace => ListMode::Replace,
        },
        skip_refused,
        at,
        passphrase,
    };
    let made: DistributionInfo = remote.ask_with_file(api::DISTRIBUTE, &request).await?;
    let text = format!("{}\n\nIts report:\n  sync-server distributions {}", report(&made), made.distribution);
    Ok(Output::new(&made, text))
}

pub(super) async fn distributions(remote: &Remote, which: &Which) -> Result<Output, Failure> {
    let end = which.cancel.map(EndRequest::Cancel).or(which.undo.map(EndRequest::Undo));
    if let Some(end) = end {
        let ended: DistributionInfo = remote.ask(api::END_DISTRIBUTION, Some(&end)).await?;
        return Ok(Output::new(&ended, report(&ended)));
    }
    if let Some(distribution) = which.id {
        let asked = DistributionRequest { distribution };
        let found: DistributionInfo = remote.ask(api::DISTRIBUTION, Some(&asked)).await?;
        return Ok(Output::new(&found, report(&found)));
    }
    let all: Vec<DistributionInfo> = remote.ask(api::DISTRIBUTIONS, NOTHING).await?;
    let text = all.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(Output::new(&all, text))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::Usage(format!("{} cannot be read: {error}", file.display()));
    // Said before it is read into memory.
    if fs::metadata(file).map_err(failed)?.len() > MAX_FILE as u64 {
        return Err(Failure::Usage(format!(
            "{} is too large: a distributed file has at most {} MiB; import it at each machine",
            file.display(),
            MAX_FILE >> 20
        )));
    }
    fs::read(file).map_err(failed)
}

fn read_words(file: &Path) -> Result<PassPhrase, Failure> {
    let failed = |error| Failure::Usage(format!("{} cannot be read: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(failed)?;
    Ok(PassPhrase(text.trim_end_matches(['\r', '\n']).into()))
}

fn line(info: &DistributionInfo) -> String {
    let stands = match (info.over, info.end) {
        (None, Some(End::Undone(_))) => format!("{} machines are to undo it", info.open),
        (None, _) => format!("{} machines are to take it", info.open),
        (Some(over), Some(End::Cancelled(_))) => {
            format!("cancelled where it was not applied, over since {over}")
        }
        (Some(over), Some(End::Undone(_))) => format!("the undoing is over since {over}"),
        (Some(over), None) => format!("over since {over}"),
    };
    format!(
        "{}  {}  {}  {} bytes, due from {}; {stands}",
        info.distribution, info.ordered, info.name, info.bytes, info.at
    )
}

/// One distribution for people: a line of its own, then each machine.
fn report(info: &DistributionInfo) -> String {
    let mut text = line(info);
    for delivery in info.deliveries.iter().flatten() {
        // A machine that was removed since has no name any more.
        let id = delivery.machine.to_string();
        let name = if delivery.name.is_empty() { &id } else { &delivery.name };
        text.push_str(&format!("\n  {name:<24} {:<10} {}", delivery.state, said(delivery)));
    }
    text
}

fn said(delivery: &DeliveryInfo) -> String {
    let next = delivery.next.map_or_else(String::new, |next| format!("; tried again from {next} on"));
    let heard = || {
        delivery.last_contact.map_or_else(
            || "never heard of since the server started".into(),
            |time| format!("last heard of {time}"),
        )
    };
    match delivery.report.as_ref().map(|report| &report.outcome) {
        Some(Outcome::Applied(applied)) if delivery.state != State::Undoing => counts(applied),
        Some(Outcome::Again(reason)) => format!("{} ({}){next}", reason.message, reason.code),
        Some(Outcome::Refused(reason) | Outcome::NotUndone(reason)) => {
            format!("{} ({}): {}", reason.message, reason.code, reason.remedy)
        }
        Some(Outcome::Undone) => "as it was before".into(),
        _ if delivery.next.is_some() => heard(),
        _ => String::new(),
    }
}

fn counts(applied: &Applied) -> String {
    let Applied { added, changed, removed, same, refused, warnings, .. } = applied;
    let mut text = format!("{added} added, {changed} changed, {removed} removed, {same} as they were");
    for refused in refused {
        text.push_str(&format!("; without {}: {} ({})", refused.item, refused.text, refused.code));
    }
    if !warnings.is_empty() {
        text.push_str(&format!("; {} warnings", warnings.len()));
    }
    text
}
