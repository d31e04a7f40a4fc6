//! The journal of imports: what ends early, what is undone, what is kept.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::hash_of;
use sync_core::value::Value;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);

fn id(n: u128) -> RecordId {
    RecordId(Uuid::from_u128(n))
}

/// Imports one edit for each of these records; `fail` at so many.
fn import(
    store: &mut Store,
    n: u128,
    records: &[u128],
    undoes: Option<ImportId>,
    fail: Option<u64>,
) -> Result<bool> {
    let facts = ImportFacts {
        person: "administrator".into(),
        file: Some("list.csv".into()),
        undoes,
        items: Vec::new(),
        batch: false,
        mode: None,
        added: records.len() as u64,
        changed: 0,
        removed: 0,
    };
    let author = Author { person: None, time: NOW, import: None };
    let space = SpaceName::local("address-lists");
    let edits = records.iter().map(|n| {
        let edit = [("f".to_string(), Some(Value::Int(7)))].into();
        (&space, id(*n), Operation::Edit(edit))
    });
    let importing =
        Importing { author: &author, facts: &facts, did: &(), most: records.len(), edits, keep: None };
    let mut looks = 0;
    store.import(ImportId(Uuid::from_u128(n)), importing, &mut |_| {
        looks += 1;
        if fail == Some(looks) { Err(Error::AdministratorNeeded) } else { Ok(()) }
    })
}

#[test]
fn an_import_that_ends_early_at_any_record_was_never_there() {
    let mut store = Store::in_memory().unwrap();
    let space = SpaceName::local("address-lists");
    // Before the second record, ..., and for the last time right before the commit.
    for fail in 1..=4 {
        let failed = import(&mut store, 1, &[1, 2, 3], None, Some(fail)).unwrap_err();
        assert_eq!(failed.code(), "administrator_required");
        assert_eq!((store.live(&space).unwrap().len(), store.imports().unwrap()), (0, vec![]), "{fail}");
        assert!(store.spaces().unwrap().is_empty() && store.log(9).unwrap().is_empty());
    }
    assert!(import(&mut store, 1, &[1, 2, 3], None, Some(5)).unwrap());
    assert!(!import(&mut store, 1, &[4], None, None).unwrap(), "a repeat changes nothing");
    assert_eq!(store.live(&space).unwrap().len(), 3);
    let mut before = Vec::new();
    let gather = |_: &SpaceName, record, one| {
        before.push((record, one));
        Ok(())
    };
    store.before_import(ImportId(Uuid::from_u128(1)), gather).unwrap();
    let hash = hash_of(&[("f".to_string(), Value::Int(7))].into());
    assert_eq!(before, [1, 2, 3].map(|n| (id(n), Before::Nothing(hash))));
}

#[test]
fn an_undo_of_an_undo_of_an_undo_is_an_undo() {
    let mut store = Store::in_memory().unwrap();
    let undone = |store: &Store| -> Vec<bool> {
        store.imports().unwrap().iter().rev().map(|line| line.undone_by.is_some()).collect()
    };
    import(&mut store, 1, &[1], None, None).unwrap();
    for (n, expected) in
        [(2, vec![true, false]), (3, vec![false, true, false]), (4, vec![true, false, true, false])]
    {
        import(&mut store, n, &[], Some(ImportId(Uuid::from_u128(n - 1))), None).unwrap();
        assert_eq!(undone(&store), expected);
    }
}

#[test]
fn what_stood_before_old_imports_goes_and_their_lines_stay() {
    let mut store = Store::in_memory().unwrap();
    let all = KEPT_IMPORTS + 3;
    for n in 1..=u128::from(all) {
        import(&mut store, n, &[n], None, None).unwrap();
    }
    let kept = |store: &Store| store.imports().unwrap().iter().filter(|line| line.kept).count() as u64;
    assert_eq!(kept(&store), all, "all of them are young");
    let day = 24 * 60 * 60 * 1_000;
    store.db.execute("UPDATE import_line SET time = time - ?1", [KEPT_DAYS * day + 1]).unwrap();
    import(&mut store, 1_000, &[1_000], None, None).unwrap();
    assert_eq!((kept(&store), store.imports().unwrap().len() as u64), (KEPT_IMPORTS, all + 1));
    let rows: u64 =
        store.db.query_row("SELECT count(*) FROM import_before", [], |row| rows::count(row, 0)).unwrap();
    assert_eq!(rows, KEPT_IMPORTS);
}
