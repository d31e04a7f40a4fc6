//! What a store holds in memory, so that a poll with nothing new touches no disk.

use core::sync::atomic::{AtomicI64, Ordering};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use sync_core::{
    id::MachineId,
    server::{Heads, Machine, SecretHash, Writes},
    time::Timestamp,
};
use tokio::sync::Notify;

/// Heads, memberships, machines and their tokens.
#[derive(Debug)]
pub struct Known {
    heads: Heads,
    machines: BTreeMap<MachineId, Machine>,
    tokens: HashMap<SecretHash, Contact>,
    /// Who waits to be told that something of a machine has moved.
    waiting: Mutex<BTreeMap<MachineId, Arc<Notify>>>,
}

#[derive(Debug)]
struct Contact {
    machine: MachineId,
    /// Milliseconds; `i64::MIN` before the first contact.
    last: AtomicI64,
}

impl Known {
    /// The heads and machines of a store that was just opened.
    #[must_use]
    pub fn new(heads: Heads, machines: BTreeMap<MachineId, Machine>) -> Self {
        let tokens = machines.iter().map(|(id, machine)| (machine.token, Contact::new(*id))).collect();
        Self { heads, machines, tokens, waiting: Mutex::default() }
    }

    /// What tells that something of a machine has moved. [`Known::let_go`] follows.
    #[must_use]
    pub fn waits(&self, machine: MachineId) -> Arc<Notify> {
        self.waiting.lock().entry(machine).or_default().clone()
    }

    /// Nobody waits any more by this handle.
    pub fn let_go(&self, machine: MachineId, handle: Arc<Notify>) {
        let mut waiting = self.waiting.lock();
        drop(handle);
        if waiting.get(&machine).is_some_and(|kept| Arc::strong_count(kept) == 1) {
            waiting.remove(&machine);
        }
    }

    /// Lets everybody who waits look again.
    pub fn wake_all(&self) {
        self.waiting.lock().values().for_each(|waiting| waiting.notify_waiters());
    }

    /// What polls read.
    #[must_use]
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// All machines.
    #[must_use]
    pub fn machines(&self) -> &BTreeMap<MachineId, Machine> {
        &self.machines
    }

    /// The machine whose token has this hash; notes that it was heard of.
    #[must_use]
    pub fn authenticate(&self, token: &SecretHash, now: Timestamp) -> Option<MachineId> {
        let contact = self.tokens.get(token)?;
        contact.last.store(now.0, Ordering::Relaxed);
        Some(contact.machine)
    }

    /// When a machine was last heard of since the store was opened.
    #[must_use]
    pub fn last_contact(&self, machine: MachineId) -> Option<Timestamp> {
        let token = &self.machines.get(&machine)?.token;
        let last = self.tokens.get(token)?.last.load(Ordering::Relaxed);
        (last != i64::MIN).then_some(Timestamp(last))
    }

    /// Takes what a commit wrote.
    pub(crate) fn take(&mut self, writes: &Writes) {
        self.heads.take(writes);
        for id in &writes.removed_machines {
            if let Some(gone) = self.machines.remove(id) {
                self.tokens.remove(&gone.token);
            }
        }
        for (id, machine) in &writes.machines {
            if let Some(before) = self.machines.insert(*id, machine.clone())
                && before.token != machine.token
            {
                self.tokens.remove(&before.token);
            }
            self.tokens.entry(machine.token).or_insert_with(|| Contact::new(*id));
        }
        self.wake(writes);
    }

    /// Only those are woken for whom something moved: a commit costs nothing for all others.
    fn wake(&self, writes: &Writes) {
        let waiting = self.waiting.lock();
        if waiting.is_empty() {
            return;
        }
        let tell = |machine: MachineId| {
            if let Some(waiting) = waiting.get(&machine) {
                waiting.notify_waiters();
            }
        };
        for (name, space) in &writes.spaces {
            space.members.keys().copied().for_each(tell);
            if space.head.is_some() {
                self.heads.members(name).for_each(tell);
            }
        }
    }
}

impl Contact {
    fn new(machine: MachineId) -> Self {
        Self { machine, last: AtomicI64::new(i64::MIN) }
    }
}
