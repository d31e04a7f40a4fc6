//! The heads of all spaces in memory, so that a poll with nothing new touches no disk.

use super::state::{Member, SpaceHead, StoreHead, Writes};
use crate::{
    id::{DistributionId, MachineId, Position},
    protocol::{Moved, Polled},
    space::SpaceName,
    time::Timestamp,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// What a poll reads. A store keeps one, brings it up to date after each commit, and rebuilds it when it opens.
#[derive(Debug, Clone)]
pub struct Heads {
    store: StoreHead,
    spaces: BTreeMap<SpaceName, SpaceState>,
    machines: BTreeMap<MachineId, MachineHead>,
    /// The deliveries that are open, and from when on each is due. Machines without any are not here.
    due: BTreeMap<MachineId, BTreeMap<DistributionId, Timestamp>>,
}

#[derive(Debug, Clone, Default)]
struct SpaceState {
    head: SpaceHead,
    members: BTreeSet<MachineId>,
}

/// What a poll reads of one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineHead {
    /// The highest position at which one of its spaces, or its membership, moved.
    pub moved: Position,
    /// Its memberships, also ended ones.
    pub members: BTreeMap<SpaceName, Member>,
}

impl Heads {
    /// The heads of an empty store.
    #[must_use]
    pub fn new(store: StoreHead) -> Self {
        Self { store, spaces: BTreeMap::new(), machines: BTreeMap::new(), due: BTreeMap::new() }
    }

    /// What the store keeps once.
    #[must_use]
    pub fn store(&self) -> &StoreHead {
        &self.store
    }

    /// The head of a space; the default where there is none.
    #[must_use]
    pub fn space(&self, name: &SpaceName) -> SpaceHead {
        self.spaces.get(name).map_or_else(SpaceHead::default, |space| space.head)
    }

    /// All spaces of which the store holds a head.
    pub fn spaces(&self) -> impl Iterator<Item = (&SpaceName, SpaceHead)> {
        self.spaces.iter().map(|(name, space)| (name, space.head))
    }

    /// The machines that are members of a space.
    pub fn members(&self, space: &SpaceName) -> impl Iterator<Item = MachineId> {
        self.spaces.get(space).into_iter().flat_map(|space| space.members.iter().copied())
    }

    /// A machine's memberships.
    #[must_use]
    pub fn machine(&self, machine: MachineId) -> Option<&MachineHead> {
        self.machines.get(&machine)
    }

    /// Whether the machine is a member of the space.
    #[must_use]
    pub fn is_member(&self, machine: MachineId, space: &SpaceName) -> bool {
        self.machines.get(&machine).and_then(|m| m.members.get(space)).is_some_and(|member| member.present)
    }

    /// Takes a space's head from the store.
    pub fn set_space(&mut self, name: &SpaceName, head: SpaceHead) {
        let space = self.spaces.entry(name.clone()).or_default();
        space.head = head;
        for machine in &space.members {
            if let Some(machine) = self.machines.get_mut(machine) {
                machine.moved = machine.moved.max(head.position);
            }
        }
    }

    /// Takes a membership from the store.
    pub fn set_member(&mut self, machine: MachineId, name: &SpaceName, member: Member) {
        let space = self.spaces.entry(name.clone()).or_default();
        if member.present {
            space.members.insert(machine);
        } else {
            space.members.remove(&machine);
        }
        let machine = self.machines.entry(machine).or_default();
        machine.moved = machine.moved.max(member.position).max(space.head.position);
        machine.members.insert(name.clone(), member);
    }

    /// Takes from the store from when on a machine's delivery is due; `None` where nothing is left to do.
    pub fn set_due(&mut self, machine: MachineId, distribution: DistributionId, due: Option<Timestamp>) {
        match due {
            Some(due) => {
                self.due.entry(machine).or_default().insert(distribution, due);
            }
            None => {
                if let Some(open) = self.due.get_mut(&machine) {
                    open.remove(&distribution);
                    if open.is_empty() {
                        self.due.remove(&machine);
                    }
                }
            }
        }
    }

    /// Whether a distribution is due for the machine. Every poll asks; mostly nothing is open.
    #[must_use]
    pub fn is_due(&self, machine: MachineId, now: Timestamp) -> bool {
        self.due.get(&machine).is_some_and(|open| open.values().any(|due| *due <= now))
    }

    /// The distributions that are due for the machine, the longest due first.
    #[must_use]
    pub fn due(&self, machine: MachineId, now: Timestamp) -> Vec<DistributionId> {
        let open = self.due.get(&machine).into_iter().flatten();
        let mut due: Vec<_> = open.filter(|(_, due)| **due <= now).map(|(id, due)| (*due, *id)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Takes what a commit wrote.
    pub fn take(&mut self, writes: &Writes) {
        for (name, space) in &writes.spaces {
            for (machine, member) in &space.members {
                self.set_member(*machine, name, *member);
            }
            if let Some(head) = space.head {
                self.set_space(name, head);
            }
        }
        for ((distribution, machine), delivery) in &writes.distributions.deliveries {
            self.set_due(*machine, *distribution, delivery.due());
        }
        if let Some(position) = writes.position {
            self.store.position = position;
        }
    }

    /// The answer to a poll: the new position, and the spaces that moved above the one asked from. A poll of another
    /// epoch, or none, is told of all. The common case, nothing new, costs one look-up.
    #[must_use]
    pub fn poll(&self, machine: MachineId, asked: Option<Polled>) -> (Polled, Vec<Moved>) {
        let now = Polled { epoch: self.store.epoch, position: self.store.position };
        let after = asked.filter(|asked| asked.epoch == now.epoch).map(|asked| asked.position);
        let Some(head) = self.machines.get(&machine) else {
            return (now, Vec::new());
        };
        if after.is_some_and(|after| head.moved <= after) {
            return (now, Vec::new());
        }
        let moved = head.members.iter().filter_map(|(name, member)| {
            let at = self.space(name);
            let moved_at = if member.present { member.position.max(at.position) } else { member.position };
            // A membership that ended before the first poll was never heard of: nothing to take back.
            let news = after.map_or(member.present, |after| moved_at > after);
            news.then(|| Moved {
                space: name.clone(),
                at: member.present.then_some((at.generation, at.head)),
            })
        });
        (now, moved.collect())
    }
}
