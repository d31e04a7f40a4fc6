//! Who is a member of what: logins, joins, and a directory that changes.

use super::served::{Served, USERS, change, group, push, user};
use crate::store::{MemoryStore, Store};
use sync_core::{
    api::{self, WithinEnrolment},
    protocol::{JoinRequest, LoginRequest, Membership, Reply},
    server::Scope,
    space::SpaceName,
};

#[tokio::test]
async fn a_login_brings_a_persons_spaces_within_the_enrolment() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    served.enrol(2, Scope::Groups(vec!["lab".into()])).await;
    for unknown in ["", "nobody", "Alice", "alice "] {
        let found = served.refused(api::LOGIN, 1, &LoginRequest { user: unknown.into() }).await;
        assert_eq!(found, (422, "unknown_user".to_string()), "{unknown:?}");
    }
    let carol = [user("carol"), group("lab"), group("sales")];
    assert_eq!(served.login(1, "carol").await, carol);
    assert_eq!(served.members(1).await, carol);
    assert_eq!(served.login(2, "carol").await, [user("carol"), group("lab")]);
    // Who is in no group of the enrolment brings nothing, and may log in all the same.
    assert_eq!(served.login(2, "alice").await, []);
    assert_eq!(served.members(2).await, [user("carol"), group("lab")]);
    let answer = served.sync(2, &push(group("sales"), vec![change(1, 1, "x")])).await;
    assert_eq!(answer.spaces[0].reply, Reply::Forbidden);
}

#[tokio::test]
async fn an_act_joins_what_it_names_within_the_enrolment() {
    let served = Served::new();
    served.enrol(1, Scope::Groups(vec!["lab".into()])).await;
    let join = |spaces: Vec<SpaceName>| JoinRequest { spaces };
    for (space, expected) in [
        (group("sales"), (403, "outside_enrolment")),
        (user("alice"), (403, "outside_enrolment")),
        (group("none"), (422, "unknown_group")),
        (user("nobody"), (422, "unknown_user")),
        (SpaceName::group("elsewhere", "lab"), (422, "other_realm")),
        (SpaceName::local("settings"), (422, "other_realm")),
    ] {
        // Beside one that it may have: all or nothing.
        let found = served.refused(api::JOIN, 1, &join(vec![group("lab"), space.clone()])).await;
        assert_eq!((found.0, found.1.as_str()), expected, "{space}");
    }
    let all = join(vec![user("bob"), group("lab")]);
    let joined: Membership = served.told(api::JOIN, 1, &all).await;
    assert_eq!(joined.spaces, all.spaces);
    assert_eq!(served.members(1).await, all.spaces);
    let before = served.picture().await;
    let again: Membership = served.packed(api::JOIN, 1, &all).await;
    assert_eq!(again, joined);
    assert_eq!(served.picture().await, before);
}

async fn now_says(served: &Served<MemoryStore>, users: &str) {
    std::fs::write(served.folder.path().join("users.toml"), users).unwrap();
    served.interface.look_at_directory().await;
}

#[tokio::test]
async fn memberships_follow_the_directory() {
    let served = Served::new();
    served.interface.align().await.unwrap();
    served.enrol(1, Scope::All).await;
    served.enrol(2, Scope::Groups(vec!["sales".into()])).await;
    for n in [1, 2] {
        served.login(n, "alice").await;
    }
    served.login(1, "bob").await;
    assert_eq!(served.members(2).await, [user("alice"), group("sales")]);
    // Alice goes from sales to the lab.
    let moved = USERS.replacen("groups = [\"sales\"]", "groups = [\"lab\"]", 1).replace("realm", "\n\nrealm");
    now_says(&served, &moved).await;
    assert_eq!(served.members(1).await, [user("alice"), user("bob"), group("lab")]);
    // The second machine is not enrolled for the lab, so Alice's own is outside now too.
    assert_eq!(served.members(2).await, []);
    // Nothing new: nothing moves.
    let before = served.picture().await;
    served.interface.look_at_directory().await;
    assert_eq!(served.interface.align().await.unwrap(), 0);
    assert_eq!(served.picture().await, before);
    // What cannot be read leaves everything as it is.
    for wrong in ["realm = ", "realm = \"elsewhere\"\n"] {
        now_says(&served, wrong).await;
        assert_eq!(served.picture().await, before);
    }
    // And back again.
    now_says(&served, USERS).await;
    assert_eq!(served.members(1).await, [user("alice"), user("bob"), group("lab"), group("sales")]);
    assert_eq!(served.members(2).await, [user("alice"), group("sales")]);
    // Who is taken out altogether takes everything of theirs along.
    let without = USERS.replace("[[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n", "");
    now_says(&served, &without).await;
    assert_eq!(served.members(1).await, [user("bob"), group("lab")]);
    assert_eq!(served.members(2).await, []);
    let found = served.refused(api::LOGIN, 1, &LoginRequest { user: "alice".into() }).await;
    assert_eq!(found, (422, "unknown_user".to_string()));
}

#[tokio::test]
async fn a_login_sees_the_file_as_it_now_is() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    let more = format!("{USERS}[[user]]\nname = \"dave\"\ngroups = [\"lab\"]\n");
    std::fs::write(served.folder.path().join("users.toml"), more).unwrap();
    assert_eq!(served.login(1, "dave").await, [user("dave"), group("lab")]);
}

#[tokio::test]
async fn a_group_that_two_people_share_stays_while_one_is_in_it() {
    let served = Served::new();
    served.interface.align().await.unwrap();
    served.enrol(1, Scope::All).await;
    served.login(1, "alice").await;
    served.login(1, "carol").await;
    let moved = USERS.replacen("groups = [\"sales\"]", "groups = []", 1);
    now_says(&served, &moved).await;
    assert_eq!(served.members(1).await, [user("alice"), user("carol"), group("lab"), group("sales")]);
}

#[tokio::test]
async fn memberships_that_could_not_be_brought_level_are_tried_again() {
    let served = Served::new();
    served.interface.align().await.unwrap();
    served.enrol(1, Scope::All).await;
    served.login(1, "alice").await;
    served.interface.store().refuse(true);
    let moved = USERS.replacen("groups = [\"sales\"]", "groups = []", 1);
    now_says(&served, &moved).await;
    served.interface.store().refuse(false);
    assert_eq!(served.members(1).await, [user("alice"), group("sales")]);
    served.interface.look_at_directory().await;
    assert_eq!(served.members(1).await, [user("alice")]);
}

#[tokio::test]
async fn what_was_joined_before_a_restart_is_brought_level_after_it() {
    let served = Served::durable();
    served.interface.align().await.unwrap();
    served.enrol(1, Scope::All).await;
    served.login(1, "alice").await;
    let Served { interface, folder } = served;
    interface.store().close().await;
    std::fs::write(
        folder.path().join("users.toml"),
        USERS.replacen("groups = [\"sales\"]", "groups = [\"lab\"]", 1),
    )
    .unwrap();
    let served = Served::again(folder);
    assert_eq!(served.interface.align().await.unwrap(), 1);
    assert_eq!(served.members(1).await, [user("alice"), group("lab")]);
}

#[tokio::test]
async fn a_login_that_waited_goes_by_the_people_of_its_turn() {
    let served = Served::new();
    served.interface.align().await.unwrap();
    served.enrol(1, Scope::All).await;
    let turn = served.interface.aligning.lock().await;
    let level = served.interface.align();
    let login = served.login(1, "alice");
    let change = async {
        // Long enough for both to wait; were it not, nothing but this history would be missed.
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
        let moved = USERS.replacen("groups = [\"sales\"]", "groups = []", 1);
        std::fs::write(served.folder.path().join("users.toml"), moved).unwrap();
        assert!(served.interface.directory.reload().unwrap());
        drop(turn);
    };
    let (_, spaces, ()) = tokio::join!(level, login, change);
    assert_eq!(spaces, [user("alice")]);
    assert_eq!(served.members(1).await, [user("alice")]);
}

#[tokio::test]
async fn a_machine_is_told_whose_data_there_are_within_its_enrolment() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    served.enrol(2, Scope::Groups(vec!["lab".into()])).await;
    let none: WithinEnrolment = served.told(api::WITHIN_ENROLMENT, 1, &()).await;
    assert_eq!(none, WithinEnrolment { spaces: vec![], unknown: vec![] });
    // Carol's data and those of a group; nobody else has any, whoever logged in.
    served.login(1, "carol").await;
    served.login(1, "bob").await;
    for (number, space) in [(1, user("carol")), (1, group("sales")), (1, group("lab"))] {
        served.sync(1, &push(space, vec![change(number, 1, "x")])).await;
    }
    let all: WithinEnrolment = served.told(api::WITHIN_ENROLMENT, 1, &()).await;
    assert_eq!(all.spaces, [user("carol"), group("lab"), group("sales")]);
    let lab: WithinEnrolment = served.told(api::WITHIN_ENROLMENT, 2, &()).await;
    assert_eq!(lab.spaces, [user("carol"), group("lab")]);
    // Of whom the directory does not know any more there may still be data.
    now_says(&served, &USERS.replace("\"carol\"", "\"caroline\"")).await;
    let all: WithinEnrolment = served.told(api::WITHIN_ENROLMENT, 1, &()).await;
    assert_eq!((all.spaces, all.unknown), (vec![group("lab"), group("sales")], vec![user("carol")]));
}
