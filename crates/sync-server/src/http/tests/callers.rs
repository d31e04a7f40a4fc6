//! Paths, methods, callers, media types.

use super::served::{ADMINISTRATOR, Served, poll, token};
use sync_core::{
    api::{self, Caller, Health, ROUTES},
    protocol::{MEDIA_TYPE, MEDIA_TYPE_JSON},
    server::Scope,
    wire,
};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told() {
    let served = Served::new();
    for path in ["/", "/v1", "/v1/", "/v1/sync/", "/v1/Sync", "/v2/sync", "/v1/../v1/sync", "/v1/%73ync", "*"]
    {
        for method in METHODS {
            let answered = served.send(method, path, &[], "").await;
            assert_eq!((answered.status, answered.code().as_str()), (404, "not_found"), "{method} {path}");
        }
    }
    for route in ROUTES {
        let allowed: Vec<&str> =
            ROUTES.iter().filter(|other| other.path == route.path).map(|other| other.method).collect();
        for method in METHODS.into_iter().filter(|method| !allowed.contains(method)) {
            // With a token or without: the method comes first.
            let answered = served.send(method, route.path, &[], "").await;
            assert_eq!((answered.status, answered.code().as_str()), (405, "method_not_allowed"));
            assert_eq!(answered.header("allow"), allowed.join(", "));
        }
        // What stands behind a question mark is passed over.
        let path = format!("{}?a=b", route.path);
        assert_ne!(served.send(route.method, &path, &[], "").await.status, 404);
    }
}

#[tokio::test]
async fn every_path_wants_its_caller() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    let machine = format!("Bearer {}", token(1));
    let administrator = format!("Bearer {ADMINISTRATOR}");
    let (ascii, header) = (format!("bEaReR  {}", token(1)), api::ADMINISTRATOR_HEADER);
    let nobody: Vec<Vec<(&str, String)>> = vec![
        vec![],
        vec![("authorization", String::new())],
        vec![("authorization", "Bearer".into())],
        vec![("authorization", "Bearer ".into())],
        vec![("authorization", "Bearer wrong".into())],
        vec![("authorization", token(1))],
        vec![("authorization", format!("Basic {}", token(1)))],
        vec![("authorization", format!("Bearer {}x", token(1)))],
        vec![("authorization", format!("Bearer {ADMINISTRATOR}x"))],
        vec![("authorization", "Bearer \u{e4}".into())],
        vec![(header, ADMINISTRATOR.into())],
        vec![(header, ADMINISTRATOR.into()), ("authorization", "Bearer wrong".into())],
    ];
    let before = served.picture().await;
    for route in ROUTES {
        let (mut wrong, right, code) = match route.caller {
            Caller::Anyone => continue,
            Caller::Machine => {
                (nobody.clone(), vec![("authorization", machine.clone())], vec!["unauthorized"])
            }
            Caller::MachineWithAdministrator => (
                nobody.clone(),
                vec![("authorization", machine.clone()), (header, ADMINISTRATOR.into())],
                vec!["unauthorized", "not_an_administrator"],
            ),
            Caller::Administrator => {
                (nobody.clone(), vec![("authorization", administrator.clone())], vec!["not_an_administrator"])
            }
        };
        match route.caller {
            Caller::Machine => wrong.push(vec![("authorization", administrator.clone())]),
            Caller::MachineWithAdministrator => wrong.extend([
                vec![("authorization", machine.clone())],
                vec![("authorization", machine.clone()), (header, token(1))],
                vec![("authorization", machine.clone()), (header, administrator.clone())],
                vec![("authorization", administrator.clone()), (header, ADMINISTRATOR.into())],
            ]),
            Caller::Administrator => wrong.extend([
                vec![("authorization", machine.clone())],
                vec![("authorization", machine.clone()), (header, ADMINISTRATOR.into())],
            ]),
            Caller::Anyone => {}
        }
        for headers in wrong {
            let mut headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            headers.push(("content-type", MEDIA_TYPE_JSON));
            // Before anything of the body is looked at.
            let answered = served.send(route.method, route.path, &headers, "{").await;
            let found = answered.code();
            assert_eq!(answered.status, 401, "{} {headers:?}", route.path);
            assert!(code.contains(&found.as_str()), "{} {headers:?}: {found}", route.path);
        }
        let headers: Vec<(&str, &str)> = right.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answered = served.send(route.method, route.path, &headers, "{").await;
        assert_eq!(answered.status, if route.method == "GET" { 200 } else { 415 }, "{}", route.path);
    }
    assert_eq!(served.picture().await, before);
    // The scheme's case and further spaces do not matter.
    let headers = [("authorization", ascii.as_str()), ("content-type", MEDIA_TYPE_JSON)];
    let body = serde_json::to_vec(&poll()).unwrap();
    assert_eq!(served.send("POST", "/v1/sync", &headers, body).await.status, 200);
}

#[tokio::test]
async fn bodies_and_answers_have_their_types() {
    let served = Served::new();
    served.enrol(1, Scope::All).await;
    let bearer = format!("Bearer {}", token(1));
    let (json, packed) = (serde_json::to_vec(&poll()).unwrap(), wire::encode(&poll()).unwrap());
    let send = async |given: Option<&str>, wanted: Option<&str>, body: &[u8]| {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(given.map(|given| ("content-type", given)));
        headers.extend(wanted.map(|wanted| ("accept", wanted)));
        served.send("POST", "/v1/sync", &headers, body.to_vec()).await
    };
    for wrong in [None, Some(""), Some("text/plain"), Some("application/msgpack"), Some("application/jsonx")]
    {
        let answered = send(wrong, None, &json).await;
        assert_eq!((answered.status, answered.code().as_str()), (415, "unsupported_media_type"), "{wrong:?}");
    }
    for wrong in ["text/html", "text/*", "", "application/vnd.fleet-sync.v2+msgpack", "image/png, text/plain"]
    {
        let answered = send(Some(MEDIA_TYPE_JSON), Some(wrong), &json).await;
        assert_eq!((answered.status, answered.code().as_str()), (406, "not_acceptable"), "{wrong:?}");
    }
    for (given, wanted, answer) in [
        (MEDIA_TYPE_JSON, None, MEDIA_TYPE_JSON),
        (MEDIA_TYPE, None, MEDIA_TYPE),
        ("Application/JSON; charset=utf-8", Some("*/*"), MEDIA_TYPE_JSON),
        (MEDIA_TYPE, Some("application/*;q=0.8"), MEDIA_TYPE),
        (MEDIA_TYPE, Some(MEDIA_TYPE_JSON), MEDIA_TYPE_JSON),
        (MEDIA_TYPE_JSON, Some(MEDIA_TYPE), MEDIA_TYPE),
        (MEDIA_TYPE_JSON, Some("text/html, application/vnd.fleet-sync.v1+msgpack;q=1, */*"), MEDIA_TYPE),
    ] {
        let body = if given == MEDIA_TYPE { &packed } else { &json };
        let answered = send(Some(given), wanted, body).await;
        assert_eq!((answered.status, answered.header("content-type")), (200, answer), "{given} {wanted:?}");
    }
}

#[tokio::test]
async fn health_is_told_to_anybody_and_in_both_forms() {
    let served = Served::new();
    let answered = served.send("GET", "/v1/health", &[], "").await;
    let health: Health = serde_json::from_slice(&answered.body).unwrap();
    assert_eq!((health.status.as_str(), health.realm.as_str()), ("ok", "office"));
    let answered = served.send("GET", "/v1/health", &[("accept", MEDIA_TYPE)], "").await;
    assert_eq!(wire::decode::<Health>(&answered.body).unwrap(), health);
    let administrator: Health = served.told(api::ADMINISTRATOR, 0, &()).await;
    assert_eq!(administrator, health);
}
