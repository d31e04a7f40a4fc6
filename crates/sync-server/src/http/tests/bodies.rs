//! Bodies that are wrong: truncated, random, too large, too deep. Each is refused, and changes nothing.

use super::{
    super::{BODY_BUDGET, MAX_BODY, SMALL_BODY},
    served::{Pieces, Served, Then, change, group, once, poll, push, token, user},
};
use crate::store::MemoryStore;
use bytes::Bytes;
use hyper::Request;
use proptest::prelude::*;
use sync_core::{
    api::{self, ROUTES, Route},
    protocol::{MEDIA_TYPE, MEDIA_TYPE_JSON, SyncRequest},
    wire,
};

const FORMS: [&str; 2] = [MEDIA_TYPE, MEDIA_TYPE_JSON];

/// A request with everything in it.
fn valid() -> SyncRequest {
    let mut request = push(user("alice"), vec![change(2, 2, "second"), change(3, 1, "third")]);
    request.spaces.push(push(group("sales"), vec![change(4, 2, "fourth")]).spaces.remove(0));
    request.spaces[0].known = vec![(request.incarnation, 1)];
    request.spaces[0].changes[0].context.own = [(request.incarnation, 1)].into();
    request.asks = vec![user("bob")];
    request.person = Some("alice".into());
    request
}

fn encoded(form: &str, message: &impl serde::Serialize) -> Vec<u8> {
    if form == MEDIA_TYPE { wire::encode(message).unwrap() } else { serde_json::to_vec(message).unwrap() }
}

fn posts() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.method == "POST")
}

/// Sends what cannot be read; it is refused as that and changes nothing.
async fn refuses(served: &Served<MemoryStore>, route: Route, form: &str, body: impl Into<Bytes>) {
    let before = served.picture().await;
    let answered = served.bytes(route, 1, form, body).await;
    assert_eq!((answered.status, answered.code().as_str()), (400, "malformed"), "{} {form}", route.path);
    assert!(answered.body.len() < 2_000);
    assert_eq!(served.picture().await, before);
}

#[tokio::test]
async fn a_message_is_taken_whole_or_not_at_all() {
    let served = Served::new().with_alice().await;
    for form in FORMS {
        let whole = encoded(form, &valid());
        for cut in 0..whole.len() {
            refuses(&served, api::SYNC, form, whole[..cut].to_vec()).await;
        }
        refuses(&served, api::SYNC, form, [&whole[..], b"0"].concat()).await;
        refuses(&served, api::SYNC, form, [&whole[..], &whole[..]].concat()).await;
        assert_eq!(served.bytes(api::SYNC, 1, form, whole).await.status, 200);
    }
}

#[tokio::test]
async fn another_message_is_refused_on_every_path() {
    let served = Served::new().with_alice().await;
    for route in posts() {
        for form in FORMS {
            refuses(&served, *route, form, "").await;
            refuses(&served, *route, form, encoded(form, &vec![1, 2, 3])).await;
            refuses(&served, *route, form, encoded(form, &"text")).await;
            // A backup needs no name: nothing is asked of its message but to be one.
            if *route != api::BACKUP {
                refuses(&served, *route, form, encoded(form, &serde_json::json!({"x": 1}))).await;
            }
        }
        refuses(&served, *route, MEDIA_TYPE_JSON, b"\xff\xfe{}".to_vec()).await;
        refuses(&served, *route, MEDIA_TYPE_JSON, encoded(MEDIA_TYPE, &valid())).await;
        refuses(&served, *route, MEDIA_TYPE, encoded(MEDIA_TYPE_JSON, &valid())).await;
        // Lengths that promise more than there is are not believed.
        for long in
            ["c6ffffffff", "dbffffffff", "ddffffffff", "dfffffffff", "81a161ddffffffff", "c9ffffffff01"]
        {
            let bytes: Vec<u8> = (0..long.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&long[i..i + 2], 16).unwrap())
                .collect();
            refuses(&served, *route, MEDIA_TYPE, bytes).await;
        }
    }
    // What a decoder quotes of a body is not told at any length.
    let long = format!("{{\"o\": \"{}\"}}", "x".repeat(100_000));
    refuses(&served, api::SYNC, MEDIA_TYPE_JSON, long).await;
}

#[tokio::test]
async fn what_lies_too_deep_is_refused() {
    let served = Served::new().with_alice().await;
    for depth in [60, 200, 100_000] {
        let mut packed = vec![0x91; depth];
        packed.push(0x90);
        let json = [vec![b'['; depth], vec![b']'; depth]].concat();
        refuses(&served, api::SYNC, MEDIA_TYPE, packed.clone()).await;
        refuses(&served, api::SYNC, MEDIA_TYPE_JSON, json.clone()).await;
        // Under a key that is passed over, and in a value.
        let unknown = [&[0x81, 0xa1, b'?'][..], &packed].concat();
        refuses(&served, api::SYNC, MEDIA_TYPE, unknown).await;
        let unknown = [b"{\"?\":", &json[..], b"}"].concat();
        refuses(&served, api::SYNC, MEDIA_TYPE_JSON, unknown).await;
    }
    for form in FORMS {
        let mut message = serde_json::to_value(valid()).unwrap();
        let deep = (0..17).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
        message["s"][0]["c"][0]["o"]["e"]["name"] = deep;
        if form == MEDIA_TYPE_JSON {
            refuses(&served, api::SYNC, form, encoded(form, &message)).await;
        }
        let mut request = valid();
        let deep = (0..17)
            .fold(sync_core::value::Value::Int(1), |inner, _| sync_core::value::Value::List(vec![inner]));
        request.spaces[0].changes[0].operation =
            sync_core::change::Operation::Edit([("name".to_string(), Some(deep))].into());
        refuses(&served, api::SYNC, form, encoded(form, &request)).await;
    }
}

fn streamed(route: Route, left: Vec<Bytes>, then: Then) -> Request<Pieces> {
    Request::builder()
        .method(route.method)
        .uri(route.path)
        .header("authorization", format!("Bearer {}", token(1)))
        .header("content-type", MEDIA_TYPE_JSON)
        .body(Pieces { left, then })
        .unwrap()
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let served = Served::new().with_alice().await;
    let before = served.picture().await;
    for (route, most) in [(api::SYNC, MAX_BODY), (api::ENROLL, SMALL_BODY)] {
        // Spaces around a message are part of it.
        let mut body = encoded(MEDIA_TYPE_JSON, &poll());
        body.resize(most, b' ');
        let fits = served.bytes(route, 1, MEDIA_TYPE_JSON, body.clone()).await;
        assert_ne!(fits.status, 413);
        body.push(b' ');
        let answered = served.bytes(route, 1, MEDIA_TYPE_JSON, body.clone()).await;
        assert_eq!((answered.status, answered.code().as_str()), (413, "too_large"));
        // One that does not say its length is read so far and no further.
        let pieces = body.chunks(10_000).map(Bytes::copy_from_slice).collect();
        let answered = served.answered(streamed(route, pieces, Then::Waits)).await;
        assert_eq!((answered.status, answered.code().as_str()), (413, "too_large"));
    }
    // One that breaks off is not taken for a whole one.
    let body = Bytes::from(encoded(MEDIA_TYPE_JSON, &valid()));
    let answered = served.answered(streamed(api::SYNC, vec![body.clone()], Then::Fails)).await;
    assert_eq!((answered.status, answered.code().as_str()), (400, "malformed"));
    assert_eq!(served.picture().await, before);
    assert_eq!(served.answered(streamed(api::SYNC, vec![body], Then::Ends)).await.status, 200);
}

/// A body that counts how much of it was taken.
struct Counted<'a>(Pieces, &'a core::sync::atomic::AtomicUsize);

impl hyper::body::Body for Counted<'_> {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: core::pin::Pin<&mut Self>,
        context: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        self.1.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        core::pin::Pin::new(&mut self.0).poll_frame(context)
    }
}

/// Whoever is answered while they send takes that for a broken connection.
#[tokio::test]
async fn the_body_of_a_refused_request_is_read_to_its_end() {
    let served = Served::new();
    for (path, status) in [("/v1/sync", 401), ("/v1/nothing", 404), ("/v1/health", 405)] {
        let taken = core::sync::atomic::AtomicUsize::new(0);
        let pieces = Pieces { left: vec![Bytes::from("x"); 20], then: Then::Ends };
        let request = Request::builder().method("POST").uri(path).body(Counted(pieces, &taken)).unwrap();
        assert_eq!(served.answered(request).await.status, status);
        assert_eq!(taken.into_inner(), 21, "{path}");
    }
}

#[tokio::test]
async fn many_large_bodies_at_once_are_refused_and_small_ones_are_not() {
    let served = Served::new().with_alice().await;
    // From those who have proved nothing, none counts.
    let strangers: Vec<_> = (0..100)
        .map(|_| {
            let mut waits =
                Box::pin(served.answered(streamed(api::ENROLL, vec![Bytes::from("{")], Then::Waits)));
            assert!(once(waits.as_mut()).is_pending());
            waits
        })
        .collect();
    let mut waiting = Vec::new();
    for _ in 0..BODY_BUDGET / (MAX_BODY / 1_024) {
        let mut waits = Box::pin(served.answered(streamed(api::SYNC, vec![Bytes::from("{")], Then::Waits)));
        assert!(once(waits.as_mut()).is_pending());
        waiting.push(waits);
    }
    let answered = served.answered(streamed(api::SYNC, vec![], Then::Ends)).await;
    assert_eq!((answered.status, answered.code().as_str()), (503, "busy"));
    assert_eq!(answered.header("retry-after"), "1");
    let small = served.ask(api::SYNC, 1, &poll()).await;
    assert_eq!(small.status, 200);
    // Whoever goes makes room.
    drop(waiting);
    assert_eq!(served.answered(streamed(api::SYNC, vec![], Then::Ends)).await.code(), "malformed");
    drop(strangers);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Random bytes on every path: a refusal, or (where they happen to be a message) an answer; never a failure.
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), json in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
        runtime().block_on(async {
            let served = Served::new().with_alice().await;
            let before = served.picture().await;
            for route in posts().filter(|route| **route != api::BACKUP) {
                for (form, body) in [(MEDIA_TYPE, bytes.clone()), (MEDIA_TYPE_JSON, json.clone().into_bytes())] {
                    let answered = served.bytes(*route, 1, form, body).await;
                    let code = answered.code();
                    assert!((400..500).contains(&answered.status), "{code}");
                }
            }
            assert_eq!(served.picture().await, before);
        });
    }

    /// A valid message with some bytes changed: an answer, or a refusal that changed nothing.
    #[test]
    fn a_changed_message_is_answered_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
        packed in any::<bool>(),
    ) {
        runtime().block_on(async {
            let served = Served::new().with_alice().await;
            let form = FORMS[usize::from(!packed)];
            let mut body = encoded(form, &valid());
            for (at, byte, how) in changes {
                let at = at.index(body.len());
                match how {
                    0 => body[at] = byte,
                    1 => body.insert(at, byte),
                    _ => drop(body.remove(at)),
                }
            }
            let before = served.picture().await;
            let answered = served.bytes(api::SYNC, 1, form, body).await;
            if answered.status != 200 {
                answered.problem();
                assert_eq!(answered.status, 400);
                assert_eq!(served.picture().await, before);
            }
        });
    }
}
