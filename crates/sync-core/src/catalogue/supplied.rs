//! Settings that the firmware of a machine supplies beside the built-in ones.

use super::{Fields, InFile, Part, SETTING_TYPE, Secret, Setting, Unfit, check, content, type_of};
use crate::{address::TYPE_FIELD, item::Item, value::Value};
use alloc::{collections::BTreeSet, string::String};
use core::fmt;

/// What firmware implements to supply settings of its own.
///
/// ```
/// use sync_core::{catalogue::{self, Catalogue, Setting, Settings}, item::Item};
/// struct Feeder;
/// impl Settings for Feeder {
///     fn settings(&self, item: Item) -> &[Setting] {
///         const OWN: &[Setting] = &[catalogue::number("feeder.speed", "Speed of the feeder", (1, 9), 5)];
///         if item == Item::BasicInformation { OWN } else { &[] }
///     }
/// }
/// let catalogue = Catalogue::with(&Feeder).unwrap();
/// assert!(catalogue.find(Item::BasicInformation, "feeder.speed").is_some());
/// assert!(catalogue.find(Item::BasicInformation, "network.dns").is_some());
/// ```
pub trait Settings {
    /// The settings that it adds to an item; none to most. They lie where the item's first part does.
    fn settings(&self, item: Item) -> &[Setting];
}

/// The settings that there are on one machine: the built-in ones, and those of its firmware.
#[derive(Clone, Copy, Default)]
pub struct Catalogue {
    supplied: Option<&'static (dyn Settings + Sync)>,
}

/// What firmware supplied can't stand in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// Two settings have one name.
    #[error("there is another setting `{0}`: choose another name for it")]
    Collision(String),
    /// Its default is none of its values.
    #[error("the default of `{name}` does not fit: {unfit}")]
    Default {
        /// Which setting.
        name: String,
        /// Why.
        unfit: Unfit,
    },
    /// It is secret, and would go into files that anybody can read.
    #[error("`{0}` is sealed: let it go into encrypted files alone, or into none")]
    Open(String),
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("supplied", &self.supplied.is_some()).finish()
    }
}

impl Catalogue {
    /// The built-in settings alone.
    #[must_use]
    pub const fn built_in() -> Self {
        Self { supplied: None }
    }

    /// The built-in settings and the firmware's.
    ///
    /// # Errors
    /// [`Unsound`]: the first that can't stand there.
    pub fn with(supplied: &'static (dyn Settings + Sync)) -> Result<Self, Unsound> {
        let built_in = super::parts().flat_map(|(_, part)| part.settings).map(|setting| setting.name);
        let mut names: BTreeSet<&str> = built_in.collect();
        for setting in Item::ALL.iter().flat_map(|item| supplied.settings(*item)) {
            if setting.name.is_empty() || !names.insert(setting.name) {
                return Err(Unsound::Collision(setting.name.into()));
            }
            setting
                .check(&setting.default_value())
                .map_err(|unfit| Unsound::Default { name: setting.name.into(), unfit })?;
            if setting.secret == Secret::Sealed && setting.in_file == InFile::Yes {
                return Err(Unsound::Open(setting.name.into()));
            }
        }
        Ok(Self { supplied: Some(supplied) })
    }

    /// All settings of an item, the built-in ones first.
    pub fn settings(&self, item: Item) -> impl Iterator<Item = &'static Setting> + use<> {
        let supplied = self.supplied.map_or(&[][..], |supplied| supplied.settings(item));
        content(item).iter().flat_map(|part| part.settings).chain(supplied)
    }

    /// The setting of an item with this name.
    #[must_use]
    pub fn find(&self, item: Item, name: &str) -> Option<&'static Setting> {
        self.settings(item).find(|setting| setting.name == name)
    }

    /// The part of an item in which a setting lies.
    #[must_use]
    pub fn part_of(&self, item: Item, setting: &str) -> Option<&'static Part> {
        let has = |part: &&Part| part.settings.iter().any(|known| known.name == setting);
        content(item).iter().find(has).or_else(|| content(item).first())
    }

    /// Whether a record of an item fits: [`check`], and of a setting its value too. An unknown setting is a newer model's:
    /// it passes.
    ///
    /// # Errors
    /// [`Unfit`]: the first field that does not fit, or that is missing.
    pub fn check(&self, item: Item, fields: &Fields) -> Result<(), Unfit> {
        if type_of(fields) != Some(SETTING_TYPE) {
            return check(fields);
        }
        let Some(Value::Text(name)) = fields.get("name") else {
            return Err(Unfit::new("the setting's name, beside its `type`").in_field("name"));
        };
        match (self.find(item, name), fields.get("value")) {
            (Some(setting), Some(value)) => setting.check(value).map_err(|unfit| unfit.in_field(name)),
            _ => Ok(()),
        }
    }

    /// How secret the value of a field is, of a setting too.
    #[must_use]
    pub fn secrecy(&self, item: Item, fields: &Fields, name: &str) -> Secret {
        if type_of(fields) != Some(SETTING_TYPE) {
            return super::secrecy(fields, name);
        }
        let setting =
            fields.get("name").and_then(Value::as_text).and_then(|setting| self.find(item, setting));
        match setting {
            Some(setting) if name != TYPE_FIELD && name != "name" => setting.secret,
            _ => Secret::No,
        }
    }
}
