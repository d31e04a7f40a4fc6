//! Events: a machine is told as soon as something of it has moved. A lost event costs a poll, never a change: what is new is
//! told by the round trip that follows, and polls go on.

use super::Interface;
use crate::store::Store;
use core::{pin::pin, sync::atomic::Ordering, time::Duration};
use sync_core::{
    id::MachineId,
    protocol::{WaitRequest, Waited},
};

/// How long the server lets a machine wait: below what proxies on the way take for a dead connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

impl<S: Store> Interface<S> {
    /// Waits until a poll of the machine would tell something.
    pub(super) async fn wait(&self, machine: MachineId, request: WaitRequest) -> Waited {
        let handle = self.store().known(|known| known.waits(machine));
        let news = async {
            loop {
                let mut told = pin!(handle.notified());
                // Before the look: what moves between the two is not missed.
                told.as_mut().enable();
                let moved = self.store().known(|known| known.heads().poll(machine, Some(request.polled)).1);
                let news = !moved.is_empty();
                if news || self.stops.load(Ordering::Acquire) {
                    return news;
                }
                told.await;
            }
        };
        let news = tokio::time::timeout(PATIENCE, news).await.unwrap_or(false);
        self.store().known(|known| known.let_go(machine, handle));
        Waited { news }
    }

    /// Answers all who wait, and lets nobody wait any more.
    pub(crate) fn stop_waiting(&self) {
        self.stops.store(true, Ordering::Release);
        self.store().known(crate::store::Known::wake_all);
    }
}
