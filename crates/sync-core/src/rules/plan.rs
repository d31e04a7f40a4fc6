//! A batch before it runs: every item with its verdict.

use super::{Denied, Operation, Question, Verdict, decide};
use crate::{item::Item, machine::Machine};
use alloc::vec::Vec;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// One item of a batch, and whether it may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The item.
    pub item: Item,
    /// The answer of [`decide`].
    pub verdict: Result<(), Denied>,
}

/// As JSON: the item's name under `item`, its answer under `answer`.
impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("item", &self.item)?;
        map.serialize_entry("answer", &Verdict::from(&self.verdict))?;
        map.end()
    }
}

/// What becomes of a batch of which something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRefusal {
    /// One refused item refuses the whole batch.
    #[default]
    RefuseAll,
    /// What is refused is left out, as the administrator explicitly wished.
    Skip,
}

/// A batch with the verdict of every item, in the order in which the items were named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What is to be done.
    pub operation: Operation,
    /// Item by item.
    pub lines: Vec<Line>,
}

/// Asks [`decide`] of every item. The question's own item is not looked at.
#[must_use]
pub fn plan(machine: &Machine, question: &Question<'_>, items: &[Item]) -> Plan {
    Plan {
        operation: question.operation,
        lines: items
            .iter()
            .map(|item| Line {
                item: *item,
                verdict: decide(machine, &Question { item: *item, ..*question }),
            })
            .collect(),
    }
}

impl Plan {
    /// The items that may run; none where that is the answer to a refused item.
    ///
    /// # Errors
    /// The first refusal, where one refuses the whole batch or nothing is left of it.
    pub fn items(&self, on_refusal: OnRefusal) -> Result<Vec<Item>, &Denied> {
        let mut items = Vec::with_capacity(self.lines.len());
        let mut refused = None;
        for line in &self.lines {
            match &line.verdict {
                Ok(()) => items.push(line.item),
                Err(denied) => refused = refused.or(Some(denied)),
            }
        }
        match refused {
            Some(denied) if on_refusal == OnRefusal::RefuseAll || items.is_empty() => Err(denied),
            _ => Ok(items),
        }
    }
}
