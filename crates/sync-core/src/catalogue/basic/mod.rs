//! Basic information of Settings/Registration: how the machine is set up, menu by menu.
//!
//! | room | menu |
//! | --- | --- |
//! | `preferences` | display, clock, keyboard, paper, timers and energy, accessibility |
//! | `network` | the network: what belongs together is one setting |
//! | `adjustment` | adjustment and maintenance |
//! | `functions` | what each function does |
//! | `destinations` | set destination |
//! | `management` | users, device, licence, data |

mod adjustment;
mod destinations;
mod functions;
mod management;
mod network;
mod preferences;

use super::{Part, Place, Setting};

/// One menu of Settings/Registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Menu {
    /// What the names of its settings begin with.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Its settings.
    pub settings: &'static [Setting],
}

/// The menus, in the machine's order.
pub const MENUS: &[Menu] = &[
    Menu { name: "preferences", title: "Preferences", settings: preferences::SETTINGS },
    Menu { name: "network", title: "Preferences: network", settings: network::SETTINGS },
    Menu { name: "adjustment", title: "Adjustment and maintenance", settings: adjustment::SETTINGS },
    Menu { name: "function", title: "Function settings", settings: functions::SETTINGS },
    Menu { name: "destination", title: "Set destination", settings: destinations::SETTINGS },
    Menu { name: "management", title: "Management settings", settings: management::SETTINGS },
];

const COUNT: usize = {
    let (mut count, mut menu) = (0, 0);
    while menu < MENUS.len() {
        count += MENUS[menu].settings.len();
        menu += 1;
    }
    count
};

/// All of them, menu by menu.
pub const SETTINGS: &[Setting] = &{
    let mut all = [MENUS[0].settings[0]; COUNT];
    let (mut count, mut menu) = (0, 0);
    while menu < MENUS.len() {
        let mut place = 0;
        while place < MENUS[menu].settings.len() {
            all[count] = MENUS[menu].settings[place];
            count += 1;
            place += 1;
        }
        menu += 1;
    }
    all
};

/// The machine's.
pub const BASIC: Part = Part { place: Place::Local("basic-information"), types: &[], settings: SETTINGS };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_named_after_its_menu() {
        for menu in MENUS {
            for setting in menu.settings {
                assert!(setting.name.starts_with(&[menu.name, "."].concat()), "{}", setting.name);
            }
        }
        assert_eq!(SETTINGS.len(), MENUS.iter().map(|menu| menu.settings.len()).sum::<usize>());
        assert!(SETTINGS.len() > 100);
    }
}
