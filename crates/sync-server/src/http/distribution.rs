//! Distributions: what administrators order and ask, and what machines fetch and report.

use super::{
    Interface,
    distributed_file::look_at,
    message::{from_refusal, from_store, internal, problem},
};
use crate::{clock, random, store::Store};
use core::time::Duration;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    distribution::{
        DeliveryFileRequest, DeliveryInfo, DistributeRequest, DistributionInfo, DueDelivery, EndRequest,
        FileBytes, FilePart, MAX_FILE, MAX_PART, Order, Outcome, Pace, RETENTION, Reason, ReportRequest,
        Reported,
    },
    id::{DistributionId, MachineId},
    procedure::FileHash,
    protocol::Problem,
    server::{Act, Answer, Refusal, Request},
    time::Timestamp,
};

/// The largest body with which a distribution is ordered: the file as Base64, and what goes with it.
pub(super) const MAX_ORDER: usize = MAX_FILE / 3 * 4 + (64 << 10);
/// The longest pass phrase and the longest name of a file, in bytes.
const LONGEST: usize = 1_024;

/// How patient a server is with distributions, and how long it keeps their reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistributionSettings {
    /// When a machine that was busy is tried again.
    pub pace: Pace,
    /// How long a report is kept after the last delivery was over.
    pub keep: Duration,
}

impl Default for DistributionSettings {
    fn default() -> Self {
        Self { pace: Pace::default(), keep: RETENTION }
    }
}

impl<S: Store> Interface<S> {
    /// The same with other settings for distributions.
    #[must_use]
    pub fn with_distributions(mut self, settings: DistributionSettings) -> Self {
        self.distributions = settings;
        self
    }

    pub(super) async fn distribute(&self, request: DistributeRequest) -> Result<DistributionInfo, Problem> {
        let DistributeRequest {
            distribution,
            name,
            file,
            machines,
            items,
            mode,
            skip_refused,
            at,
            passphrase,
        } = request;
        check_file(&name, &file)?;
        if passphrase.as_ref().is_some_and(|words| words.0.is_empty() || words.0.len() > LONGEST) {
            return Err(problem(
                422,
                "wrong_passphrase",
                &format!("a pass phrase has 1 to {LONGEST} bytes"),
                "give the one with which the file was encrypted, or none",
            ));
        }
        let machines = self.machines_named(&machines)?;
        let id = match distribution {
            Some(id) => id,
            None => DistributionId(random::uuid().map_err(|_| internal())?),
        };
        let mut distinct = BTreeSet::new();
        let now = clock::now();
        let order = Order {
            id,
            name,
            sha256: FileHash(Sha256::digest(&file.0).into()),
            bytes: file.0.len() as u64,
            items: items.into_iter().filter(|item| distinct.insert(*item)).collect(),
            mode,
            skip_refused,
            at: at.unwrap_or(now),
            ordered: now,
            passphrase,
            end: None,
            open: 0,
            over: None,
        };
        if let Some(item) = order.not_distributable() {
            return Err(from_refusal(&Refusal::NotDistributable(item)));
        }
        let (file, order) = tokio::task::spawn_blocking(move || {
            look_at(&file.0, order.passphrase.as_ref(), &order.items).map(|()| (file, order))
        })
        .await
        .map_err(|_| internal())??;
        let count = machines.len();
        let order = self.act(Act::Order { order, machines, file }).await?;
        tracing::info!(distribution = %id, machines = count, name = order.name, "a distribution was ordered");
        self.distribution_report(id).await
    }

    pub(super) async fn distributions(&self) -> Result<Vec<DistributionInfo>, Problem> {
        let orders = self.store().distributions().await.map_err(|error| from_store(&error))?;
        Ok(orders.into_iter().map(DistributionInfo::from).collect())
    }

    /// One distribution, machine by machine in the order of their names.
    pub(super) async fn distribution_report(&self, id: DistributionId) -> Result<DistributionInfo, Problem> {
        let found = self.store().distribution(id, None).await.map_err(|error| from_store(&error))?;
        let (order, deliveries) = found.ok_or_else(|| from_refusal(&Refusal::UnknownDistribution))?;
        let mut infos: Vec<DeliveryInfo> = self.store().known(|known| {
            let name = |machine| known.machines().get(&machine).map(|known| known.name.clone());
            let deliveries = deliveries.into_iter();
            deliveries
                .map(|(machine, delivery)| {
                    let name = name(machine).unwrap_or_default();
                    DeliveryInfo::new(machine, name, known.last_contact(machine), delivery)
                })
                .collect()
        });
        infos.sort_by(|a, b| (&a.name, a.machine).cmp(&(&b.name, b.machine)));
        Ok(DistributionInfo::from(order).with(infos))
    }

    pub(super) async fn end_distribution(&self, request: EndRequest) -> Result<DistributionInfo, Problem> {
        let now = clock::now();
        let (act, id, what) = match request {
            EndRequest::Cancel(distribution) => {
                (Act::Cancel { distribution, now }, distribution, "cancelled")
            }
            EndRequest::Undo(distribution) => (Act::Undo { distribution, now }, distribution, "to be undone"),
        };
        self.act(act).await?;
        tracing::info!(distribution = %id, "a distribution is {what}");
        self.distribution_report(id).await
    }

    /// What is due for a machine, the longest due first. Nothing due is answered from memory.
    pub(super) async fn deliveries(&self, machine: MachineId) -> Result<Vec<DueDelivery>, Problem> {
        let now = clock::now();
        let mut due = Vec::new();
        for id in self.store().known(|known| known.heads().due(machine, now)) {
            let found =
                self.store().distribution(id, Some(machine)).await.map_err(|error| from_store(&error))?;
            // Cancelled in between, it is no longer open.
            if let Some((order, deliveries)) = found
                && let Some((_, delivery)) = deliveries.first()
                && delivery.is_open()
            {
                due.push(DueDelivery::of(&order, machine, delivery.state));
            }
        }
        Ok(due)
    }

    /// A part of a file, to a machine that is to apply it and to no other.
    pub(super) async fn delivery_file(
        &self,
        machine: MachineId,
        request: DeliveryFileRequest,
    ) -> Result<FilePart, Problem> {
        let DeliveryFileRequest { distribution, from } = request;
        let now = clock::now();
        let due = self.store().known(|known| known.heads().due(machine, now).contains(&distribution));
        let part = if due {
            let read = self.store().distribution_file(distribution, from, MAX_PART).await;
            read.map_err(|error| from_store(&error))?
        } else {
            None
        };
        part.map(|part| FilePart { part }).ok_or_else(|| from_refusal(&Refusal::UnknownDistribution))
    }

    pub(super) async fn delivery_report(
        &self,
        machine: MachineId,
        request: ReportRequest,
    ) -> Result<Reported, Problem> {
        let ReportRequest { distribution, outcome } = request;
        let [a, b, c, d] = random::bytes().map_err(|_| internal())?;
        self.act(Act::Report {
            distribution,
            machine,
            outcome,
            now: clock::now(),
            pace: self.distributions.pace,
            random: u32::from_be_bytes([a, b, c, d]),
        })
        .await?;
        Ok(Reported {})
    }

    /// Forgets the distributions that have been over for as long as they are kept.
    pub(crate) async fn forget_distributions(&self) {
        let (keep, now) = (self.distributions.keep, clock::now());
        let forget = async {
            let orders = self.store().distributions().await?;
            let old = orders.iter().filter(|order| order.may_be_forgotten(keep, now));
            let distributions: Vec<_> = old.map(|order| order.id).collect();
            if !distributions.is_empty() {
                tracing::info!(count = distributions.len(), "old distributions are forgotten");
                let act = Act::Forget { distributions, keep, now };
                self.store().commit(vec![Request::Distribution(act)]).await?;
            }
            Ok::<(), crate::store::StoreError>(())
        };
        if let Err(error) = forget.await {
            tracing::warn!(%error, "old distributions could not be forgotten");
        }
    }

    async fn act(&self, act: Act) -> Result<Order, Problem> {
        match self.commit_one(Request::Distribution(act)).await? {
            Answer::Distribution(order) => Ok(order),
            _ => Err(internal()),
        }
    }

    /// What was to be delivered to a machine that was removed is over. What can't be said now is still open, and can be
    /// cancelled.
    pub(super) async fn over_for(&self, machine: MachineId) {
        let open = self.store().known(|known| known.heads().due(machine, Timestamp(i64::MAX)));
        for distribution in open {
            let reason = Reason::new(
                "machine_removed",
                "the machine's enrolment was withdrawn",
                "enrol it again, and order another distribution",
            );
            let report = ReportRequest { distribution, outcome: Outcome::Refused(reason) };
            if let Err(problem) = self.delivery_report(machine, report).await {
                tracing::warn!(%distribution, code = problem.code, "a delivery stays open");
            }
        }
    }

    /// The machines that are named by id or by name; all where none is.
    pub(super) fn machines_named(&self, named: &[String]) -> Result<BTreeSet<MachineId>, Problem> {
        self.store().known(|known| {
            let mut by_name: BTreeMap<&str, Vec<MachineId>> = BTreeMap::new();
            for (id, machine) in known.machines() {
                by_name.entry(&machine.name).or_default().push(*id);
            }
            if named.is_empty() {
                return Ok(known.machines().keys().copied().collect());
            }
            let find = |name: &String| {
                if let Some(id) = name.parse().ok().filter(|id| known.machines().contains_key(id)) {
                    return Ok(id);
                }
                match by_name.get(name.as_str()).map(Vec::as_slice) {
                    Some([id]) => Ok(*id),
                    Some(several) => Err(problem(
                        409,
                        "ambiguous_machine",
                        &format!("{} machines are called `{name}`", several.len()),
                        "name it by its id: the list of machines has it",
                    )),
                    None => Err(problem(
                        404,
                        "unknown_machine",
                        &format!("no machine is called `{name}`"),
                        "the list of machines has their names and ids",
                    )),
                }
            };
            named.iter().map(find).collect()
        })
    }
}

fn check_file(name: &str, file: &FileBytes) -> Result<(), Problem> {
    let wrong_name = name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control);
    if wrong_name {
        return Err(problem(
            400,
            "wrong_name",
            &format!("a file's name has 1 to {LONGEST} bytes and no control characters"),
            "give it a name that people know it by",
        ));
    }
    if file.0.is_empty() || file.0.len() > MAX_FILE {
        return Err(problem(
            413,
            if file.0.is_empty() { "empty_file" } else { "too_large" },
            &format!("the file has {} bytes", file.0.len()),
            &format!(
                "a distributed file has 1 to {MAX_FILE} bytes; larger ones are imported at each machine"
            ),
        ));
    }
    Ok(())
}
