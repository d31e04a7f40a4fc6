#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    addresses::{Entry, ListOf},
    command::Command,
    draw,
    machine::Options,
    store::{Batch, Edit, Identity, Store},
};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use sync_core::{
    address::{Address, AddressKind},
    catalogue::{Catalogue, Settings, samples},
    change::Operation,
    id::{MachineId, ServerId},
    machine::SyncState,
    protocol::TokenProof,
    record::Record,
};
use tempfile::TempDir;
use uuid::Uuid;

const TOKEN: &str = "token";

/// A stopped machine whose server is out of reach (nothing listens on port 9 of this host), at which alice is logged in.
fn machine() -> (TempDir, Machine) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let hash = draw::hex(&Sha256::digest(format!("salt{TOKEN}").as_bytes()));
    store
        .set_identity(Identity {
            machine: Some(MachineId(Uuid::from_u128(1))),
            server: Some(ServerId(Uuid::from_u128(2))),
            realm: Some("office".into()),
            destination: "server.example:8443".parse().unwrap(),
            connect_to: Some("127.0.0.1:9".into()),
            fingerprint: Some("0".repeat(64)),
            administrator: Some(TokenProof { salt: "salt".into(), hash }),
            ..Identity::default()
        })
        .unwrap();
    store.set_state(SyncState::Stopped).unwrap();
    store.join(&[SpaceName::user("office", "alice"), SpaceName::group("office", "sales")]).unwrap();
    drop(store);
    let machine = Machine::open(folder.path(), Options::default()).unwrap();
    (folder, machine)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Carries words of the command line out, as an administrator.
fn asked(machine: &Machine, words: &[&str]) -> Result<Json> {
    asked_as(machine, words, Some(TOKEN))
}

fn asked_as(machine: &Machine, words: &[&str], administrator: Option<&str>) -> Result<Json> {
    #[derive(clap::Parser)]
    struct Words {
        #[command(subcommand)]
        words: ItemCommand,
    }
    let words = ["item"].iter().chain(words);
    let command = <Words as clap::Parser>::try_parse_from(words).unwrap().words.with_files()?;
    let travelled = serde_json::from_str(&serde_json::to_string(&Command::Item(command)).unwrap()).unwrap();
    block_on(machine.execute(travelled, administrator)).map(|output| output.json)
}

fn code(result: Result<Json>) -> String {
    result.unwrap_err().code().to_string()
}

#[test]
fn a_machine_setting_is_changed_shown_and_left_to_its_default() {
    let (_folder, machine) = machine();
    let set = |words: &[&str]| asked(&machine, &[&["set", "basic-information"], words].concat());
    let view = set(&["preferences.sleep-minutes", "30"]).unwrap();
    assert_eq!((&view["value"], &view["default"], &view["set"]), (&json!(30), &json!(10), &json!(true)));
    assert_eq!(code(set(&["preferences.sleep-minutes", "0"])), "setting_value");
    assert_eq!(code(set(&["preferences.sleep-minutes", "30", "40"])), "wrong_command");
    assert_eq!(code(set(&["nothing", "1"])), "unknown_entry");
    assert_eq!(set(&["adjustment.send-density", "-2"]).unwrap()["value"], -2);
    let dns = set(&["network.dns", "primary=192.0.2.53, search=office.example"]).unwrap();
    assert_eq!(dns["value"], json!({"primary": "192.0.2.53", "search": ["office.example"]}));
    let dns = set(&["network.dns", r#"{"search": ["office.example", "b.example"]}"#]).unwrap();
    assert_eq!(dns["value"]["search"][1], "b.example");
    let wrong = set(&["network.dns", r#"{"primary": "192.0.2.553"}"#]).unwrap_err();
    assert!(wrong.to_string().contains("network.dns.primary: an IPv4 address"), "{wrong}");
    assert_eq!(set(&["network.dns", "--unset"]).unwrap()["set"], false);
    let all = asked(&machine, &["list", "basic-information"]).unwrap();
    let settings = all["settings"].as_array().unwrap();
    assert_eq!(settings.len(), catalogue::basic::SETTINGS.len());
    assert_eq!(settings.iter().filter(|view| view["set"] == true).count(), 2);
}

#[test]
fn records_are_added_changed_and_removed() {
    let (_folder, machine) = machine();
    let add = |words: &[&str]| asked(&machine, &[&["add", "box"], words].concat());
    let made = add(&["mail-box", "number=7", "name=Sales", "pin=4711"]).unwrap();
    assert_eq!((&made["fields"]["number"], &made["fields"]["pin"]), (&json!(7), &json!("***")));
    let id = made["record"].as_str().unwrap();
    assert_eq!(code(add(&["mail-box", "number=7"])), "already_there");
    assert_eq!(code(add(&["mail-box", "name=Sales"])), "field_missing");
    assert_eq!(code(add(&["mail-box", "number=8", "colour=red"])), "unknown_field");
    assert_eq!(code(add(&["letter-box", "number=8"])), "unknown_field");
    assert_eq!(code(add(&["mail-box", "number=8", "number=9"])), "wrong_command");
    let eight = add(&["mail-box", "number=8"]).unwrap();
    let set = |words: &[&str]| asked(&machine, &[&["set", "box", id], words].concat());
    assert_eq!(set(&["name", "Support"]).unwrap()["fields"]["name"], "Support");
    assert_eq!(code(set(&["number", "8"])), "already_there");
    assert_eq!(code(set(&["number", "--unset"])), "setting_value");
    assert_eq!(code(set(&["colour", "red"])), "unknown_field");
    // What is wrong with a secret is said without it.
    assert!(!set(&["pin", "abc"]).unwrap_err().to_string().contains("abc"));
    assert!(set(&["pin", "--unset"]).unwrap()["fields"]["pin"].is_null());
    let remove = ["remove", "box", eight["record"].as_str().unwrap()];
    assert_eq!(asked(&machine, &remove).unwrap()["removed"], eight["record"]);
    assert_eq!(code(asked(&machine, &remove)), "unknown_entry");
    // Another item does not reach them, although it is a local one too.
    assert_eq!(code(asked(&machine, &["show", "favorite", id])), "unknown_entry");
    assert_eq!(asked(&machine, &["list", "box"]).unwrap()["records"].as_array().unwrap().len(), 1);
}

#[test]
fn secrets_are_shown_to_administrators_and_the_log_says_so() {
    let (_folder, machine) = machine();
    let set =
        ["set", "basic-information", "network.smtp", "host=mail.example,port=25,user=mfp,password=hidden"];
    let view = asked(&machine, &set).unwrap();
    assert_eq!((&view["value"]["user"], &view["value"]["password"]), (&json!("mfp"), &json!("***")));
    let show = ["show", "basic-information", "network.smtp"];
    assert_eq!(asked_as(&machine, &show, None).unwrap()["value"]["password"], "***");
    let open = [&show[..], &["--with-secrets"]].concat();
    assert_eq!(code(asked_as(&machine, &open, None)), "administrator_required");
    assert_eq!(code(asked_as(&machine, &open, Some("other"))), "administrator_refused");
    let noted =
        || machine.store().log(99).unwrap().iter().filter(|line| line.code == "secrets_shown").count();
    assert_eq!(noted(), 0);
    assert_eq!(asked(&machine, &open).unwrap()["value"]["password"], "hidden");
    assert_eq!(noted(), 1);
    let text = asked(&machine, &["list", "basic-information"]).unwrap().to_string();
    assert!(!text.contains("hidden"));
}

#[test]
fn the_machine_is_an_administrators_and_a_persons_own_is_theirs() {
    let (_folder, machine) = machine();
    let set = ["set", "basic-information", "preferences.sleep-minutes", "30"];
    assert_eq!(code(asked_as(&machine, &set, None)), "administrator_required");
    let add = |whose: &[&'static str]| {
        [&["add", "personal-settings", "personal-button", "name=Copy", "function=copy"], whose].concat()
    };
    assert_eq!(code(asked_as(&machine, &add(&[]), None)), "nobody_logged_in");
    assert_eq!(code(asked_as(&machine, &add(&["--user", "alice"]), None)), "administrator_required");
    assert_eq!(code(asked(&machine, &add(&["--user", "bob"]))), "not_a_member");
    asked(&machine, &add(&["--user", "alice"])).unwrap();
    block_on(machine.execute(Command::Login { user: "alice".into() }, None)).unwrap();
    let own = ["add", "personal-settings", "personal-button", "name=Fax", "function=fax"];
    asked_as(&machine, &own, None).unwrap();
    asked_as(&machine, &["set", "personal-settings", "copy.copies", "4"], None).unwrap();
    assert_eq!(machine.setting("copy.copies", "alice").unwrap().value, 4.into());
    let all = asked_as(&machine, &["list", "personal-settings"], None).unwrap();
    assert_eq!(all["records"].as_array().unwrap().len(), 2);
    assert_eq!(code(asked(&machine, &["list", "user-group-address-list"])), "wrong_command");
    assert_eq!(code(asked(&machine, &["list", "box", "--user", "alice"])), "wrong_command");
    let group = ["add", "user-group-address-list", "address", "name=Desk", "kind=email", "--group", "sales"];
    assert_eq!(asked(&machine, &group).unwrap()["fields"]["name"], "Desk");
}

#[test]
fn keys_come_from_files_and_halves_of_two_are_refused() {
    let (folder, machine) = machine();
    let keys = samples(Item::Key, 1);
    let file = |name: &str, sample: usize, part: &str| {
        let Some(Value::Bytes(bytes)) = keys[sample].fields["pair"].get(part) else { panic!("{part}") };
        std::fs::write(folder.path().join(name), bytes).unwrap();
        format!("{part}=@{}", folder.path().join(name).display())
    };
    let pair = format!("pair={},{}", file("key", 0, "private_key"), file("own", 0, "certificate"));
    let mixed = format!("pair={},{}", file("key", 0, "private_key"), file("other", 1, "certificate"));
    assert_eq!(code(asked(&machine, &["add", "key", "key", "name=tls", &mixed])), "setting_value");
    let made = asked(&machine, &["add", "key", "key", "name=tls", &pair, "use:tls=on"]).unwrap();
    assert_eq!(made["seen"]["subject"], "CN=machine.office.example,O=Example");
    assert_eq!(made["fields"]["pair"]["private_key"], "***");
    let der = format!("der=@{}", folder.path().join("own").display());
    let certificate = asked(&machine, &["add", "certificate-crl", "certificate", &der]).unwrap();
    assert_eq!(certificate["seen"]["fingerprint"], made["seen"]["fingerprint"]);
    let none = format!("der=@{}", folder.path().join("key").display());
    assert_eq!(code(asked(&machine, &["add", "certificate-crl", "certificate", &none])), "setting_value");
}

#[test]
fn a_key_is_written_as_json_too() {
    let (_folder, machine) = machine();
    let sample =
        samples(Item::Key, 0).into_iter().find(|sample| type_of(&sample.fields) == Some("key")).unwrap();
    let half = |name| match sample.fields["pair"].get(name) {
        Some(Value::Bytes(bytes)) => draw::hex(bytes),
        _ => panic!("no {name}"),
    };
    let pair = json!({"private_key": half("private_key"), "certificate": half("certificate")});
    let made = asked(&machine, &["add", "key", "key", "name=tls", &format!("pair={pair}")]).unwrap();
    assert_eq!(made["fields"]["pair"]["private_key"], "***");
    let pair = json!({"private_key": "no digits", "certificate": half("certificate")});
    assert_eq!(
        code(asked(&machine, &["add", "key", "key", "name=b", &format!("pair={pair}")])),
        "setting_value"
    );
}

#[test]
fn what_is_typed_of_an_address_is_what_such_a_machine_knows() {
    let (_folder, machine) = machine();
    let add = |words: &[&str]| asked(&machine, &[&["add", "address-book", "address"], words].concat());
    for wrong in [
        "kind=nokind",
        "mail=foo",
        "number=99999999",
        "number=0",
        "list=55",
        "list=0",
        "access_code=12345678901",
        "access_code=open",
        "member:junk=1",
    ] {
        assert_eq!(code(add(&["name=Z", wrong])), "setting_value", "{wrong}");
    }
    assert_eq!(code(add(&["name=Z", "list=11", "number=201"])), "setting_value");
    let made = add(&["name=Z", "kind=email", "mail=z@office.example", "list=11", "number=200"]).unwrap();
    let id = made["record"].as_str().unwrap();
    let set = |words: &[&str]| asked(&machine, &[&["set", "address-book", id], words].concat());
    assert_eq!(code(set(&["mail", "foo"])), "setting_value");
    assert_eq!(code(set(&["list", "--unset"])), "wrong_command");
    set(&["list", "1"]).unwrap();
    set(&["number", "201"]).unwrap();
    assert_eq!(code(set(&["list", "11"])), "setting_value");
    let rule = ["add", "forwarding", "forwarding-rule", "name=All", "receives=fax", "destination:junk=1"];
    assert_eq!(code(asked(&machine, &rule)), "setting_value");

    // The same of `address add`; whatever a file brought can be shown, and edited without being mended first.
    let list = ListOf::Machine(3);
    let entry = |kind: &str, mail: &str| Entry {
        name: Some("Y".into()),
        kind: Some(kind.into()),
        mail: Some(mail.into()),
        ..Entry::default()
    };
    for (list, entry) in [
        (ListOf::Machine(12), entry("email", "y@office.example")),
        (list.clone(), entry("nokind", "y@office.example")),
        (list.clone(), entry("email", "foo")),
        (list.clone(), Entry { number: Some(0), ..entry("email", "") }),
    ] {
        assert_eq!(machine.add_address(&list, &entry).unwrap_err().code(), "setting_value", "{entry:?}");
    }
    machine.add_address(&list, &entry("email", "y@office.example")).unwrap();
    let [foreign, without] = [1, 2].map(|n| RecordId(Uuid::from_u128(n)));
    for (id, list) in [(foreign, Some(55)), (without, None)] {
        let address = Address {
            kind: AddressKind::named("pigeon"),
            name: "Loft".into(),
            mail: "loft".into(),
            list,
            ..Address::default()
        };
        let fields = address.to_fields().into_iter().map(|(name, value)| (name, Some(value))).collect();
        let space = SpaceName::local(address_book::LOCAL_SPACE);
        let author = machine.author(None);
        machine.store().edit(&space, id, Operation::Edit(fields), author).unwrap();
    }
    let of =
        |list: &ListOf| machine.addresses(list).unwrap().into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(of(&ListOf::Machine(55)), [foreign]);
    assert!(of(&ListOf::Machine(1)).contains(&without));
    assert_eq!(of(&ListOf::Lists).len(), 4);
    let renamed = Entry { name: Some("Dovecote".into()), ..Entry::default() };
    machine.edit_address(&ListOf::Lists, foreign, &renamed).unwrap();
    let wrong = machine.edit_address(&ListOf::Lists, foreign, &entry("email", "cote"));
    assert_eq!(wrong.unwrap_err().code(), "setting_value");
    assert_eq!(machine.add_address(&ListOf::Lists, &renamed).unwrap_err().code(), "wrong_command");
}

#[test]
fn what_the_machine_does_not_have_is_not_written() {
    let (_folder, machine) = machine();
    let profile = "[items]\nunsupported = [\"box\"]\n".to_string();
    let statement = crate::facts::Statement { profile: Some(profile), ..Default::default() };
    block_on(machine.execute(Command::Machine(statement), Some(TOKEN))).unwrap();
    for words in [
        &["set", "box", "box.advanced-open", "on"][..],
        &["add", "box", "mail-box", "number=7"],
        &["remove", "box", "0198f9c2-0000-7000-8000-000000000001"],
    ] {
        assert_eq!(code(asked(&machine, words)), "item_not_supported", "{words:?}");
    }
    asked(&machine, &["list", "box"]).unwrap();
    asked(&machine, &["set", "forwarding", "forwarding.fax", "on"]).unwrap();
}

#[test]
fn a_password_is_kept_as_its_hash() {
    let (folder, machine) = machine();
    let file = folder.path().join("password");
    std::fs::write(&file, "open sesame\n").unwrap();
    let from_file = format!("@{}", file.display());
    for written in ["open sesame", &from_file] {
        let view = asked(&machine, &["set", "security-policy", "policy.password", written]).unwrap();
        assert_eq!(
            (&view["value"]["scheme"], &view["value"]["hash"]),
            (&json!("pbkdf2-sha256"), &json!("***"))
        );
        let id = catalogue::find_in(Item::SecurityPolicy, "policy.password").unwrap().record();
        let record = machine.store().view(&SpaceName::local("security-policy"), id).unwrap().unwrap();
        let kept = record.get("value").unwrap();
        assert!(crate::password::matches(kept, "open sesame") && !format!("{kept:?}").contains("sesame"));
    }
    let user =
        ["add", "authentication-users", "login-user", "name=alice", "role=general-user", "password=a=b,c"];
    assert_eq!(asked(&machine, &user).unwrap()["fields"]["password"]["hash"], "***");
}

#[test]
fn a_reference_to_what_is_gone_is_shown_as_missing_and_kept() {
    let (_folder, machine) = machine();
    let address =
        asked(&machine, &["add", "address-book", "address", "name=Desk", "mail=desk@office.example"]);
    let address = address.unwrap()["record"].as_str().unwrap().to_string();
    let destination = format!("destination:{address}=1");
    let rule = ["add", "forwarding", "forwarding-rule", "name=Night", "receives=fax", &destination];
    let rule = asked(&machine, &rule).unwrap();
    assert!(rule["missing"].is_null());
    asked(&machine, &["remove", "address-book", &address]).unwrap();
    let after = asked(&machine, &["show", "forwarding", rule["record"].as_str().unwrap()]).unwrap();
    assert_eq!((&after["missing"][0], &after["fields"]), (&json!(address), &rule["fields"]));
}

#[test]
fn an_eleventh_entry_of_the_timeline_pushes_out_the_oldest() {
    let (_folder, machine) = machine();
    for time in 1..=12 {
        let time = format!("time={time}");
        let add = [
            "add",
            "personal-settings",
            "timeline-entry",
            &time,
            "function=copy",
            "title=Copy",
            "--user",
            "alice",
        ];
        asked(&machine, &add).unwrap();
    }
    let all = asked(&machine, &["list", "personal-settings", "--user", "alice"]).unwrap();
    let times: BTreeSet<i64> = all["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["fields"]["time"].as_i64().unwrap())
        .collect();
    assert_eq!(times, (3..=12).collect());
    // Whose an entry is, the machine says.
    let mine = ["add", "personal-settings", "timeline-entry", "time=13", "function=copy", "title=Copy"];
    assert_eq!(
        code(asked(&machine, &[&mine[..], &["user=bob", "--user", "alice"]].concat())),
        "unknown_field"
    );
}

#[test]
fn a_newer_models_value_shows_as_the_default_and_stays() {
    let (_folder, machine) = machine();
    let setting = catalogue::find_in(Item::BasicInformation, "preferences.units").unwrap();
    let space = SpaceName::local("basic-information");
    let place = || (space.clone(), setting.record());
    machine.write_setting(setting, Some("parsec".into()), place()).unwrap();
    let view = asked(&machine, &["show", "basic-information", setting.name]).unwrap();
    assert_eq!((&view["value"], &view["unusable"]), (&json!("millimetre"), &json!("parsec")));
    let kept = machine.store().view(&space, setting.record()).unwrap().unwrap();
    assert_eq!(kept.get("value"), Some(&"parsec".into()));
}

#[test]
fn firmware_brings_settings_of_its_own() {
    struct Feeder;
    impl Settings for Feeder {
        fn settings(&self, item: Item) -> &[Setting] {
            const OWN: &[Setting] = &[catalogue::number("feeder.speed", "Speed of the feeder", (1, 9), 5)];
            if item == Item::PaperInformation { OWN } else { &[] }
        }
    }
    let (_folder, machine) = machine();
    let set = ["set", "paper-information", "feeder.speed", "7"];
    assert_eq!(code(asked(&machine, &set)), "unknown_entry");
    let machine = machine.with_catalogue(Catalogue::with(&Feeder).unwrap());
    assert_eq!(asked(&machine, &set).unwrap()["value"], 7);
    let all = asked(&machine, &["list", "paper-information"]).unwrap();
    assert!(all["settings"].as_array().unwrap().iter().any(|view| view["setting"] == "feeder.speed"));
    let described = asked(&machine, &["describe", "paper-information"]).unwrap();
    assert_eq!(described["types"][0]["type"], "paper-tray");
}

/// Everything that there is can be kept and shown.
#[test]
fn the_samples_of_every_item_are_kept_and_listed() {
    let (_folder, machine) = machine();
    for item in Item::ALL {
        let space = |place| match place {
            Place::Local(name) => SpaceName::local(name),
            Place::User => SpaceName::user("office", "alice"),
            _ => SpaceName::group("office", "sales"),
        };
        let all: Vec<_> =
            samples(*item, 5).into_iter().filter(|one| !matches!(one.place, Place::Common(_))).collect();
        let edit = |one: &catalogue::Sample| Edit {
            space: space(one.place),
            record: one.id,
            operation: Operation::Edit(one.fields.clone().into_iter().map(|(n, v)| (n, Some(v))).collect()),
        };
        let edits = all.iter().map(edit).collect();
        machine.store().apply(&Batch { edits, ..Batch::default() }).unwrap();
        for one in &all {
            let found = machine.store().view(&space(one.place), one.id).unwrap().and_then(Record::into_live);
            assert_eq!(found.as_ref(), Some(&one.fields), "{item}");
        }
        let whose: &[&str] = match all[0].place {
            Place::User => &["--user", "alice"],
            Place::Group => &["--group", "sales"],
            _ => &[],
        };
        let words = [&["list", item.as_str()], whose].concat();
        let shown = asked(&machine, &words).unwrap();
        let lengths = ["settings", "records"].map(|part| shown[part].as_array().unwrap().len());
        assert!(lengths.iter().sum::<usize>() >= all.len(), "{item}");
        assert!(!shown["settings"].as_array().unwrap().iter().any(|view| !view["unusable"].is_null()));
    }
}

#[test]
fn what_nobody_could_read_again_is_refused() {
    let (_folder, machine) = machine();
    let space = SpaceName::local("box");
    let id = RecordId(Uuid::from_u128(9));
    for (value, wanted) in [
        (Value::Map([("$bytes".to_string(), Value::Int(1))].into()), "only key"),
        ((0..20).fold(Value::Int(1), |inner, _| Value::List(vec![inner])), "deep"),
    ] {
        let edit = Operation::Edit([("name".to_string(), Some(value))].into());
        let author = machine.author(None);
        let refused = machine.store().edit(&space, id, edit, author).unwrap_err();
        assert_eq!(refused.code(), "unwritable_value");
        assert!(refused.to_string().contains(wanted));
    }
    assert_eq!(machine.store().view(&space, id).unwrap(), None);
}

/// A key that is given in the wrong place is in no error, whatever the place.
#[test]
fn no_error_quotes_a_key_or_a_secret() {
    let (folder, machine) = machine();
    let key: Vec<u8> = (0..120_u8).map(|byte| byte.wrapping_mul(37)).collect();
    let hex = draw::hex(&key);
    let file = folder.path().join("k.der");
    std::fs::write(&file, &key).unwrap();
    let der = format!("der=@{}", file.display());
    let pem = "x-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ==\n-----END PRIVATE KEY-----";
    let in_hex = format!("der={hex}");
    let wrong: [&[&str]; 7] = [
        &["add", "certificate-crl", "certificate", "name=u", &der],
        &["add", "certificate-crl", "certificate", "name=u", &in_hex],
        &["add", "certificate-crl", "certificate", pem],
        &["add", "certificate-crl", "certificate", &hex],
        &["add", "certificate-crl", "certificate", &format!("{hex}=x")],
        &["add", "authentication-users", "login-user", "name=eve", "role=guest", "pin=987654321x"],
        &["add", "authentication-users", "login-user", "name=eve", &format!("role={hex}")],
    ];
    for words in wrong {
        let report = asked(&machine, words).unwrap_err().report().to_json().to_string();
        for secret in [&hex[..40], "MIIEvQ", "987654321x"] {
            assert!(!report.contains(secret), "{words:?}: {report}");
        }
    }
    let report = asked(&machine, wrong[0]).unwrap_err().report();
    assert_eq!(report.code, "setting_value");
    assert!(report.message.contains("a value of 120 bytes"), "{}", report.message);
    // What is no secret is still quoted.
    let report = asked(&machine, &["add", "authentication-users", "login-user", "name=eve", "role=king"]);
    assert!(report.unwrap_err().to_string().contains("`king` does not fit login-user.role"));
}
