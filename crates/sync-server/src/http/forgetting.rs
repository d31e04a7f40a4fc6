//! Deletions, unset fields and last numbers that nobody needs any more are forgotten (`docs/protocol.md`, "The horizon").

use super::Interface;
use crate::{
    clock,
    store::{Store, StoreError},
};
use core::time::Duration;
use std::{collections::BTreeMap, path::PathBuf};
use sync_core::{
    id::{Generation, Sequence},
    server::{Answer, Request},
    space::SpaceName,
    time::Timestamp,
};

/// How long deletions are remembered at least.
pub const KEEP_DELETIONS: Duration = Duration::from_secs(90 * 24 * 3_600);

impl<S: Store> Interface<S> {
    /// The same, remembering deletions for another time.
    #[must_use]
    pub fn with_deletions_kept(mut self, keep: Duration) -> Self {
        self.keep_deletions = keep;
        self
    }

    /// Forgets what is old enough, what every machine has read, and what every backup in the folder of backups has too.
    pub(crate) async fn forget_deletions(&self) {
        match self.forget_before(clock::now().minus(self.keep_deletions)).await {
            Ok(0) => {}
            Ok(spaces) => tracing::info!(spaces, "old deletions are forgotten"),
            Err(error) => tracing::warn!(%error, "old deletions could not be forgotten"),
        }
    }

    /// In how many spaces something was forgotten.
    pub(super) async fn forget_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let backups = self.oldest_backups().await?;
        let spaces: Vec<_> = self.store().known(|known| {
            let moved = known.heads().spaces().filter(|(_, head)| head.head > head.horizon);
            moved.map(|(name, head)| (name.clone(), head)).collect()
        });
        let mut forgotten = 0;
        for (space, head) in spaces {
            let backed_up = backups.get(&(space.clone(), head.generation)).copied().unwrap_or(Sequence::MAX);
            if backed_up <= head.horizon {
                continue;
            }
            let old = self.store().old(space.clone(), before).await?.min(backed_up);
            if old <= head.horizon {
                continue;
            }
            let members = self.store().known(|known| known.heads().members(&space).collect());
            let answers = self.store().commit(vec![Request::Prune { space, old, members }]).await?;
            let raised =
                |answer: &Answer| matches!(answer, Answer::Pruned(horizon) if *horizon > head.horizon);
            forgotten += u64::from(answers.iter().any(raised));
        }
        Ok(forgotten)
    }

    /// For each space, the lowest head of its generation among the backups in the folder. One that can't be read as a
    /// backup holds up nothing: it can't be restored either.
    async fn oldest_backups(&self) -> Result<BTreeMap<(SpaceName, Generation), Sequence>, StoreError> {
        let mut oldest = BTreeMap::new();
        let files: Vec<PathBuf> = match std::fs::read_dir(&self.backups) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(StoreError::io("the folder of backups can't be read")(error)),
        };
        for file in files.into_iter().filter(|file| file.is_file()) {
            let heads = match self.store().heads_in_backup(&file).await {
                Ok(heads) => heads,
                Err(error) => {
                    tracing::warn!(%error, file = %file.display(), "a file in the folder of backups is no backup");
                    continue;
                }
            };
            for (space, generation, head) in heads {
                let lowest = oldest.entry((space, generation)).or_insert(head);
                *lowest = head.min(*lowest);
            }
        }
        Ok(oldest)
    }
}
