//! What a machine takes of a distribution: its own setting, and what can be distributed at all.

use super::{Reason, RefusedItem, Remark};
use crate::item::Item;
use alloc::{collections::BTreeSet, format, string::ToString, vec::Vec};
use serde::{Deserialize, Serialize};

/// What a machine receives of distributions; its administrator says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receiving {
    /// Everything that can be distributed.
    #[default]
    On,
    /// Nothing: every distribution is refused.
    Off,
    /// These items; others are left out and reported as refused.
    Items(BTreeSet<Item>),
}

impl Receiving {
    /// Whether an item is received.
    #[must_use]
    pub fn accepts(&self, item: Item) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Items(items) => items.contains(&item),
        }
    }
}

/// What a machine takes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    /// The items that are imported; never empty.
    pub items: Vec<Item>,
    /// Those that were asked for, or lie in the file, and that the machine does not receive.
    pub refused: Vec<RefusedItem>,
    /// Those that lie in the file and are never distributed.
    pub notes: Vec<Remark>,
}

/// Decides what of a file a machine takes. `named` are the items of the order, `held` those that lie in the file; where
/// none is named, all that lie in it are meant.
///
/// What the machine does not receive is left out and reported; that is its administrator's wish and needs no other.
///
/// # Errors
/// Why nothing of it is taken: `receiving_off`, `not_distributable`, `not_received`, `nothing_to_import`.
pub fn taking(receiving: &Receiving, named: &[Item], held: &[Item]) -> Result<Taking, Reason> {
    if *receiving == Receiving::Off {
        return Err(Reason::new(
            "receiving_off",
            "this machine receives no distributions",
            "at the machine, an administrator can change that: sync-client receiving on",
        ));
    }
    let meant = if named.is_empty() { held } else { named };
    let mut taking = Taking { items: Vec::new(), refused: Vec::new(), notes: Vec::new() };
    for item in meant.iter().copied() {
        if !item.row().distributable {
            let text = format!("{} is never distributed", item.title());
            if named.is_empty() {
                taking.notes.push(Remark { line: None, code: "not_distributable".to_string(), text });
            } else {
                taking.refused.push(RefusedItem::new(item, "not_distributable", text));
            }
        } else if receiving.accepts(item) {
            taking.items.push(item);
        } else {
            let text = format!("this machine does not receive {}", item.title());
            taking.refused.push(RefusedItem::new(item, "not_received", text));
        }
    }
    if !taking.items.is_empty() {
        return Ok(taking);
    }
    let left = taking.refused.first().map(|refused| (&refused.code, &refused.text));
    let left = left.or_else(|| taking.notes.first().map(|note| (&note.code, &note.text)));
    Err(match left {
        Some((code, text)) => Reason::new(
            code,
            format!("nothing of the file is taken: {text}"),
            "order other items, or change at the machine what it receives: sync-client receiving",
        ),
        None => Reason::new(
            "nothing_to_import",
            "the file holds nothing that can be imported; nothing was changed",
            "order another file",
        ),
    })
}
