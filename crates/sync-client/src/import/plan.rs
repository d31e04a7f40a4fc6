//! What an import does to each space: the one place that asks the core for a plan and makes edits of it.

use super::{
    ImportOrder,
    fingerprint::{Effects, Fingerprint},
    report::{Effect, SpaceReport},
};
use crate::{
    error::{Error, Result},
    store::Store,
};
use std::{collections::BTreeSet, sync::Arc};
use sync_core::{
    catalogue::{Catalogue, content},
    change::Operation,
    files::Note,
    id::{ImportId, RecordId},
    import::{Becomes, Carries, Gathered, ImportPlan, Incoming, Planner, Problem, Terms, is_limit, limit_of},
    item::Item,
    profile::Profile,
    rules::{Code, decide_limits, plan::Plan as Verdicts},
    space::{SpaceKind, SpaceName},
    wire::Malformed,
};

/// The entries of a file that go into one space as one item.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) item: Item,
    pub(super) space: SpaceName,
    pub(super) entries: Vec<Incoming>,
}

/// How an import is planned, beside its order.
pub(super) struct Means<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) carries: Carries,
    pub(super) verdicts: &'a Verdicts,
}

/// What each space's import does.
pub(super) struct Plans {
    plan: ImportPlan,
    /// The profile that the machine's maker stated: its limits bind.
    profile: Option<Arc<Profile>>,
}

impl Plans {
    /// The plans of all parts, over what stands now. Whoever writes them must not let go of the store in between.
    pub(super) fn make(
        store: &Store,
        fresh: &mut dyn FnMut() -> RecordId,
        order: &ImportOrder,
        parts: Vec<Part>,
        means: &Means<'_>,
    ) -> Result<Self> {
        let stated = store.identity().stated.profile.is_some();
        let profile = if stated { Some(store.profile()?) } else { None };
        let limits = store.profile()?.limits;
        let terms =
            Terms::new(order.mode, means.carries).with_limits(limits).skipping_unfit(order.skip_unfit);
        let mut planner = Planner::new(terms);
        for line in &means.verdicts.lines {
            if let Err(denied) = &line.verdict {
                planner.refuse(line.item, denied.clone());
            }
        }
        let concerned: BTreeSet<SpaceName> = parts.iter().map(|part| part.space.clone()).collect();
        for standing in store.spaces()?.into_iter().filter(|standing| standing.member) {
            if standing.name.kind == SpaceKind::Group {
                planner.group_list(&standing.name);
            }
            // What is left alone may name what goes, or be named by what comes.
            let beside = !standing.name.synchronizes() && !concerned.contains(&standing.name);
            if beside && !has_settings_alone(&standing.name) {
                store.each_live(&standing.name, |id, fields| planner.beside(&standing.name, (id, fields)))?;
            }
        }
        for Part { item, space, entries } in parts {
            let Some(mut gathered) = Gathered::with(means.catalogue, item, space.clone()) else {
                return Err(Error::Denied {
                    code: "item_not_here".into(),
                    message: format!("{item} has nothing in {space}"),
                    remedy: "the file was made by something else; export it again at its source".into(),
                });
            };
            store.each_live(&space, |id, fields| gathered.existing((id, fields)))?;
            entries.into_iter().for_each(|entry| gathered.incoming(entry));
            planner.take(gathered, fresh);
        }
        let mut plan = planner.finish();
        if stated {
            let limits = plan.errors.iter_mut().filter(|problem| limit_of(problem.code).is_some());
            limits.for_each(|problem| problem.code = Code::OverLimit.as_str());
        } else {
            // The vendor's figures bind a machine whose vendor says so; another has no limit but its disk.
            let (over, errors) =
                plan.errors.into_iter().partition(|problem: &Problem| is_limit(problem.code));
            plan.errors = errors;
            let over: Vec<Problem> = over;
            plan.notes.extend(over.into_iter().map(|problem| {
                let text = format!(
                    "{} (the vendor's figure, which this machine's profile does not state)",
                    problem.text
                );
                (problem.item, Note::new(problem.line, problem.code, text))
            }));
        }
        Ok(Self { plan, profile })
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// [`Error::Rules`] with `over_limit` where the machine would hold more than its profile says (rule 10); else the first
    /// problem, with how many there are.
    pub(super) fn verdict(&self) -> Result<()> {
        if let Some(profile) = &self.profile {
            decide_limits(profile, self.plan.would_hold).map_err(|denied| Error::Rules(Box::new(denied)))?;
        }
        let Err(problems) = self.plan.verdict() else { return Ok(()) };
        let Some(first) = problems.first() else { return Ok(()) };
        let more = match problems.len() {
            1 => String::new(),
            count => format!(" (and {} more: --plan lists them)", count - 1),
        };
        Err(Error::Denied {
            code: first.code.into(),
            message: format!("{}{more}; nothing was changed", first.text),
            remedy: if is_limit(first.code) {
                "correct the file"
            } else {
                "correct the file, or pass over what does not fit with --skip-unfit"
            }
            .into(),
        })
    }

    /// Why it can't be written.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.plan.errors.iter()
    }

    /// Space by space, how many records.
    pub(super) fn spaces(&self) -> impl Iterator<Item = SpaceReport> {
        self.plan.spaces().map(|(item, space)| {
            let counts = space.plan.counts();
            SpaceReport {
                item: Some(item),
                added: counts.added,
                changed: counts.changed,
                removed: counts.removed,
                same: counts.same,
                ..SpaceReport::new(space.space.clone())
            }
        })
    }

    /// What was odd, and what the import does beside writing records.
    pub(super) fn notes(&self) -> impl Iterator<Item = Note> {
        let of_spaces = self.plan.spaces().flat_map(|(_, space)| space.plan.notes.iter().cloned());
        let of_all = self.plan.notes.iter().map(|(item, note)| match item {
            Some(item) => Note { text: format!("{item}: {}", note.text), ..note.clone() },
            None => note.clone(),
        });
        of_spaces.chain(of_all)
    }

    /// What is written: exactly what is shown.
    pub(super) fn edits(&self) -> impl Iterator<Item = (&SpaceName, RecordId, Operation)> {
        self.plan.operations()
    }

    /// Record by record, for people.
    pub(super) fn effects(&self) -> Vec<Effect> {
        let effects = self.plan.effects().map(|(item, space, effect)| Effect {
            item: Some(item),
            space: space.clone(),
            effect: match effect.effect {
                Becomes::Add => "add",
                Becomes::Change => "change",
                Becomes::Remove => "remove",
                Becomes::Same => "same",
            }
            .into(),
            record: (effect.effect != Becomes::Add).then_some(effect.record),
            name: effect.name,
            fields: effect.fields,
        });
        effects.collect()
    }

    /// By what this plan is known: the file, the order with the rules' answers, and all that it does, to what.
    pub(super) fn fingerprint(
        &self,
        id: ImportId,
        file: &[u8; 32],
        order: &ImportOrder,
        verdicts: &Verdicts,
    ) -> Result<Fingerprint> {
        // Where the file lies does not matter, nor whether the plan is shown or applied.
        let order = ImportOrder {
            file: "".into(),
            plan: false,
            apply: None,
            secrets: Default::default(),
            ..order.clone()
        };
        let asked =
            serde_json::to_vec(&(order, verdicts)).map_err(|e| Error::from(Malformed(e.to_string())))?;
        Ok(Effects::new(file, &asked).with(&self.plan.fingerprint.0).end(id))
    }
}

/// Whether nothing in a space names other records or is named by some: such a space need not be read.
fn has_settings_alone(space: &SpaceName) -> bool {
    let mut parts = Item::ALL
        .iter()
        .flat_map(|item| content(*item))
        .filter(|part| part.place.covers(space))
        .map(|part| part.types.is_empty())
        .peekable();
    parts.peek().is_some() && parts.all(|alone| alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_of_settings_are_not_read() {
        for (space, alone) in [
            ("security-policy", true),
            ("address-lists", false),
            ("forwarding", false),
            ("what-firmware-supplies", false),
        ] {
            assert_eq!(has_settings_alone(&SpaceName::local(space)), alone, "{space}");
        }
    }
}
