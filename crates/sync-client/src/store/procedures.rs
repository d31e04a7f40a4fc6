//! What the undo of a procedure needs to know: how its lists were before and after its import, and what a Start sent into
//! an emptied space. Beside the tables, under names of their own.

use super::{Store, edit, meta, rows, set_meta};
use crate::error::Result;
use rusqlite::{Connection, Transaction};
use std::collections::BTreeMap;
use sync_core::{
    id::{Generation, Incarnation, ProcedureId},
    procedure::{Sent, undo::Live},
    space::SpaceName,
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
        self.transaction(|tx| {
            for image in [Image::Before, Image::After] {
                tx.execute("DELETE FROM meta WHERE key = ?1", [image_key(procedure, image)])?;
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
