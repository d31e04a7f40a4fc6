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
use std::collections::BTreeMap;
use sync_core::{
    address::Address,
    change::Operation,
    files::{Note, Place, Split},
    id::{ImportId, RecordId},
    import::{Counts, Incoming, Plan, plan, records_of_lists},
    procedure::ListMode,
    rules::plan::Plan as Verdicts,
    space::SpaceName,
    wire::Malformed,
};

/// What each space's import does.
pub(super) struct Plans {
    spaces: Vec<(SpaceName, Plan)>,
    /// The names of the records that stay as they are, where somebody wants to see them.
    names: BTreeMap<RecordId, String>,
}

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
        let mut fresh = || ids.fresh();
        let mut taken = split.taken;
        let mut plans = Self { spaces: Vec::new(), names: BTreeMap::new() };
        for (space, place) in spaces {
            let Some(incoming) = taken.remove(place) else { continue };
            let mut existing = store.live(space)?;
            if !space.synchronizes() && order.mode == ListMode::Replace {
                existing = records_of_lists(existing, &incoming);
            }
            let made = plan(&existing, incoming, order.mode, &mut fresh);
            if order.plan {
                let name = |id: &RecordId| existing.get(id)?.get("name").map(ToString::to_string);
                let names = made.same.iter().map(|id| (*id, name(id).unwrap_or_default()));
                plans.names.extend(names);
            }
            plans.spaces.push((space.clone(), made));
        }
        Ok(plans)
    }

    /// Space by space, how many records.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&SpaceName, Counts)> {
        self.spaces.iter().map(|(space, plan)| (space, plan.counts()))
    }

    /// What was odd.
    pub(super) fn notes(&self) -> impl Iterator<Item = &Note> {
        self.spaces.iter().flat_map(|(_, plan)| &plan.notes)
    }

    /// What is written: exactly what is shown.
    pub(super) fn edits(&self) -> impl Iterator<Item = (SpaceName, RecordId, Operation)> + '_ {
        self.spaces.iter().flat_map(|(space, plan)| {
            plan.operations().map(|(record, operation)| (space.clone(), record, operation))
        })
    }

    /// Record by record, for people.
    pub(super) fn effects(&self) -> Vec<Effect> {
        self.spaces.iter().flat_map(|(space, plan)| self.effects_of(space, plan)).collect()
    }

    fn effects_of<'a>(&'a self, space: &'a SpaceName, plan: &'a Plan) -> impl Iterator<Item = Effect> + 'a {
        let effect = |effect: &str, record: Option<RecordId>, name: &str, fields: Vec<String>| Effect {
            space: space.clone(),
            effect: effect.into(),
            record,
            name: name.into(),
            fields,
        };
        let of = move |what, record, address: &Address, fields| effect(what, record, &address.name, fields);
        let added = plan.added.iter().map(move |(_, address)| of("add", None, address, Vec::new()));
        let changed = plan.changed.iter().map(move |change| {
            of("change", Some(change.id), &change.after, change.edit.keys().cloned().collect())
        });
        let removed =
            plan.removed.iter().map(move |(id, address)| of("remove", Some(*id), address, Vec::new()));
        let same = plan.same.iter().map(move |id| {
            let name = self.names.get(id).map(String::as_str).unwrap_or_default();
            effect("same", Some(*id), name, Vec::new())
        });
        added.chain(changed).chain(removed).chain(same)
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
        for (space, plan) in &self.spaces {
            effects.add("space", None, |encoder| encoder.text(&space.to_string()));
            for (record, operation) in plan.operations() {
                effects.operation(record, &operation);
            }
            for change in &plan.changed {
                effects.fields("changed", change.id, &change.before.to_fields());
            }
            for (record, address) in &plan.removed {
                effects.fields("removed", *record, &address.to_fields());
            }
            for record in &plan.same {
                effects.add("same", Some(*record), |_| {});
            }
        }
        Ok(effects.end(id))
    }
}
