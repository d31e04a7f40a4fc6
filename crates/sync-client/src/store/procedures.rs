//! What the undo of a procedure needs to know: how its lists were before and after its import, and what a Start sent into
//! an emptied space. Beside the tables, under names of their own.

use super::{KEPT_DAYS, KEPT_IMPORTS, Store, edit, meta, rows, set_meta};
use crate::error::Result;
use rusqlite::{Connection, Transaction};
use std::collections::BTreeMap;
use sync_core::{
    id::{Generation, Incarnation, ProcedureId},
    procedure::{Procedure, Sent, undo::Live},
    space::SpaceName,
    time::Timestamp,
};

/// Which picture of the lists of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// As they were when the import began.
    Before,
    /// As the import left them.
    After,
}

fn image_key(procedure: ProcedureId, image: Image) -> String {
    format!("procedure/{procedure}/{}", if image == Image::Before { "before" } else { "after" })
}

fn start_key(space: &SpaceName) -> String {
    format!("start/{space}")
}

/// What is kept of a Start.
type Started = (Generation, Vec<(Incarnation, u64)>);

impl Store {
    /// Keeps what a person sees of these spaces now; where `again` is false, only if nothing was kept before.
    pub(crate) fn keep_image(
        &mut self,
        procedure: ProcedureId,
        image: Image,
        spaces: &[SpaceName],
        again: bool,
    ) -> Result<()> {
        let key = image_key(procedure, image);
        self.transaction(|tx| {
            if !again && meta::<BTreeMap<SpaceName, Live>>(tx, &key)?.is_some() {
                return Ok(());
            }
            let mut kept: BTreeMap<&SpaceName, Live> = BTreeMap::new();
            for space in spaces {
                if let Some(found) = rows::find(tx, space)? {
                    kept.insert(space, edit::live(tx, found.id)?);
                }
            }
            set_meta(tx, &key, &kept)
        })
    }

    /// What was kept.
    pub(crate) fn image(
        &self,
        procedure: ProcedureId,
        image: Image,
    ) -> Result<Option<BTreeMap<SpaceName, Live>>> {
        meta(&self.db, &image_key(procedure, image))
    }

    /// Forgets what was kept: the procedure is undone.
    pub(crate) fn forget_images(&mut self, procedure: ProcedureId) -> Result<()> {
        self.transaction(|tx| delete_images(tx, procedure))
    }

    /// Lets old procedures go, with what was kept for their undoing, as old imports: the last [`KEPT_IMPORTS`] stay, and
    /// all that ended within [`KEPT_DAYS`]; and what is not over, however old it is.
    pub(crate) fn forget_old_procedures(&mut self, now: Timestamp) -> Result<()> {
        let oldest = Timestamp(now.0.saturating_sub(KEPT_DAYS * 24 * 60 * 60 * 1_000));
        let journals = self.journals::<Procedure>()?.into_iter();
        let behind = journals.skip(usize::try_from(KEPT_IMPORTS).unwrap_or(usize::MAX));
        let old = behind.filter(|(_, procedure)| procedure.ended().is_some_and(|at| at < oldest));
        let old: Vec<ProcedureId> = old.map(|(id, _)| id).collect();
        self.transaction(|tx| {
            for id in &old {
                delete_images(tx, *id)?;
                tx.execute("DELETE FROM journal WHERE id = ?1", [id.0.as_bytes()])?;
            }
            Ok(())
        })
    }

    /// What the last Start sent into this space, where it had something to send.
    pub(crate) fn started(&self, space: &SpaceName) -> Result<Option<Sent>> {
        let found: Option<Started> = meta(&self.db, &start_key(space))?;
        Ok(found.map(|(generation, changes)| Sent { space: space.clone(), generation, changes }))
    }
}

fn delete_images(tx: &Transaction<'_>, procedure: ProcedureId) -> Result<()> {
    for image in [Image::Before, Image::After] {
        tx.execute("DELETE FROM meta WHERE key = ?1", [image_key(procedure, image)])?;
    }
    Ok(())
}

/// Keeps by what the changes of a Start are known.
pub(super) fn keep_start(
    tx: &Transaction<'_>,
    space: &SpaceName,
    generation: Generation,
    incarnation: Incarnation,
    last: u64,
) -> Result<()> {
    set_meta(tx, &start_key(space), &(generation, vec![(incarnation, last)]))
}

/// A fork renamed the changes of `old` above `known`: those of the Start are known by the new name too.
pub(super) fn rename_start(
    tx: &Transaction<'_>,
    space: &SpaceName,
    known: u64,
    old: Incarnation,
    new: Incarnation,
) -> Result<()> {
    let db: &Connection = tx;
    let found: Option<Started> = meta(db, &start_key(space))?;
    let Some((generation, mut changes)) = found else { return Ok(()) };
    let Some(place) = changes.iter().position(|(incarnation, last)| *incarnation == old && *last > known)
    else {
        return Ok(());
    };
    let last = core::mem::replace(&mut changes[place].1, known);
    changes.push((new, last));
    set_meta(tx, &start_key(space), &(generation, changes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    const DAY: i64 = 24 * 60 * 60 * 1_000;

    /// A procedure that began on this day and stands there; it ended a day later, where it is over.
    fn kept(store: &mut Store, day: i64, phase: &str) -> ProcedureId {
        let id = ProcedureId(Uuid::from_u128(day.unsigned_abs().into()));
        let at = Timestamp((day + 1) * DAY).to_string();
        let journal = json!({
            "id": id,
            "order": {"spaces": [], "items": [], "source": {"name": "lists.csv", "hash": "0".repeat(64)}},
            "state": {"phase": phase, "step": "import", "at": at, "failure": {"code": "", "message": "", "permanent": true}},
        });
        store.set_journal(id, &journal, Timestamp(day * DAY)).unwrap();
        for image in [Image::Before, Image::After] {
            store.keep_image(id, image, &[], true).unwrap();
        }
        id
    }

    #[test]
    fn old_procedures_go_with_what_was_kept_for_their_undoing() {
        let mut store = Store::in_memory().unwrap();
        let last = i64::try_from(KEPT_IMPORTS).unwrap();
        let (failed, old, cancelled) = (
            kept(&mut store, 1, "failed"),
            kept(&mut store, 2, "finished"),
            kept(&mut store, 3, "cancelled"),
        );
        let all: Vec<ProcedureId> = (4..last + 4).map(|day| kept(&mut store, day, "finished")).collect();
        let left = |store: &Store| -> Vec<ProcedureId> {
            let mut left: Vec<_> =
                store.journals::<Procedure>().unwrap().into_iter().map(|(id, _)| id).collect();
            left.reverse();
            assert!(left.iter().all(|id| store.image(*id, Image::After).unwrap().is_some()));
            left
        };
        // Not before their time, and of those behind the last ones only what is over.
        store.forget_old_procedures(Timestamp((3 + KEPT_DAYS) * DAY)).unwrap();
        assert_eq!(left(&store), [vec![failed, old, cancelled], all.clone()].concat());
        store.forget_old_procedures(Timestamp((4 + KEPT_DAYS) * DAY)).unwrap();
        assert_eq!(left(&store), [vec![failed, cancelled], all.clone()].concat());
        store.forget_old_procedures(Timestamp((400 + KEPT_DAYS) * DAY)).unwrap();
        assert_eq!(left(&store), [vec![failed], all].concat());
        assert!(store.image(old, Image::Before).unwrap().is_none());
    }
}
