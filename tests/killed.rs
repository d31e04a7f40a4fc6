//! `kill -9` of the server or of a machine at random moments under load: nothing acknowledged is lost, nothing is doubled.
//!
//! Acknowledged is an edit whose command ended well. The kills fall on requests that are not yet answered and on imports,
//! and the link drops answers between the server's write and the machine.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    fleet::{Fleet, OTHER_SERVER, OWN_SERVER},
    programs::{Programs, until},
    proxy::Link,
};
use std::{collections::BTreeSet, fs, thread, time::Duration};

const KILLS: u64 = 50;
const USERS: &str = "realm = \"office\"\n\
    [[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n[[group]]\nid = \"sales\"\n";

/// A generator with a seed: the moments are the same in each run, as far as the machine lets them.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

/// A group's list of `entries` entries; the names of its entries.
fn list(path: &std::path::Path, title: &str, entries: u64) -> BTreeSet<String> {
    let mut text = String::from(
        "# Canon AddressBook CSV version: 0x0003\n# CharSet: UTF-8\n\n\
         objectclass,cn,mailaddress,protocol,indxid,usergroupname,\n",
    );
    let mut names = BTreeSet::new();
    for n in 0..entries {
        let name = format!("{title} {n:03}");
        text.push_str(&format!("email,\"{name}\",\"{n}@{title}.example\",smtp,{},\"sales\",\n", 201 + n));
        names.insert(name);
    }
    fs::write(path, text).unwrap();
    names
}

#[test]
fn fifty_kills_lose_nothing_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let roles = [
        ("Machine 1", "client", OTHER_SERVER),
        ("Machine 2", "client", OTHER_SERVER),
        ("Machine 3", "server-with-client", OWN_SERVER),
    ];
    let mut fleet =
        Fleet::start(Programs::built().unwrap(), folder.path(), USERS, "127.0.0.1:0", &roles).unwrap();
    for machine in &fleet.machines {
        machine.ok(&["login", "alice"]).unwrap();
    }
    // KILL_SEED chooses other moments.
    let seed = std::env::var("KILL_SEED").ok().and_then(|text| text.parse().ok());
    let mut random = Random(seed.unwrap_or(0x5eed));
    // What every machine must show in the end, once.
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    // What may be there: the edit or import was cut off before it was acknowledged.
    let mut possible: Vec<BTreeSet<String>> = Vec::new();
    let (mut on_server, mut on_machine, mut on_import, mut with_lost_answers) = (0, 0, 0, 0);
    for kill in 0..KILLS {
        let writer = usize::try_from(random.below(2)).unwrap();
        // Some rounds lose the answers to what the machines send.
        let drops = random.below(3) == 0;
        if drops {
            fleet.machines[writer].link.set(Link::DropsAnswers);
        }
        for n in 0..1 + random.below(3) {
            let name = format!("Entry {kill:02}-{n}");
            let args =
                ["address", "add", "--group", "sales", "--name", &name, "--mail", "entry@branch.example"];
            match fleet.machines[writer].ask(&args).unwrap().status {
                0 => drop(acknowledged.insert(name)),
                _ => possible.push(BTreeSet::from([name])),
            }
        }
        match random.below(4) {
            0 => {
                let file = folder.path().join("list.csv");
                let names = list(&file, &format!("Import{kill:02}"), 120);
                let args = ["import", file.to_str().unwrap(), "--item", "user-group-address-list"];
                let mut import = fleet.machines[2].begin(&args).unwrap();
                thread::sleep(Duration::from_millis(random.below(70)));
                let running = import.try_wait().unwrap().is_none();
                fleet.machines[2].kill();
                let _ = import.kill();
                let ended_well = import.wait().unwrap().success();
                on_import += u32::from(running);
                if ended_well {
                    acknowledged.extend(names);
                } else {
                    possible.push(names);
                }
                fleet.machines[2].run().unwrap();
            }
            1 => {
                thread::sleep(Duration::from_millis(random.below(60)));
                fleet.machines[writer].kill();
                on_machine += 1;
                fleet.machines[writer].run().unwrap();
            }
            _ => {
                thread::sleep(Duration::from_millis(random.below(60)));
                fleet.kill_server();
                on_server += 1;
                if random.below(2) == 0 {
                    // Written while there is no server.
                    let name = format!("Offline {kill:02}");
                    let args = [
                        "address",
                        "add",
                        "--group",
                        "sales",
                        "--name",
                        &name,
                        "--mail",
                        "off@branch.example",
                    ];
                    if fleet.machines[writer].ask(&args).unwrap().status == 0 {
                        acknowledged.insert(name);
                    }
                }
                fleet.restart_server().unwrap();
            }
        }
        if drops {
            with_lost_answers += fleet.machines[writer].link.dropped().min(1);
            fleet.machines[writer].link.set(Link::Up);
        }
    }
    assert!(on_server > 2 && on_machine > 2 && on_import > 1, "{on_server} {on_machine} {on_import}");
    assert!(with_lost_answers > 2, "the link dropped answers in {with_lost_answers} rounds");

    let level = |names: &Vec<String>| acknowledged.iter().all(|name| names.binary_search(name).is_ok());
    let mut shown: Vec<Vec<String>> = Vec::new();
    for machine in &fleet.machines {
        until(
            || {
                machine.ok(&["sync"]).ok();
                machine.ok(&["status"])
            },
            |status| status["outbox"] == 0 && status["state"] == "in-progress",
        )
        .unwrap();
    }
    for machine in &fleet.machines {
        shown.push(until(|| machine.names(&["--group", "sales"]), level).unwrap());
    }
    for (machine, names) in fleet.machines.iter().zip(&shown) {
        let once: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(once.len(), names.len(), "{}: something is doubled", machine.name);
        let missing: Vec<_> = acknowledged.difference(&once).collect();
        assert!(missing.is_empty(), "{}: acknowledged and lost: {missing:?}", machine.name);
        for cut_off in &possible {
            let there = cut_off.intersection(&once).count();
            assert!(there == 0 || there == cut_off.len(), "{}: {there} of {}", machine.name, cut_off.len());
        }
        let known: BTreeSet<&String> = acknowledged.iter().chain(possible.iter().flatten()).collect();
        assert!(once.iter().all(|name| known.contains(name)), "{}: something nobody wrote", machine.name);
        assert_eq!(names, &shown[0], "all machines agree");
    }
}
