//! A reference model of the rules of import and export, written from their prose. It imports nothing of the crates and
//! speaks in the texts of the command line, so that it can judge a program as well as a function.

/// The roles of a machine.
pub const ROLES: [&str; 3] = ["client", "server", "server-with-client"];

/// The states of its client function.
pub const STATES: [&str; 5] = ["stopped", "starting", "in-progress", "paused", "stopping"];

/// What can be asked for.
pub const OPERATIONS: [&str; 4] = ["import", "import-batch", "export", "export-batch"];

/// Destination server addresses as people write them. Only the first two mean the machine's own server function.
pub const DESTINATIONS: [&str; 12] = [
    "localhost:8443",
    " LocalHost:8443\t",
    "",
    "   ",
    "localhost",
    "localhost:443",
    "localhost.:8443",
    "127.0.0.1:8443",
    "[::1]:8443",
    "[0:0:0:0:0:0:0:1]:8443",
    "server.example",
    "192.0.2.7:8443",
];

/// The items that can be imported and exported alone.
pub const INDIVIDUAL: [&str; 7] = [
    "address-book",
    "device-settings",
    "web-access-favorites",
    "printer-settings",
    "paper-information",
    "personal-address-list",
    "user-group-address-list",
];

/// The items of a batch.
pub const BATCH: [&str; 19] = [
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

/// Every item once.
#[must_use]
pub fn items() -> Vec<&'static str> {
    let mut items: Vec<_> = INDIVIDUAL.into_iter().chain(BATCH).collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// One question, in the texts of the command line.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// One of [`ROLES`].
    pub role: &'a str,
    /// One of [`STATES`].
    pub state: &'a str,
    /// The destination server address as it was typed.
    pub destination: &'a str,
    /// One of [`OPERATIONS`].
    pub operation: &'a str,
    /// One of [`items`].
    pub item: &'a str,
    /// Whether the one who asks is an administrator.
    pub administrator: bool,
    /// The display languages of source and destination, where the file says the former.
    pub languages: Option<(&'a str, &'a str)>,
}

/// What must be answered: nothing where it is allowed, else the code and the rule.
pub type Expected = Option<(&'static str, &'static str)>;

/// The answer that the rules require.
#[must_use]
pub fn expected(asked: &Asked<'_>) -> Expected {
    let batch = asked.operation.ends_with("-batch");
    let import = asked.operation.starts_with("import");

    // An item that exists only in a batch is refused as such individually, whatever the state; and the reverse.
    if batch && !BATCH.contains(&asked.item) {
        return Some(("not_batch", "3"));
    }
    if !batch && !INDIVIDUAL.contains(&asked.item) {
        return Some(("not_individual", "2"));
    }

    // Importing and exporting need administrator privileges.
    if !asked.administrator {
        return Some(("administrator_required", "1"));
    }

    // A role without the client function ignores the sync state; every state but stopped counts as in progress; and
    // only the three kinds of personalized data wait for it.
    let synchronizes = asked.role != "server" && asked.state != "stopped";
    let waits =
        ["personal-settings", "personal-address-list", "user-group-address-list"].contains(&asked.item);
    if synchronizes && waits {
        // Compared as the machine stores it: trimmed, the host without regard to case, the port written out.
        let own = asked.destination.trim().eq_ignore_ascii_case("localhost:8443");
        // On a machine that is its own server: address lists individually both ways, and every export. An import in a
        // batch never.
        let on_own_server = !(import && batch);
        match (asked.role, own, on_own_server) {
            ("server-with-client", true, true) => {}
            ("server-with-client", false, true) => {
                return Some(("destination_not_localhost", "6"));
            }
            _ => return Some(("synchronizing", "6")),
        }
    }

    // The same display language at source and destination, where the file says one.
    match asked.languages {
        Some((source, here)) if import && !source.eq_ignore_ascii_case(here) => {
            Some(("language_differs", "4"))
        }
        _ => None,
    }
}

/// Calls `each` with every question of the whole product.
pub fn every_question(mut each: impl FnMut(&Asked<'_>)) {
    let items = items();
    for role in ROLES {
        for state in STATES {
            for destination in DESTINATIONS {
                for operation in OPERATIONS {
                    for item in &items {
                        for administrator in [true, false] {
                            for languages in [None, Some(("en", "en")), Some(("ja", "en"))] {
                                each(&Asked {
                                    role,
                                    state,
                                    destination,
                                    operation,
                                    item,
                                    administrator,
                                    languages,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
}
