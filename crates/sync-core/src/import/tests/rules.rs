//! One rule at a time.

mod limits;
mod one_touch;
mod people;
mod values;

use super::{
    group, id, ids_from, mail,
    whole::{File, World, apply, export, plan_import, space_of, world},
};
use crate::{
    address::{Address, ONE_TOUCH_LIST},
    catalogue::{self, Place, SETTING_TYPE},
    import::*,
    item::Item,
    machine::{Machine, Role, SyncState},
    profile::PerLimit,
    rules::{self, Operation, Question},
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use proptest::prelude::*;

const LISTS: &str = catalogue::address_book::LOCAL_SPACE;

fn fields(kind: &str, all: &[(&str, Value)]) -> Fields {
    let all = all.iter().map(|(name, value)| ((*name).to_string(), value.clone()));
    [("type".to_string(), kind.into())].into_iter().chain(all).collect()
}

fn setting(name: &str, value: impl Into<Value>) -> (RecordId, Fields) {
    let fields = fields(SETTING_TYPE, &[("name", name.into()), ("value", value.into())]);
    (RecordId::of_setting(name), fields)
}

fn one(item: Item, entries: Vec<(RecordId, Fields)>) -> File {
    vec![(item, space_of(catalogue::content(item)[0].place), entries)]
}

fn machine_with(file: &File) -> World {
    let mut world = World::new();
    apply(&mut world, &plan_import(&World::new(), file, full(), &mut ids_from(10_000)));
    world
}

fn full() -> Terms {
    Terms::new(ListMode::Replace, Carries::ENCRYPTED)
}

fn merge() -> Terms {
    Terms::new(Modes { lists: ListMode::Overwrite, rest: RestMode::Merge }, Carries::ENCRYPTED)
}

fn codes(plan: &ImportPlan) -> Vec<&'static str> {
    let notes = plan.notes.iter().map(|(_, note)| note.code);
    let of_spaces = plan.spaces().flat_map(|(_, space)| space.plan.notes.iter().map(|note| note.code));
    notes.chain(of_spaces).collect()
}

fn errors(plan: &ImportPlan) -> Vec<&'static str> {
    plan.errors.iter().map(|problem| problem.code).collect()
}

fn user(name: &str, more: &[(&str, Value)]) -> Fields {
    let own = [("name", name.into()), ("role", "general-user".into())];
    fields("login-user", &[&own[..], more].concat())
}

fn hash(byte: u8) -> Value {
    let parts =
        [("scheme", "sha256".into()), ("salt", Value::Bytes(vec![1])), ("hash", Value::Bytes(vec![byte]))];
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn one_touch(name: &str, number: i64) -> Address {
    Address { list: Some(ONE_TOUCH_LIST), ..mail(name, number) }
}

fn book(addresses: &[Address]) -> File {
    let entries = addresses.iter().zip(1..).map(|(address, n)| (id(n), address.to_fields()));
    one(Item::AddressBook, entries.collect())
}
