//! A machine that was copied or turned back goes on under a new incarnation.

use crate::{change::Change, id::Incarnation};
use alloc::vec::Vec;

/// Renames, in one space's outbox, the changes of `old` above that space's `known` number to `new`, and speaks of them
/// by their new name in the contexts too. A fork does this in every space, in one transaction: renaming in one only
/// would leave the others' reverted numbers to be taken for repeats.
#[must_use]
pub fn rename(outbox: Vec<Change>, known: u64, old: Incarnation, new: Incarnation) -> Vec<Change> {
    let renamed = |incarnation: Incarnation, number: u64| incarnation == old && number > known;
    let first = outbox
        .iter()
        .map(|change| change.id)
        .filter(|id| renamed(id.incarnation, id.number))
        .map(|id| id.number)
        .min();
    let Some(first) = first else {
        return outbox;
    };
    outbox
        .into_iter()
        .map(|mut change| {
            if renamed(change.id.incarnation, change.id.number) {
                change.id.incarnation = new;
            }
            if let Some(highest) = change.context.own.get(&old).copied()
                && highest >= first
            {
                change.context.own.insert(new, highest);
                // Up to what was known, not up to the first renamed: numbers are drawn across spaces, and what lies in
                // the gap is the other branch's, which this author has not read.
                if known > 0 {
                    change.context.own.insert(old, known);
                } else {
                    change.context.own.remove(&old);
                }
            }
            change
        })
        .collect()
}
