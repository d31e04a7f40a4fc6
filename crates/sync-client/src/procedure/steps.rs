//! Each step of a procedure, so that it may be repeated.

use super::{Patience, about, cancelled, failure, hash, import_id, in_batch, unreadable};
use crate::{
    draw::now,
    error::{Error, Result},
    import::{ImportOrder, ImportReport, hash_of, is_bundle, read_bytes},
    machine::Machine,
    store::{Image, live_of},
};
use core::{sync::atomic::Ordering, time::Duration};
use std::{collections::BTreeMap, path::Path};
use sync_core::{
    address::{ADDRESS_TYPE, TYPE_FIELD},
    api::{ServerStep, StepAnswer},
    id::RecordId,
    machine::SyncState,
    procedure::{Event, Evidence, FileHash, Procedure, Sent, Step},
    record::FieldName,
    server::Deleted,
    space::{SpaceKind, SpaceName},
    time::Timestamp,
    value::Value,
};

impl Machine {
    pub(super) async fn run_step(
        &self,
        procedure: &Procedure,
        step: Step,
        patience: Patience,
        token: &str,
    ) -> Event {
        self.say(format!("{step}: {}", about(step)));
        match self.step(procedure, step, patience, token).await {
            Ok(evidence) => {
                self.say(format!("{step}: {}", left_behind(&evidence)));
                Event::StepDone(evidence)
            }
            Err(error) => {
                self.say(format!("{step}: failed: {error}"));
                Event::StepFailed(step, failure(&error))
            }
        }
    }

    async fn step(
        &self,
        procedure: &Procedure,
        step: Step,
        patience: Patience,
        token: &str,
    ) -> Result<Evidence> {
        let order = procedure.order();
        match step {
            Step::Join => {
                self.join(order.spaces.clone(), token).await?;
                if self.state() != SyncState::Stopped {
                    self.level().await?;
                }
                let heads = self.store().heads(&order.spaces)?;
                let level = heads.into_iter().map(|(space, head)| {
                    let (generation, seen) = head.map_or((None, 0), |head| (head.generation, head.seen));
                    // A space that never was spoken of begins in its first generation.
                    (space, generation.unwrap_or(1), seen)
                });
                Ok(Evidence::Joined { level: level.collect() })
            }
            Step::Stop => Ok(Evidence::Stopped { unsent: self.stop(patience.stop).await? }),
            Step::BackUp => match self.cancellable_step(procedure, ServerStep::BackUp, token).await? {
                StepAnswer::BackedUp(made) => {
                    let hash = made.sha256.parse().map_err(|error| unreadable(&format!("{error}")))?;
                    Ok(Evidence::BackedUp { backup: made.name, hash })
                }
                other => Err(unreadable(&format!("{other:?}"))),
            },
            Step::Delete => {
                let spaces = procedure.order().spaces.clone();
                let step = ServerStep::Delete { spaces, reserve_for: patience.reserve.as_secs() };
                let asked = now();
                match self.cancellable_step(procedure, step, token).await? {
                    StepAnswer::Deleted(deleted) => Ok(evidence_of(&deleted, asked.plus(patience.reserve))),
                    other => Err(unreadable(&format!("{other:?}"))),
                }
            }
            Step::Import => self.import_of(procedure, token).await,
            Step::Start => self.start_of(procedure, patience, token).await,
        }
    }

    /// A step at the server, which may take long: whoever cancels does not wait for it. The server goes on with it, and
    /// tells the cancel what it did.
    async fn cancellable_step(
        &self,
        procedure: &Procedure,
        step: ServerStep,
        token: &str,
    ) -> Result<StepAnswer> {
        let ended = self.procedures.cancelled.notified();
        if self.procedures.cancel.load(Ordering::Relaxed) {
            return Err(cancelled());
        }
        tokio::select! {
            answered = self.server_step(procedure.id(), step, token) => answered,
            () = ended => Err(cancelled()),
        }
    }

    /// Ends the procedure at the server; learns what its deletion did there.
    pub(super) async fn end_reservation(&self, procedure: &Procedure, token: &str) -> Event {
        match self.server_step(procedure.id(), ServerStep::Cancel, token).await {
            Ok(StepAnswer::Cancelled { deleted }) => {
                Event::ReservationEnded(deleted.map(|deleted| evidence_of(&deleted, now())))
            }
            Ok(other) => Event::ReservationNotEnded(failure(&unreadable(&format!("{other:?}")))),
            // It is ended where it is: this machine's journal is a copy of that one's.
            Err(error) => Event::ReservationNotEnded(failure(&error)),
        }
    }

    async fn import_of(&self, procedure: &Procedure, token: &str) -> Result<Evidence> {
        let (order, id) = (procedure.order(), import_id(procedure));
        let before = self.store().imported::<ImportReport>(id)?;
        if let Some(did) = before {
            self.store().keep_image(procedure.id(), Image::After, &order.spaces, false)?;
            return Ok(Evidence::Imported { import: id, records: did.touched() });
        }
        let file = Path::new(&order.source.name);
        let bundle = is_bundle(file);
        let bytes = if bundle { None } else { Some(read_bytes(file)?) };
        let found = bytes.as_ref().map_or_else(|| hash_of(file).map(FileHash), |bytes| Ok(hash(bytes)))?;
        if found != order.source.hash {
            return Err(Error::Denied {
                code: "file_changed".into(),
                message: format!(
                    "{} is not the file with which the procedure began (SHA-256 {found}, it was {})",
                    file.display(),
                    order.source.hash
                ),
                remedy:
                    "put the old file back and resume; or go back to the start with --undo, and begin again"
                        .into(),
            });
        }
        let unowned =
            |kind| order.unowned.as_ref().filter(|space| space.kind == kind).map(|space| space.name.clone());
        let import = ImportOrder {
            items: order.items.clone(),
            user: unowned(SpaceKind::User),
            group: unowned(SpaceKind::Group),
            mode: order.mode,
            batch: bundle && in_batch(&order.items),
            secrets: self.procedures.secrets.lock().clone(),
            ..ImportOrder::new(file)
        };
        // What was there before and after tells an undo what was edited since.
        self.store().keep_image(procedure.id(), Image::Before, &order.spaces, true)?;
        let did = self.import_as(id, &import, bytes, Some(&order.spaces), Some(token)).await?;
        self.store().keep_image(procedure.id(), Image::After, &order.spaces, true)?;
        Ok(Evidence::Imported { import: id, records: did.touched() })
    }

    async fn start_of(&self, procedure: &Procedure, patience: Patience, token: &str) -> Result<Evidence> {
        self.start_and_settle(&procedure.order().spaces, patience.start, token).await?;
        let set_aside = self.set_aside(procedure)?;
        let sent = self.sent(procedure)?;
        // The start ended the reservation of what was sent into; this ends that of a list which was left empty. Where it
        // does not arrive, the set time does.
        let _ = self.server_step(procedure.id(), ServerStep::Cancel, token).await;
        Ok(Evidence::Started { set_aside, sent })
    }

    /// Starts, and waits until these spaces are at this machine as the server has them, and everything of them was sent.
    pub(super) async fn start_and_settle(
        &self,
        spaces: &[SpaceName],
        patience: Duration,
        token: &str,
    ) -> Result<()> {
        self.join_unasked(token).await?;
        let until = now().plus(patience);
        self.start(patience).await?;
        loop {
            let level = {
                let store = self.store();
                let standings = store.spaces()?;
                let ours = standings.iter().filter(|standing| spaces.contains(&standing.name));
                store.state() == SyncState::InProgress
                    && ours.into_iter().all(|s| {
                        !s.head.stopped && !s.head.unpulled && s.head.start.is_none() && s.outbox == 0
                    })
            };
            if level {
                return Ok(());
            }
            if now() >= until {
                let error = self.contact().error.map(|(_, report)| Error::Told(report));
                return Err(error.unwrap_or_else(|| Error::Denied {
                    code: "start_not_level".into(),
                    message: "the start goes on, but not everything has been sent yet".into(),
                    remedy: "wait, then resume the procedure".into(),
                }));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a Start after the deletion sent into the emptied spaces.
    pub(super) fn sent(&self, procedure: &Procedure) -> Result<Vec<Sent>> {
        let known = procedure.done().iter().find_map(|done| match &done.evidence {
            Evidence::Started { sent, .. } => Some(sent.clone()),
            _ => None,
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let store = self.store();
        let mut sent = Vec::new();
        for space in &procedure.order().spaces {
            sent.extend(store.started(space)?);
        }
        Ok(sent)
    }

    /// The spaces in which the server had data before the copy arrived: nothing of what was kept at the start is there.
    fn set_aside(&self, procedure: &Procedure) -> Result<Vec<SpaceName>> {
        let since = procedure.done().last().map(|done| done.at).unwrap_or_default();
        let store = self.store();
        let mut set_aside = Vec::new();
        for row in store.snapshots()? {
            let ours = procedure.order().spaces.contains(&row.space) && !set_aside.contains(&row.space);
            if !ours || row.time < since || !matches!(&*row.reason, "start" | "occupied") {
                continue;
            }
            let is_address = |fields: &BTreeMap<FieldName, Value>| {
                fields.get(TYPE_FIELD).and_then(Value::as_text) == Some(ADDRESS_TYPE)
            };
            let kept = live_of(&store.snapshot(row.id)?);
            let kept: Vec<RecordId> =
                kept.into_iter().filter(|(_, fields)| is_address(fields)).map(|(id, _)| id).collect();
            let stands = store.live(&row.space)?;
            if !kept.is_empty() && !kept.iter().any(|id| stands.contains_key(id)) {
                set_aside.push(row.space);
            }
        }
        Ok(set_aside)
    }
}

fn evidence_of(deleted: &[Deleted], until: Timestamp) -> Evidence {
    Evidence::Deleted {
        spaces: deleted.iter().map(|one| (one.space.clone(), one.generation)).collect(),
        snapshots: deleted.iter().filter_map(|one| one.snapshot).collect(),
        records: deleted.iter().map(|one| one.records).sum(),
        reserved_until: deleted.iter().filter_map(|one| one.reserved_until).max().unwrap_or(until),
    }
}

fn left_behind(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Joined { level } => format!("{} lists are at this machine", level.len()),
        Evidence::Stopped { unsent } => format!("stopped; {unsent} changes unsent"),
        Evidence::BackedUp { backup, .. } => format!("the backup is {backup}"),
        Evidence::Deleted { spaces, records, .. } => {
            format!("{records} records; {} lists are empty and reserved for this machine", spaces.len())
        }
        Evidence::Imported { records, .. } => format!("{records} entries changed"),
        Evidence::Started { set_aside, .. } if set_aside.is_empty() => {
            "the fleet has what was imported".into()
        }
        Evidence::Started { set_aside, .. } => format!("{} lists were set aside", set_aside.len()),
    }
}
