//! Whose personalized data were prepared at a machine, and when (rule 9).

use crate::{space::SpaceName, time::Timestamp};
use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

/// The preparations of a machine, of the server at which it is enrolled. What [`decide`](crate::rules::decide) reads of it
/// for one operation is one moment, that of [`Prepared::least`]: the window is open for whoever was prepared, not for the
/// others.
///
/// ```
/// use sync_core::{machine::Prepared, space::SpaceName, time::Timestamp};
/// let (alice, bob) = (SpaceName::user("office", "alice"), SpaceName::user("office", "bob"));
/// let mut prepared = Prepared::default();
/// prepared.succeeded([alice.clone()], false, Timestamp(5));
/// assert_eq!(prepared.least([&alice]), Some((&alice, Some(Timestamp(5)))));
/// assert_eq!(prepared.least([&alice, &bob]), Some((&bob, None)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prepared {
    /// When a preparation last succeeded.
    pub time: Option<Timestamp>,
    /// When one did that named nobody: all that the server had then.
    pub all: Option<Timestamp>,
    /// When each user or group was prepared last.
    pub spaces: BTreeMap<SpaceName, Timestamp>,
}

impl Prepared {
    /// A preparation of these users and groups succeeded; `all` says that nobody was named.
    pub fn succeeded(&mut self, spaces: impl IntoIterator<Item = SpaceName>, all: bool, now: Timestamp) {
        self.time = Some(now);
        if all {
            self.all = Some(now);
        }
        self.spaces.extend(spaces.into_iter().map(|space| (space, now)));
    }

    /// When one user or group was prepared last; of whom the server had nothing, when all were.
    #[must_use]
    pub fn of(&self, space: &SpaceName) -> Option<Timestamp> {
        self.spaces.get(space).copied().max(self.all)
    }

    /// Of these users and groups one that was prepared the longest ago, or never, and when that was; `None` where there are
    /// none.
    pub fn least<'a>(
        &self,
        spaces: impl IntoIterator<Item = &'a SpaceName>,
    ) -> Option<(&'a SpaceName, Option<Timestamp>)> {
        spaces.into_iter().map(|space| (space, self.of(space))).min_by_key(|(_, at)| *at)
    }
}
