//! How settings are shared: who may change it, what is refused, and what machines hear of it.

use super::served::{Served, change, machine, push};
use crate::store::Store as _;
use sync_core::{
    api::{self, ScopeAnswer, ScopeInfo, ScopeRequest},
    catalogue::Sharing,
    protocol::Reply,
    server::{Request, Scope},
    sharing::{self, SharingScope, Subject},
};

fn request(setting: &str, scope: SharingScope) -> ScopeRequest {
    ScopeRequest { setting: setting.into(), scope }
}

#[tokio::test]
async fn a_scope_is_changed_and_reaches_every_machine() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    // Also one that may have the data of one group alone.
    served.enrol(2, Scope::Groups(vec!["lab".into()])).await;
    let scopes = sharing::space("office");
    let before: Vec<ScopeInfo> = served.told(api::SHARING_SCOPES, 0, &()).await;
    assert_eq!(before.len(), Subject::all().count());
    for (info, subject) in before.iter().zip(Subject::all()) {
        assert_eq!(info.selectable, subject.sharing() == Sharing::Selectable);
        assert_eq!(
            info.scope == SharingScope::DeviceSpecific,
            subject.sharing() == Sharing::Device,
            "{info:?}"
        );
    }
    // A setting, and the records of a type.
    for name in ["copy.copies", "timeline-entry"] {
        let ask = request(name, SharingScope::DeviceSpecific);
        for changed in [true, false] {
            let done: ScopeAnswer = served.told(api::SET_SHARING_SCOPE, 0, &ask).await;
            assert_eq!((done.scope, done.changed), (SharingScope::DeviceSpecific, changed));
        }
    }
    let now: Vec<ScopeInfo> = served.told(api::SHARING_SCOPES, 0, &()).await;
    let differ: Vec<&str> =
        now.iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| &*a.setting).collect();
    assert_eq!(differ, ["copy.copies", "timeline-entry"]);
    for number in [1, 2] {
        let answer = served.sync(number, &push(scopes.clone(), vec![])).await;
        let Reply::Ok(page) = &answer.spaces[0].reply else { panic!("{answer:?}") };
        let chosen = sharing::device_specific(page.page.iter().map(|(_, record)| record));
        assert_eq!(chosen, ["copy.copies", "timeline-entry"].map(str::to_string).into());
    }
    for name in ["copy.copies", "timeline-entry"] {
        let back: ScopeAnswer =
            served.told(api::SET_SHARING_SCOPE, 0, &request(name, SharingScope::Shared)).await;
        assert!(back.changed);
    }
    let now: Vec<ScopeInfo> = served.told(api::SHARING_SCOPES, 0, &()).await;
    assert_eq!(now, before);
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused_and_writes_nothing() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    for (setting, expected) in [
        ("nothing", "unknown_setting"),
        ("", "unknown_setting"),
        ("display-language", "scope_not_selectable"),
        ("list-order", "scope_not_selectable"),
        ("home-screen", "scope_not_selectable"),
        ("forwarding-rule", "unknown_setting"),
    ] {
        for scope in SharingScope::ALL {
            let found = served.refused(api::SET_SHARING_SCOPE, 0, &request(setting, *scope)).await;
            assert_eq!(found, (422, expected.to_string()), "{setting}");
        }
    }
    let wrong = serde_json::json!({"setting": "copy.copies", "scope": "sometimes"});
    assert_eq!(served.refused(api::SET_SHARING_SCOPE, 0, &wrong).await, (400, "malformed".to_string()));
    // To be told that it is as it is writes nothing either.
    let same: ScopeAnswer =
        served.told(api::SET_SHARING_SCOPE, 0, &request("copy.copies", SharingScope::Shared)).await;
    assert!(!same.changed);

    // A machine may read it, not write it.
    let scopes = sharing::space("office");
    let answer = served.sync(1, &push(scopes.clone(), vec![change(1, 1, "mine")])).await;
    assert_eq!(answer.spaces[0].reply, Reply::ReadOnly);
    let answer = served.sync(1, &push(scopes, vec![])).await;
    let Reply::Ok(page) = &answer.spaces[0].reply else { panic!("{answer:?}") };
    assert_eq!((page.head, page.page.len()), (0, 0));
}

#[tokio::test]
async fn a_machine_that_was_enrolled_before_there_were_scopes_hears_of_them_too() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    let scopes = sharing::space("office");
    let leave = vec![scopes.clone()];
    let now = crate::clock::now();
    let request = Request::Membership { machine: machine(1), login: None, join: vec![], leave, now };
    served.interface.store().commit(vec![request]).await.unwrap();
    let answer = served.sync(1, &push(scopes.clone(), vec![])).await;
    assert_eq!(answer.spaces[0].reply, Reply::Forbidden);
    for _ in 0..2 {
        served.interface.all_hear_of_scopes().await.unwrap();
        let answer = served.sync(1, &push(scopes.clone(), vec![])).await;
        assert!(matches!(answer.spaces[0].reply, Reply::Ok(_)), "{answer:?}");
    }
}
