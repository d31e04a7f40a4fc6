//! What an import does to each space: the one place that asks the core for plans and makes edits of them.

use super::{
    ImportOrder,
    fingerprint::{Effects, Fingerprint, Ids},
    report::Effect,
};
use crate::{
    error::{Error, Result},
    store::Store,
};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    change::Operation,
    files::{Note, Place, Split},
    id::{ImportId, RecordId},
    import::{Becomes, Counts, Incoming, Packed, Plan, plan},
    procedure::ListMode,
    rules::plan::Plan as Verdicts,
    space::SpaceName,
    wire::Malformed,
};

/// What each space's import does.
pub(super) struct Plans(Vec<(SpaceName, Plan)>);

impl Plans {
    /// The plans of all spaces, over what stands now. Whoever writes them must not let go of the store in between.
    pub(super) fn make(
        store: &Store,
        id: ImportId,
        order: &ImportOrder,
        split: Split<Incoming>,
        spaces: &BTreeMap<SpaceName, Place>,
    ) -> Result<Self> {
        let mut ids = Ids::new(id);
        let mut taken = split.taken;
        let mut plans = Vec::new();
        for (space, place) in spaces {
            let Some(incoming) = taken.remove(place) else { continue };
            let mut lists: Option<BTreeSet<Option<i64>>> = None;
            if !space.synchronizes() && order.mode == ListMode::Replace && !incoming.is_empty() {
                // Only the lists that the file speaks of are replaced.
                lists = Some(incoming.iter().map(|entry| entry.fields.int("list")).collect());
            }
            let mut existing: Vec<(RecordId, Packed)> = Vec::new();
            store.each_live(space, |record, fields| {
                let packed = Packed::from(&fields);
                if lists.as_ref().is_none_or(|lists| lists.contains(&packed.int("list"))) {
                    existing.push((record, packed));
                }
            })?;
            plans.push((space.clone(), plan(existing, incoming, order.mode, &mut || ids.fresh())));
        }
        Ok(Self(plans))
    }

    /// Space by space, how many records.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&SpaceName, Counts)> {
        self.0.iter().map(|(space, plan)| (space, plan.counts()))
    }

    /// What was odd.
    pub(super) fn notes(&self) -> impl Iterator<Item = &Note> {
        self.0.iter().flat_map(|(_, plan)| &plan.notes)
    }

    /// What is written: exactly what is shown.
    pub(super) fn edits(&self) -> impl Iterator<Item = (&SpaceName, RecordId, Operation)> + '_ {
        self.0.iter().flat_map(|(space, plan)| {
            plan.operations().map(move |(record, operation)| (space, record, operation))
        })
    }

    /// Record by record, for people.
    pub(super) fn effects(&self) -> Vec<Effect> {
        let effects = self.0.iter().flat_map(|(space, plan)| plan.effects().map(move |one| (space, one)));
        effects
            .map(|(space, one)| {
                let (effect, record) = match one.effect {
                    Becomes::Add => ("add", None),
                    Becomes::Change => ("change", Some(one.record)),
                    Becomes::Remove => ("remove", Some(one.record)),
                    Becomes::Same => ("same", Some(one.record)),
                };
                let (space, effect) = (space.clone(), effect.into());
                Effect { space, effect, record, name: one.name, fields: one.fields }
            })
            .collect()
    }

    /// By what this plan is known: the file, the order with the rules' answers, and all that it does, to what.
    pub(super) fn fingerprint(
        &self,
        id: ImportId,
        file: &[u8],
        order: &ImportOrder,
        verdicts: &Verdicts,
    ) -> Result<Fingerprint> {
        // Where the file lies does not matter, nor whether the plan is shown or applied.
        let order = ImportOrder { file: "".into(), plan: false, apply: None, ..order.clone() };
        let asked =
            serde_json::to_vec(&(order, verdicts)).map_err(|e| Error::from(Malformed(e.to_string())))?;
        let mut effects = Effects::new(file, &asked);
        for (space, plan) in &self.0 {
            effects.add("space", None, |encoder| encoder.text(&space.to_string()));
            for (record, fields) in &plan.added {
                effects.packed("added", *record, fields);
            }
            for change in &plan.changed {
                effects.packed("changed", change.id, &change.before);
                effects.packed("edit", change.id, &change.edit);
            }
            for (record, fields) in &plan.removed {
                effects.packed("removed", *record, fields);
            }
            for (record, fields) in &plan.same {
                effects.packed("same", *record, fields);
            }
        }
        Ok(effects.end(id))
    }
}
