//! What can be imported and exported: the items of rules 2 and 3, in one table.

use crate::names::text_forms;

/// Something that rule 3 says of an item beside its place in the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Footnote {
    /// (1) Only to a machine that has a Home screen.
    NeedsHomeScreen,
    /// (2) Shared buttons may be refused by the source's model.
    SharedButtonsBySourceModel,
    /// (3) See rule 5, the security policy password.
    PolicyPassword,
    /// May be refused by the source's model; exported whatever the machine says about personal home screens.
    PersonalBySourceModel,
}

/// One row of the table of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemRow {
    /// Which item.
    pub item: Item,
    /// Its name in commands and files.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether it can be imported and exported alone (rule 2).
    pub individual: bool,
    /// Whether it can be part of a batch (rule 3).
    pub batch: bool,
    /// Whether a server can distribute it to machines. What synchronizes is not distributed beside that, nor what
    /// belongs to one machine: its keys, its certificates, its boxes and its users.
    pub distributable: bool,
    /// Whether it is personalized data, which rule 6 restricts.
    pub personalized: bool,
    /// What else rule 3 says of it.
    pub footnotes: &'static [Footnote],
}

macro_rules! items {
    ($($(#[$meta:meta])* $item:ident = $name:literal, $title:literal, [$($flag:ident)*], [$($footnote:ident)*];)+) => {
        /// One thing that can be imported or exported (rules 2 and 3). What stands in both lists is one item.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Item {
            $($(#[$meta])* $item,)+
        }

        /// Every item, in the order of rule 2's list and then rule 3's.
        pub const TABLE: &[ItemRow] = &[
            $(ItemRow {
                $($flag: true,)*
                footnotes: &[$(Footnote::$footnote),*],
                ..ItemRow::blank(Item::$item, $name, $title)
            },)+
        ];

        impl Item {
            /// All of them, in the order of [`TABLE`].
            pub const ALL: &'static [Self] = &[$(Self::$item),+];
            /// The names of all of them, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }
    };
}

impl ItemRow {
    const fn blank(item: Item, name: &'static str, title: &'static str) -> Self {
        Self {
            item,
            name,
            title,
            individual: false,
            batch: false,
            distributable: false,
            personalized: false,
            footnotes: &[],
        }
    }
}

items! {
    /// Address lists 1 to 10, the one-touch list and the administrator's.
    AddressBook = "address-book", "Address Book", [individual batch distributable], [];
    /// Forwarding Settings, Address Book and Favorite Settings for sending, in one file.
    DeviceSettings = "device-settings", "Device Settings (Forwarding Settings, Address Book, Favorite Settings for sending)", [individual], [];
    /// Favorites of Web Access.
    WebAccessFavorites = "web-access-favorites", "Favorites of Web Access", [individual], [];
    /// Printer Settings; in a batch, Settings for Printer Settings.
    PrinterSettings = "printer-settings", "Printer Settings", [individual batch distributable], [];
    /// Paper Information.
    PaperInformation = "paper-information", "Paper Information", [individual], [];
    /// The address lists of persons; in a batch they are part of [`Item::PersonalSettings`].
    PersonalAddressList = "personal-address-list", "Personal Address Lists", [individual personalized], [];
    /// The address lists of user groups.
    UserGroupAddressList = "user-group-address-list", "User Group Address List", [individual batch personalized], [];
    /// Settings/Registration Basic Information.
    BasicInformation = "basic-information", "Settings/Registration Basic Information", [batch distributable], [];
    /// Paper Type Management.
    PaperTypeManagement = "paper-type-management", "Paper Type Management", [batch distributable], [];
    /// Download Profile for Printer Settings.
    PrinterDownloadProfile = "printer-download-profile", "Download Profile for Printer Settings", [batch distributable], [];
    /// Forwarding.
    Forwarding = "forwarding", "Forwarding", [batch distributable], [];
    /// Box.
    Box = "box", "Box", [batch], [];
    /// Department ID Management.
    DepartmentIdManagement = "department-id-management", "Department ID Management", [batch distributable], [];
    /// Key.
    Key = "key", "Key", [batch], [];
    /// Certificate/CRL.
    CertificateCrl = "certificate-crl", "Certificate/CRL", [batch], [];
    /// Visual Message.
    VisualMessage = "visual-message", "Visual Message", [batch distributable], [];
    /// Home.
    Home = "home", "Home", [batch distributable], [NeedsHomeScreen SharedButtonsBySourceModel];
    /// Web Access.
    WebAccess = "web-access", "Web Access", [batch distributable], [];
    /// Favorite.
    Favorite = "favorite", "Favorite", [batch distributable], [];
    /// Authentication User Management.
    AuthenticationUsers = "authentication-users", "Authentication User Management", [batch], [];
    /// Security Policy.
    SecurityPolicy = "security-policy", "Security Policy", [batch distributable], [PolicyPassword];
    /// Personal Setting Information, which carries the personal address lists with it.
    PersonalSettings = "personal-settings", "Personal Setting Information", [batch personalized], [PersonalBySourceModel];
    /// MEAP Application Setting Information.
    MeapApplicationSettings = "meap-application-settings", "MEAP Application Setting Information", [batch distributable], [];
}

// `row` looks an item up by its place; and an item that could be asked for in no way would have no remedy.
const _: () = {
    let mut i = 0;
    while i < TABLE.len() {
        assert!(TABLE[i].item as usize == i);
        assert!(TABLE[i].individual || TABLE[i].batch);
        i += 1;
    }
};

impl Item {
    /// Its row of [`TABLE`].
    #[must_use]
    pub const fn row(self) -> &'static ItemRow {
        &TABLE[self as usize]
    }

    /// Its name in commands and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Whether it is personalized data.
    #[must_use]
    pub const fn is_personalized(self) -> bool {
        self.row().personalized
    }
}

text_forms!(Item, "item");

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_lists_of_rules_2_and_3() {
        let list = |wanted: fn(&ItemRow) -> bool| -> Vec<&str> {
            TABLE.iter().filter(|row| wanted(row)).map(|row| row.name).collect()
        };
        assert_eq!(
            list(|row| row.individual),
            [
                "address-book",
                "device-settings",
                "web-access-favorites",
                "printer-settings",
                "paper-information",
                "personal-address-list",
                "user-group-address-list"
            ]
        );
        let mut batch = list(|row| row.batch);
        let mut wanted = [
            "basic-information",
            "paper-type-management",
            "printer-settings",
            "printer-download-profile",
            "forwarding",
            "box",
            "department-id-management",
            "key",
            "certificate-crl",
            "visual-message",
            "home",
            "web-access",
            "favorite",
            "address-book",
            "user-group-address-list",
            "authentication-users",
            "security-policy",
            "personal-settings",
            "meap-application-settings",
        ];
        batch.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(batch, wanted);
        assert_eq!(
            list(|row| row.personalized),
            ["personal-address-list", "user-group-address-list", "personal-settings"]
        );
        // The sync carries personalized data; a distribution beside it would be a second way in.
        assert!(TABLE.iter().all(|row| !(row.personalized && row.distributable)));
        assert!(TABLE.iter().all(|row| row.batch || !row.distributable));
    }

    #[test]
    fn every_name_is_read_back() {
        for row in TABLE {
            assert_eq!(row.name.parse::<Item>().unwrap(), row.item);
        }
        assert_eq!(Item::ALL.len(), 23);
        assert!("Address-Book".parse::<Item>().is_err());
    }
}
