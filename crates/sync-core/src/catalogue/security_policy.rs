//! The security policy: what administrators decide for everybody, and the password that guards it. The password is never
//! here, only its salted hash; see rule 5.

use super::{Default, Part, Place, Setting, choice, flag, number, of, users};

/// The policy.
pub const SETTINGS: &[Setting] = &[
    of(
        "policy.password",
        "Password of the policy, as a salted hash",
        users::PASSWORD_HASH,
        Default::Map(&[]),
    )
    .sealed(),
    flag("policy.no-direct-connection", "Prohibit direct connections", false),
    flag("policy.no-wireless", "Prohibit wireless networks", false),
    flag("policy.no-usb-device", "Prohibit use as a USB device", false),
    flag("policy.no-usb-storage", "Prohibit USB storage", false),
    flag("policy.verify-smb-ftp", "Always verify TLS to servers", false),
    flag("policy.no-clear-text-login", "Prohibit logins in clear text", false),
    flag("policy.no-snmp-1", "Prohibit SNMPv1", false),
    choice("policy.least-tls", "Least TLS version", &["1.0", "1.1", "1.2", "1.3"], "1.2"),
    flag("policy.no-weak-encryption", "Prohibit weak encryption", false),
    flag("policy.no-weak-keys", "Prohibit keys and certificates with weak encryption", false),
    flag("policy.no-guests", "Prohibit guests", false),
    flag("policy.force-auto-logout", "People are always logged out after a while", false),
    number("policy.auto-logout-seconds", "After how many seconds", (10, 900), 120),
    number(
        "policy.lock-out-attempts",
        "Wrong passwords until somebody is locked out, 0 for never",
        (0, 10),
        3,
    ),
    number("policy.lock-out-minutes", "For how many minutes", (1, 60), 3),
    number("policy.password-length", "Least length of passwords", (0, 32), 8),
    number("policy.password-days", "Days that a password holds, 0 for always", (0, 180), 0),
    flag("policy.password-upper", "Passwords have an upper-case letter", false),
    flag("policy.password-lower", "Passwords have a lower-case letter", false),
    flag("policy.password-digit", "Passwords have a digit", false),
    flag("policy.password-sign", "Passwords have another sign", false),
    flag("policy.no-password-cache", "Passwords of servers are not kept", false),
    flag("policy.no-pin-login", "Prohibit PINs in place of passwords", false),
    flag("policy.no-remote-driver", "Print jobs only by people who logged in", false),
    flag("policy.hold-jobs", "Jobs wait for their owner at the machine", false),
    flag("policy.no-new-destinations", "Send only to addresses of the lists", false),
    flag("policy.no-fax-to-new-numbers", "Fax only to numbers of the lists", false),
    flag("policy.confirm-fax-number", "Enter fax numbers twice", false),
    flag("policy.sign-documents", "Documents carry the machine's signature", false),
    flag("policy.audit-log", "Keep an audit log", false),
    flag("policy.time-from-server", "Keep time by a time server", false),
    flag("policy.no-external-backup", "Prohibit backups outside", false),
    flag("policy.verify-start", "Verify the system at start", false),
    flag("policy.erase-storage", "Overwrite what is deleted", false),
    choice("policy.erase-when", "When it is overwritten", &["during-job", "after-job"], "after-job"),
];

/// The machine's.
pub const POLICY: Part = Part { place: Place::Local("security-policy"), types: &[], settings: SETTINGS };
