//! What every item holds, as administrators and firmware read and change it: settings by name, records by id. What there
//! is, and what may be written, the catalogue says ([`sync_core::catalogue`]).

mod records;
mod shown;
#[cfg(test)]
mod tests;
mod values;
mod words;

pub(crate) use words::EXAMPLES;
pub use words::{ItemCommand, Whose};

use crate::{
    command::{Output, setting_line},
    draw::now,
    error::{Error, Result},
    machine::Machine,
    settings::{SettingView, read},
    store::Level,
};
use serde_json::json;
use shown::{describe, record_line, shown};
use std::collections::BTreeSet;
use sync_core::{
    catalogue::{self, Fields, Part, Place, SETTING_TYPE, Setting, address_book, content, type_of},
    id::RecordId,
    item::Item,
    rules::{Code, NothingDoes},
    sharing::SharingScope,
    space::{SpaceKind, SpaceName},
    value::Value,
};
pub(crate) use values::newly_unusual;
use values::{edited, made};

/// One part of an item, in its space.
struct Shelf {
    part: &'static Part,
    space: SpaceName,
}

/// What a word of the command line names.
enum Found {
    Setting(Shelf, &'static Setting),
    Record(Shelf, RecordId, Fields),
}

impl Machine {
    /// Carries out a command about an item.
    ///
    /// # Errors
    /// [`Error::AdministratorNeeded`], [`Error::UnknownEntry`], [`Error::UnknownField`], [`Error::SettingValue`],
    /// [`Error::AlreadyThere`], [`Error::NotAMember`], [`Error::WrongCommand`], or what the disk says.
    pub async fn item(&self, command: ItemCommand, administrator: Option<&str>) -> Result<Output> {
        if let ItemCommand::Set { item, .. }
        | ItemCommand::Add { item, .. }
        | ItemCommand::Remove { item, .. } = &command
            && self.store().profile()?.unsupported.contains(*item)
        {
            return Err(Error::Denied {
                code: Code::ItemNotSupported.to_string(),
                message: format!("{}: {}", item.title(), Code::ItemNotSupported.meaning()),
                remedy: NothingDoes::ItemNotSupported.text().into(),
            });
        }
        match command {
            ItemCommand::Describe { item } => Ok(describe(&self.catalogue, item)),
            ItemCommand::List { item, whose, with_secrets } => {
                self.may_see_item(item, with_secrets, administrator).await?;
                self.list_item(item, &whose, with_secrets)
            }
            ItemCommand::Show { item, record, whose, with_secrets } => {
                self.may_see_item(item, with_secrets, administrator).await?;
                let found = self.find_in_item(item, &record, &whose)?;
                self.show_item(found, with_secrets)
            }
            ItemCommand::Set { item, record, words, unset, whose } => {
                let found = self.find_in_item(item, &record, &whose)?;
                match found {
                    Found::Setting(shelf, setting) => {
                        let value = match words.as_slice() {
                            [value] if !unset => {
                                Some(read(&setting.kind, setting.secret, setting.name, value)?)
                            }
                            [] if unset => None,
                            _ => {
                                return Err(Error::WrongCommand(
                                    "a setting takes one value, or --unset".into(),
                                ));
                            }
                        };
                        self.may_write_item(&shelf, administrator).await?;
                        self.set_item_setting(&shelf, setting, value)?;
                    }
                    Found::Record(shelf, id, fields) => {
                        let (name, value) = match words.as_slice() {
                            [name, value] if !unset => (name, Some(value.as_str())),
                            [name] if unset => (name, None),
                            _ => {
                                return Err(Error::WrongCommand(
                                    "a record's field takes a value, or --unset".into(),
                                ));
                            }
                        };
                        if value.is_none()
                            && name == "list"
                            && shelf.space == SpaceName::local(address_book::LOCAL_SPACE)
                        {
                            return Err(Error::WrongCommand(
                                "an entry of the machine's lists is in one of them".into(),
                            ));
                        }
                        let value = edited(&fields, name, value)?;
                        self.may_write_item(&shelf, administrator).await?;
                        self.set_record_field(&shelf, id, name, value)?;
                    }
                }
                self.show_item(self.find_in_item(item, &record, &whose)?, false)
            }
            ItemCommand::Add { item, record_type, fields, whose } => {
                let shelf = self.item_shelf(item, &record_type, &whose)?;
                let fields = made(&shelf, &record_type, &fields)?;
                self.may_write_item(&shelf, administrator).await?;
                let id = self.add_record(&shelf, fields)?;
                self.show_item(self.find_in_item(item, &id.to_string(), &whose)?, false)
            }
            ItemCommand::Remove { item, record, whose } => {
                let Found::Record(shelf, id, _) = self.find_in_item(item, &record, &whose)? else {
                    return Err(Error::WrongCommand(
                        "a setting is not removed: item set ITEM NAME --unset".into(),
                    ));
                };
                self.may_write_item(&shelf, administrator).await?;
                self.remove_record(&shelf, id)?;
                Ok(Output::new(json!({"removed": id}), "Removed."))
            }
        }
    }

    /// The parts of an item that are asked for.
    fn item_shelves(&self, item: Item, whose: &Whose) -> Result<Vec<Shelf>> {
        let mut shelves = Vec::new();
        for part in content(item) {
            let space = match part.place {
                Place::Local(name) if *whose == Whose::default() => SpaceName::local(name),
                Place::User if whose.group.is_none() && !whose.common => {
                    SpaceName::user(&self.realm()?, &self.person(whose.user.as_deref())?)
                }
                Place::Group => match &whose.group {
                    Some(group) => SpaceName::group(&self.realm()?, group),
                    None => return Err(Error::WrongCommand("name the group: --group ID".into())),
                },
                Place::Common(name) if whose.common => {
                    SpaceName { realm: self.realm()?, kind: SpaceKind::Common, name: name.into() }
                }
                _ => continue,
            };
            if space.synchronizes() && !self.store().is_member(&space)? {
                return Err(Error::NotAMember(space));
            }
            shelves.push(Shelf { part, space });
        }
        if shelves.is_empty() {
            return Err(Error::WrongCommand(format!("{item} has nothing of that owner")));
        }
        Ok(shelves)
    }

    fn item_shelf(&self, item: Item, record_type: &str, whose: &Whose) -> Result<Shelf> {
        let shelves = self.item_shelves(item, whose)?;
        let types = || shelves.iter().flat_map(|shelf| shelf.part.types).map(|known| known.name.to_string());
        let known = types().collect();
        let has = |shelf: &Shelf| shelf.part.types.iter().any(|known| known.name == record_type);
        shelves.into_iter().find(has).ok_or_else(|| Error::UnknownField {
            name: record_type.into(),
            of: item.to_string(),
            known,
        })
    }

    fn find_in_item(&self, item: Item, text: &str, whose: &Whose) -> Result<Found> {
        let shelves = self.item_shelves(item, whose)?;
        if let Some(setting) = self.catalogue.find(item, text) {
            let part = self.catalogue.part_of(item, text);
            if let Some(shelf) = shelves.into_iter().find(|shelf| Some(shelf.part) == part) {
                return Ok(Found::Setting(shelf, setting));
            }
            return Err(Error::UnknownEntry(text.into()));
        }
        let id: RecordId = text.parse().map_err(|_| Error::UnknownEntry(text.into()))?;
        for shelf in shelves {
            let fields = shelf.record(&self.store(), id)?;
            if let Some(fields) = fields.filter(|fields| shelf.part.holds(fields)) {
                return Ok(Found::Record(shelf, id, fields));
            }
        }
        Err(Error::UnknownEntry(text.into()))
    }

    /// What is secret is shown to administrators alone, and the log says so.
    async fn may_see_item(&self, item: Item, with_secrets: bool, administrator: Option<&str>) -> Result<()> {
        if with_secrets {
            self.prove_administrator(administrator).await?;
            let text = format!("an administrator looked at the secrets of {item}");
            self.store().note(Level::Info, "secrets_shown", &text, now())?;
        }
        Ok(())
    }

    /// A person's own data are theirs to change while they are logged in; everything else is an administrator's.
    async fn may_write_item(&self, shelf: &Shelf, administrator: Option<&str>) -> Result<()> {
        let own = shelf.space.kind == SpaceKind::User && self.store().user() == Some(&*shelf.space.name);
        if own { Ok(()) } else { self.prove_administrator(administrator).await }
    }

    fn view_item_setting(&self, shelf: &Shelf, setting: &'static Setting) -> Result<SettingView> {
        if shelf.part.place == Place::User {
            return self.setting(setting.name, &shelf.space.name);
        }
        let view = self.store().view(&shelf.space, setting.record())?;
        let stored = view.as_ref().and_then(|record| record.get("value")).cloned();
        let scope =
            if shelf.space.synchronizes() { SharingScope::Shared } else { SharingScope::DeviceSpecific };
        Ok(SettingView::of(setting, scope, stored))
    }

    fn set_item_setting(&self, shelf: &Shelf, setting: &'static Setting, value: Option<Value>) -> Result<()> {
        if shelf.part.place == Place::User {
            return self.set_value(setting, value, &shelf.space.name);
        }
        self.write_setting(setting, value, (shelf.space.clone(), setting.record()))
    }

    fn list_item(&self, item: Item, whose: &Whose, with_secrets: bool) -> Result<Output> {
        let (mut settings, mut records, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for shelf in self.item_shelves(item, whose)? {
            let mine = |setting: &&Setting| self.catalogue.part_of(item, setting.name) == Some(shelf.part);
            for setting in self.catalogue.settings(item).filter(mine) {
                let view = self.view_item_setting(&shelf, setting)?;
                let view = if with_secrets { view } else { view.masked() };
                lines.push(setting_line(&view));
                settings.push(view);
            }
            let there = self.can_lead_to(&shelf)?;
            let live = shelf.records(&self.store())?;
            for (id, fields) in live.iter().filter(|(_, fields)| shelf.part.holds(fields)) {
                let name = fields.get("name").and_then(Value::as_text).unwrap_or_default();
                if type_of(fields) == Some(SETTING_TYPE) && self.catalogue.find(item, name).is_some() {
                    continue;
                }
                let record = shown(*id, fields, &there, with_secrets);
                lines.push(record_line(*id, fields));
                records.push(record);
            }
        }
        let json = json!({"item": item, "settings": settings, "records": records});
        Ok(Output::new(json, lines.join("\n")))
    }

    /// The records that references of a space can lead to.
    fn can_lead_to(&self, shelf: &Shelf) -> Result<BTreeSet<RecordId>> {
        let store = self.store();
        let mut there: BTreeSet<RecordId> = store.live(&shelf.space)?.into_keys().collect();
        there.extend(store.live(&SpaceName::local(address_book::LOCAL_SPACE))?.into_keys());
        Ok(there)
    }

    fn show_item(&self, found: Found, with_secrets: bool) -> Result<Output> {
        match found {
            Found::Setting(shelf, setting) => {
                let view = self.view_item_setting(&shelf, setting)?;
                let view = if with_secrets { view } else { view.masked() };
                let text = setting_line(&view);
                Ok(Output::new(serde_json::to_value(view).unwrap_or_default(), text))
            }
            Found::Record(shelf, id, fields) => {
                let json = shown(id, &fields, &self.can_lead_to(&shelf)?, with_secrets);
                let fields = if with_secrets { fields } else { catalogue::masked(&fields) };
                let mut lines = vec![format!("{id}")];
                lines.extend(fields.iter().map(|(name, value)| format!("  {name:<30} {value}")));
                for (name, value) in json["seen"].as_object().into_iter().flatten() {
                    lines.push(format!("  ({name:<28}) {value}"));
                }
                for missing in json["missing"].as_array().into_iter().flatten() {
                    lines.push(format!("  missing: {missing}"));
                }
                Ok(Output::new(json, lines.join("\n")))
            }
        }
    }
}
