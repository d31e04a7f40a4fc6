//! What is not right is refused with a stable code, and changes nothing: bodies, tokens, certificates, address books.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, OTHER_SERVER},
    programs::{Programs, until},
    served::{Served, change, exchange, http_request, machine_id, one_worker, push, space},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;
use std::{collections::BTreeSet, fs};
use sync_client::{
    connection::{Connection, Target},
    error::Error,
};
use sync_core::{
    api::{self, Caller, ROUTES},
    id::{Incarnation, MachineId},
    protocol::{EnrollRequest, Enrolled, MEDIA_TYPE},
    wire,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use uuid::Uuid;

fn request(token: &str, media: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST /v1/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: {media}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// What the server's store holds, byte for byte.
fn rows(served: &Served) -> Vec<String> {
    let store =
        rusqlite::Connection::open_with_flags(&served.file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap();
    let mut all = Vec::new();
    for table in ["space", "record", "last", "superseded", "history", "member", "machine", "snapshot"] {
        let mut statement = store.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells = (0..width).map(|i| format!("{:?}", row.get_ref(i).unwrap()));
            all.push(format!("{table} {}", cells.collect::<Vec<_>>().join(" ")));
        }
    }
    all
}

#[test]
fn bodies_and_tokens_that_are_not_right_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, load) = (one_worker().unwrap(), one_worker().unwrap());
    let served = Served::start(&runtime, folder.path(), 2, 4).unwrap();
    let token = served.machines[0].1.clone();
    let before = rows(&served);
    let incarnation = Incarnation(Uuid::from_u128(0x99));
    let message = push(space(0), incarnation, vec![change(incarnation, 1)]);
    let whole = wire::encode(&message).unwrap();
    let ask = |bytes: &[u8]| -> (u16, Value) {
        load.block_on(async {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            let (status, body) = exchange(&mut stream, bytes).await.unwrap();
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        })
    };
    let code = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap_or_default().to_string());

    let wrong_token = "a-token-that-no-machine-was-ever-given";
    assert_eq!(code(ask(&request(wrong_token, MEDIA_TYPE, &whole))), (401, "unauthorized".into()));
    assert_eq!(code(ask(&request(&token, "text/plain", &whole))).0, 415);
    // The head says enough: the server does not wait for what it would not take.
    let large = request(&token, MEDIA_TYPE, b"");
    let large = String::from_utf8(large).unwrap().replace("content-length: 0", "content-length: 9437184");
    assert_eq!(code(ask(large.as_bytes())), (413, "too_large".into()));
    for cut in 0..whole.len() {
        let (status, code) = code(ask(&request(&token, MEDIA_TYPE, &whole[..cut])));
        assert_eq!((status, &*code), (400, "malformed"), "cut at {cut}");
    }
    // A connection that ends in the middle of a body.
    for cut in (0..whole.len()).step_by(7) {
        load.block_on(async {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            let bytes = request(&token, MEDIA_TYPE, &whole);
            stream.write_all(&bytes[..bytes.len() - whole.len() + cut]).await.unwrap();
            stream.shutdown().await.unwrap();
        });
    }
    // A number twice, and a machine that speaks of a space that is not its own.
    let twice = push(space(0), incarnation, vec![change(incarnation, 1), change(incarnation, 1)]);
    assert_eq!(code(ask(&http_request(&token, &twice).unwrap())), (400, "numbers_do_not_rise".into()));
    let (_, answer) = load.block_on(async {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let others = push(space(1), incarnation, vec![change(incarnation, 1)]);
        exchange(&mut stream, &http_request(&token, &others).unwrap()).await.unwrap()
    });
    let answer: sync_core::protocol::SyncAnswer = wire::decode(&answer).unwrap();
    assert_eq!(answer.spaces[0].reply, sync_core::protocol::Reply::Forbidden, "{}", machine_id(1));

    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(any::<u8>(), 0..200), |random| {
            let (status, code) = code(ask(&request(&token, MEDIA_TYPE, &random)));
            prop_assert_eq!((status, &*code), (400, "malformed"));
            Ok(())
        })
        .unwrap();
    assert_eq!(rows(&served), before);

    // The same message, whole and with the right token, is taken.
    let (status, _) = ask(&http_request(&token, &message).unwrap());
    assert_eq!(status, 200);
    assert_ne!(rows(&served), before);
}

/// What an administrator sees of the server, and a machine of its own data.
fn all_that_is_there(fleet: &Fleet) -> Vec<Value> {
    let machine = &fleet.machines[0];
    let mut seen: Vec<Value> =
        ["spaces", "snapshots"].map(|word| fleet.server_command(&[word]).unwrap()).into();
    let mut machines = fleet.server_command(&["machines"]).unwrap();
    for machine in machines.as_array_mut().unwrap() {
        machine.as_object_mut().unwrap().remove("last_contact");
    }
    seen.push(machines);
    seen.push(machine.ok(&["address", "list", "--user", "alice"]).unwrap());
    seen.push(machine.ok(&["get", "--user", "alice"]).unwrap());
    let status = machine.ok(&["status"]).unwrap();
    seen.extend(["state", "outbox", "spaces", "snapshots", "superseded"].map(|key| status[key].clone()));
    seen
}

#[test]
fn every_path_of_the_real_server_refuses_what_is_not_right() {
    let folder = tempfile::tempdir().unwrap();
    let users = "realm = \"office\"\n[[user]]\nname = \"alice\"\ngroups = []\n";
    let roles = [("Machine 1", "client", OTHER_SERVER)];
    let fleet =
        Fleet::start(Programs::built().unwrap(), folder.path(), users, "127.0.0.1:0", &roles).unwrap();
    let machine = &fleet.machines[0];
    machine.ok(&["login", "alice"]).unwrap();
    machine.ok(&["set", "display-language", "de"]).unwrap();
    machine.ok(&["address", "add", "--name", "Front desk", "--mail", "desk@branch.example"]).unwrap();
    machine.ok(&["sync"]).unwrap();

    let runtime = one_worker().unwrap();
    let connection = {
        let _inside = runtime.enter();
        let target = Target {
            destination: fleet.address.to_string().parse().unwrap(),
            connect_to: None,
            fingerprint: fleet.fingerprint.parse().unwrap(),
            token: None,
        };
        Connection::new(target).unwrap()
    };
    let token = fs::read_to_string(fleet.server_data().join("administrator-token")).unwrap();
    let administrator = token.trim();
    // Another machine, whose token is known here.
    let (stranger, own) = (MachineId(Uuid::from_u128(0x57)), "the-token-of-the-machine-of-this-test");
    let code = fleet.server_command(&["enroll"]).unwrap()["code"].as_str().unwrap().to_string();
    let enroll = EnrollRequest { code, machine: stranger, token: own.into(), name: "Stranger".into() };
    let enrolled: Result<Enrolled, Error> = runtime.block_on(connection.call(&api::ENROLL, &enroll));
    enrolled.unwrap();
    // What the server has heard of before is the measure.
    until(|| machine.ok(&["status"]), |status| status["outbox"] == 0).unwrap();
    let before = all_that_is_there(&fleet);

    let ask = |route, body: Vec<u8>, token: Option<&str>, administrator: Option<&str>| {
        let asked = connection.call_as::<Value>(route, Some(body), token, administrator);
        runtime.block_on(asked).unwrap_err()
    };
    let whole = wire::encode(&enroll).unwrap();
    let mut codes = BTreeSet::new();
    for route in ROUTES.iter().filter(|route| route.method == "POST") {
        let right = match route.caller {
            Caller::Anyone => (None, None),
            Caller::Machine => (Some(own), None),
            Caller::MachineWithAdministrator => (Some(own), Some(administrator)),
            Caller::Administrator => (Some(administrator), None),
        };
        let truncated = whole[..whole.len() / 2].to_vec();
        for body in [vec![], vec![0xc1], b"{}".to_vec(), vec![0xff; 4_000], vec![0x91; 60_000], truncated] {
            let error = ask(route, body, right.0, right.1);
            assert_eq!(error.code(), "malformed", "{}: {error}", route.path);
        }
        // The order of a distribution carries its file.
        let most = if *route == api::DISTRIBUTE { 65 << 20 } else { 8 << 20 };
        let error = ask(route, vec![0; most + 1], right.0, right.1);
        // Where the server refuses before it has read all, the refusal may be lost behind a broken connection.
        assert!(["too_large", "network"].contains(&error.code()), "{}: {error:?}", route.path);
        codes.insert(error.code().to_string());
        if route.caller == Caller::Anyone {
            continue;
        }
        for wrong in
            [None, Some(""), Some("wrong"), Some("wrong token with spaces"), Some(&*"x".repeat(5_000))]
        {
            let error = ask(route, whole.clone(), wrong, right.1);
            assert!(
                ["unauthorized", "not_an_administrator"].contains(&error.code()),
                "{} with {wrong:?}: {error:?}",
                route.path
            );
            if right.1.is_some() {
                let error = ask(route, whole.clone(), right.0, wrong);
                assert_eq!(error.code(), "not_an_administrator", "{} with {wrong:?}", route.path);
            }
        }
        // A machine is no administrator, nor the reverse.
        let other = if route.caller == Caller::Administrator { own } else { administrator };
        let error = ask(route, whole.clone(), Some(other), right.1);
        assert!(["unauthorized", "not_an_administrator"].contains(&error.code()), "{}", route.path);
    }
    assert!(codes.contains("too_large"), "{codes:?}");
    assert_eq!(all_that_is_there(&fleet), before);

    // The same of the programs: a wrong token at a machine.
    let wrong = folder.path().join("wrong-token");
    fs::write(&wrong, "wrong").unwrap();
    let client = Programs::built().unwrap().client;
    let (data, wrong) = (machine.data.to_str().unwrap(), wrong.to_str().unwrap());
    for words in [
        &["start"][..],
        &["stop"],
        &["set-destination", "localhost:8443"],
        &["procedure", "--resume"],
        &["export", "-", "--item", "address-book"],
        &["import", "/no/such/file.csv", "--item", "address-book"],
    ] {
        let args = ["--json", "--data", data, "--administrator-token", wrong];
        let refused = client.run(&[words, &args[..]].concat()).unwrap();
        assert_eq!((refused.status, refused.code()), (1, "administrator_refused"), "{words:?}");
        let refused = client.run(&[words, &args[..3]].concat()).unwrap();
        assert_eq!(refused.status, 1, "{words:?}");
        assert_eq!(refused.code(), "administrator_required", "{words:?}");
    }
    assert_eq!(all_that_is_there(&fleet), before);
}

#[test]
fn certificates_and_codes_that_are_not_right_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let users = "realm = \"office\"\n[[user]]\nname = \"alice\"\ngroups = []\n";
    let fleet = Fleet::start(
        Programs::built().unwrap(),
        folder.path(),
        users,
        "127.0.0.1:0",
        &[("Machine 1", "client", OTHER_SERVER)],
    )
    .unwrap();
    let machine = &fleet.machines[0];
    machine.ok(&["login", "alice"]).unwrap();
    machine.ok(&["set", "display-language", "de"]).unwrap();
    machine.ok(&["sync"]).unwrap();

    // A code is used once; a fingerprint that is another's ends the conversation before anything is said.
    let client = Programs::built().unwrap().client;
    let data = folder.path().join("stranger");
    let code = fleet.server_command(&["enroll"]).unwrap();
    let (code, right) = (code["code"].as_str().unwrap(), code["fingerprint"].as_str().unwrap());
    let address = fleet.address.to_string();
    let enroll = |code: &str, fingerprint: &str| {
        let data = data.to_str().unwrap();
        client
            .run(&[
                "enroll",
                "--json",
                "--data",
                data,
                "--server",
                &address,
                "--code",
                code,
                "--fingerprint",
                fingerprint,
            ])
            .unwrap()
    };
    let wrong = "00".repeat(32);
    assert_eq!(enroll(code, &wrong).code(), "wrong_certificate");
    assert_eq!(enroll("AAAA-BBBB-CCCC-DDDD", right).code(), "unknown_code");
    assert_eq!(enroll(code, "not hexadecimal").status, 1);
    assert_eq!(fleet.server_command(&["machines"]).unwrap().as_array().unwrap().len(), 1);
    assert_eq!(enroll(code, right).status, 0);
    assert_eq!(fleet.server_command(&["machines"]).unwrap().as_array().unwrap().len(), 2);

    // A server that shows another certificate is not spoken to; the machine works on and says why.
    fleet.kill_server();
    for file in ["certificate.pem", "key.pem"] {
        fs::remove_file(fleet.server_data().join(file)).unwrap();
    }
    fleet.restart_server().unwrap();
    let machine = &fleet.machines[0];
    machine.ok(&["set", "display-language", "fr"]).unwrap();
    let status =
        until(|| machine.ok(&["status"]), |status| status["last_error"]["code"] == "wrong_certificate")
            .unwrap();
    assert_eq!(status["last_error"]["code"], "wrong_certificate");
    assert_eq!(status["outbox"], 1, "what was not sent waits");
    assert_eq!(machine.ok(&["get", "display-language"]).unwrap()["value"], "fr");
}

#[test]
fn a_corrupt_address_book_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let users =
        "realm = \"office\"\n[[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n[[group]]\nid = \"sales\"\n";
    let fleet = Fleet::start(
        Programs::built().unwrap(),
        folder.path(),
        users,
        "127.0.0.1:0",
        &[("Machine 1", "server-with-client", "localhost:8443")],
    )
    .unwrap();
    let machine = &fleet.machines[0];
    machine.ok(&["login", "alice"]).unwrap();
    let branch = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/branch.csv")).unwrap();
    let file = folder.path().join("book.csv");
    let import = |bytes: &[u8], mode: &str| {
        fs::write(&file, bytes).unwrap();
        let item = ["--item", "user-group-address-list", "--mode", mode];
        machine.ask(&[&["import", file.to_str().unwrap()], &item[..]].concat()).unwrap()
    };
    assert_eq!(import(&branch, "append").status, 0);
    machine.ok(&["sync"]).unwrap();
    let before = machine.ok(&["address", "list", "--group", "sales"]).unwrap();
    let status = machine.ok(&["status"]).unwrap();
    assert_eq!(before.as_array().unwrap().len(), 12);

    let text = String::from_utf8(branch.clone()).unwrap();
    let half_a_quote = format!("{text}email,\"never closed");
    let mut broken = branch.clone();
    let place = text.find("Sales desk 01").unwrap();
    broken[place] = 0xff;
    let mut nul = branch.clone();
    nul[place] = 0;
    for (what, bytes, codes) in [
        ("empty", &b""[..], &["empty_file"][..]),
        ("text", b"Dear all,\nplease find attached...\n", &["unknown_format"]),
        (
            "a picture",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
            &["not_in_charset", "nul_byte", "unknown_format"],
        ),
        ("a byte of no character", &broken, &["not_in_charset"]),
        ("a zero byte", &nul, &["nul_byte"]),
        ("an unfinished cell", half_a_quote.as_bytes(), &["unterminated_quote"]),
        ("only the head", &branch[..60], &["file_cut_off", "unknown_format"]),
    ] {
        for mode in ["append", "replace"] {
            let printed = import(bytes, mode);
            assert_eq!(printed.status, 1, "{what}: {}", printed.json);
            assert!(codes.contains(&printed.code()), "{what}: {}", printed.json);
        }
        // A procedure does not begin with it: nothing was stopped, backed up or deleted.
        let printed = machine.ask(&["procedure", file.to_str().unwrap()]).unwrap();
        assert_eq!(printed.status, 1, "{what}: {}", printed.json);
        assert!(codes.contains(&printed.code()), "{what}: {}", printed.json);
    }
    assert_eq!(machine.ok(&["procedure", "--list"]).unwrap(), Value::Array(vec![]));
    assert_eq!(machine.ask(&["import", "/no/such/file.csv"]).unwrap().status, 1);
    assert_eq!(machine.ok(&["address", "list", "--group", "sales"]).unwrap(), before);
    let after = machine.ok(&["status"]).unwrap();
    for unchanged in ["state", "outbox", "snapshots", "superseded"] {
        assert_eq!(after[unchanged], status[unchanged], "{unchanged}");
    }
}
