//! Distributions at the server: what a commit loads and writes of them, and what each act does.

use super::{
    Answer, Refusal,
    state::{Loaded, Needs},
};
use crate::{
    distribution::{Delivery, End, FileBytes, MAX_OPEN, Order, Outcome, Pace},
    id::{DistributionId, MachineId},
    time::Timestamp,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

/// Something that is done to distributions.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// An administrator orders one. Repeating it under the same id changes nothing.
    Order {
        /// What is ordered, with no delivery yet.
        order: Order,
        /// For which machines.
        machines: BTreeSet<MachineId>,
        /// The file.
        file: FileBytes,
    },
    /// A machine says how its delivery went.
    Report {
        /// Of which distribution.
        distribution: DistributionId,
        /// Which machine.
        machine: MachineId,
        /// How it went.
        outcome: Outcome,
        /// When.
        now: Timestamp,
        /// How patiently it is tried again.
        pace: Pace,
        /// Spreads what is tried again.
        random: u32,
    },
    /// An administrator cancels what is not applied yet.
    Cancel {
        /// Which.
        distribution: DistributionId,
        /// When.
        now: Timestamp,
    },
    /// An administrator has undone what was applied.
    Undo {
        /// Which.
        distribution: DistributionId,
        /// When.
        now: Timestamp,
    },
    /// Those of these that have been over for `keep` are forgotten.
    Forget {
        /// Which.
        distributions: Vec<DistributionId>,
        /// For how long they are kept.
        keep: Duration,
        /// When.
        now: Timestamp,
    },
}

/// What a commit must load of distributions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistributionNeeds {
    /// The orders.
    pub orders: BTreeSet<DistributionId>,
    /// One delivery each.
    pub deliveries: BTreeSet<(DistributionId, MachineId)>,
    /// All deliveries of these.
    pub all_of: BTreeSet<DistributionId>,
    /// Whether it is needed how many are not over.
    pub open: bool,
}

/// Distributions: all of a store in memory, or what a commit loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distributions {
    /// The orders.
    pub orders: BTreeMap<DistributionId, Order>,
    /// The deliveries.
    pub deliveries: BTreeMap<(DistributionId, MachineId), Delivery>,
    /// The files; a commit loads none.
    pub files: BTreeMap<DistributionId, FileBytes>,
    /// How many are not over, where that was asked for.
    pub open: u64,
}

/// What a commit writes of distributions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DistributionWrites {
    /// Orders, new or changed. `None` forgets one with all that belongs to it.
    pub orders: BTreeMap<DistributionId, Option<Order>>,
    /// Deliveries, new or changed.
    pub deliveries: BTreeMap<(DistributionId, MachineId), Delivery>,
    /// Files, new ones; `None` removes one.
    pub files: BTreeMap<DistributionId, Option<FileBytes>>,
}

impl Distributions {
    /// What of all distributions a commit needs.
    #[must_use]
    pub fn picked(&self, needs: &DistributionNeeds) -> Self {
        let deliveries = self
            .deliveries
            .iter()
            .filter(|(key, _)| needs.deliveries.contains(key) || needs.all_of.contains(&key.0));
        Self {
            orders: needs.orders.iter().filter_map(|id| Some((*id, self.orders.get(id)?.clone()))).collect(),
            deliveries: deliveries.map(|(key, delivery)| (*key, delivery.clone())).collect(),
            files: BTreeMap::new(),
            open: self.orders.values().filter(|order| order.over.is_none()).count() as u64,
        }
    }

    /// The deliveries of one distribution, by machine.
    pub fn of(&self, distribution: DistributionId) -> impl Iterator<Item = (MachineId, &Delivery)> {
        let all = self.deliveries.iter().filter(move |((of, _), _)| *of == distribution);
        all.map(|((_, machine), delivery)| (*machine, delivery))
    }

    /// Takes what a commit wrote.
    pub fn take(&mut self, writes: DistributionWrites) {
        self.deliveries.extend(writes.deliveries);
        for (id, file) in writes.files {
            match file {
                Some(file) => self.files.insert(id, file),
                None => self.files.remove(&id),
            };
        }
        for (id, order) in writes.orders {
            match order {
                Some(order) => {
                    self.orders.insert(id, order);
                }
                None => {
                    self.orders.remove(&id);
                    self.files.remove(&id);
                    self.deliveries.retain(|(of, _), _| *of != id);
                }
            }
        }
    }
}

pub(super) fn needs(needs: &mut Needs, act: &Act) {
    let wanted = &mut needs.distributions;
    match act {
        Act::Order { order, machines, .. } => {
            wanted.orders.insert(order.id);
            wanted.open = true;
            needs.machines.extend(machines);
        }
        Act::Report { distribution, machine, .. } => {
            wanted.orders.insert(*distribution);
            wanted.deliveries.insert((*distribution, *machine));
        }
        Act::Cancel { distribution, .. } | Act::Undo { distribution, .. } => {
            wanted.orders.insert(*distribution);
            wanted.all_of.insert(*distribution);
        }
        Act::Forget { distributions, .. } => wanted.orders.extend(distributions),
    }
}

pub(super) fn act(loaded: &mut Loaded, act: Act) -> Answer {
    let done = match act {
        Act::Order { order, machines, file } => begin(loaded, order, &machines, file),
        Act::Report { distribution, machine, outcome, now, pace, random } => {
            change(loaded, distribution, Some(machine), None, now, |order, delivery| {
                delivery.report(outcome.clone().bounded(), order.end, now, pace, random);
            })
        }
        Act::Cancel { distribution, now } => end(loaded, distribution, End::Cancelled(now), now),
        Act::Undo { distribution, now } => end(loaded, distribution, End::Undone(now), now),
        Act::Forget { distributions, keep, now } => {
            for id in distributions {
                if loaded.distributions.orders.get(&id).is_some_and(|order| order.may_be_forgotten(keep, now))
                {
                    loaded.distributions.orders.remove(&id);
                    loaded.writes.distributions.orders.insert(id, None);
                }
            }
            return Answer::Done;
        }
    };
    done.map_or_else(Answer::Refused, Answer::Distribution)
}

fn begin(
    loaded: &mut Loaded,
    mut order: Order,
    machines: &BTreeSet<MachineId>,
    file: FileBytes,
) -> Result<Order, Refusal> {
    if let Some(before) = loaded.distributions.orders.get(&order.id) {
        return Ok(before.clone());
    }
    if let Some(item) = order.not_distributable() {
        return Err(Refusal::NotDistributable(item));
    }
    if machines.is_empty() {
        return Err(Refusal::NoMachine);
    }
    if machines.iter().any(|machine| !loaded.machines.contains_key(machine)) {
        return Err(Refusal::UnknownMachine);
    }
    if loaded.distributions.open >= MAX_OPEN {
        return Err(Refusal::TooManyDistributions(MAX_OPEN));
    }
    loaded.distributions.open += 1;
    for machine in machines {
        let (key, delivery) = ((order.id, *machine), Delivery::new(order.at));
        loaded.distributions.deliveries.insert(key, delivery.clone());
        loaded.writes.distributions.deliveries.insert(key, delivery);
    }
    order.set_open(machines.len() as u64, order.ordered);
    loaded.writes.distributions.files.insert(order.id, Some(file));
    keep(loaded, order.clone());
    Ok(order)
}

fn end(loaded: &mut Loaded, id: DistributionId, end: End, now: Timestamp) -> Result<Order, Refusal> {
    change(loaded, id, None, Some(end), now, |_, delivery| match end {
        End::Cancelled(_) => delivery.cancel(),
        End::Undone(now) => delivery.undo(now),
    })
}

/// Changes one delivery of a distribution, or all that were loaded, and keeps the order's account of those that are open.
fn change(
    loaded: &mut Loaded,
    id: DistributionId,
    only: Option<MachineId>,
    end: Option<End>,
    now: Timestamp,
    mut change: impl FnMut(&Order, &mut Delivery),
) -> Result<Order, Refusal> {
    let before = loaded.distributions.orders.get(&id).ok_or(Refusal::UnknownDistribution)?;
    if only.is_some_and(|machine| !loaded.distributions.deliveries.contains_key(&(id, machine))) {
        return Err(Refusal::UnknownDistribution);
    }
    let mut order = before.clone();
    let (mut open, mut changed) = (order.open, false);
    let all = loaded.distributions.deliveries.iter_mut();
    let concerned =
        |(of, machine): &(DistributionId, MachineId)| *of == id && only.is_none_or(|one| one == *machine);
    for (key, delivery) in all.filter(|(key, _)| concerned(key)) {
        let before = delivery.clone();
        change(&order, delivery);
        if *delivery != before {
            changed = true;
            open = (open + u64::from(delivery.is_open())).saturating_sub(u64::from(before.is_open()));
            loaded.writes.distributions.deliveries.insert(*key, delivery.clone());
        }
    }
    // An end that ended nothing is none: what was applied everywhere is not cancelled, what never was is not undone.
    if changed {
        order.end = end.or(order.end);
    }
    order.set_open(open, now);
    if order != *before {
        if before.needs_file() && !order.needs_file() {
            loaded.writes.distributions.files.insert(id, None);
        }
        keep(loaded, order.clone());
    }
    Ok(order)
}

fn keep(loaded: &mut Loaded, order: Order) {
    loaded.writes.distributions.orders.insert(order.id, Some(order.clone()));
    loaded.distributions.orders.insert(order.id, order);
}
