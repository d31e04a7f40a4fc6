//! Events: who waits is told when something moves, and only then.

use super::served::{Served, change, poll, push, user};
use core::{pin::pin, time::Duration};
use sync_core::{
    api,
    protocol::{WaitRequest, Waited},
    server::Scope,
};

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_of_what_another_machine_wrote_and_of_nothing_else() {
    let served = Served::new().with_alice().await;
    for n in [2, 3] {
        served.enrol(n, Scope::All).await;
    }
    served.login(2, "alice").await;
    served.login(3, "bob").await;
    let alices = WaitRequest { polled: served.sync(2, &poll()).await.polled };
    let bobs = WaitRequest { polled: served.sync(3, &poll()).await.polled };
    let mut waits = pin!(served.told::<Waited>(api::WAIT, 2, &alices));
    let mut others = pin!(served.told::<Waited>(api::WAIT, 3, &bobs));
    let moment = Duration::from_secs(1);
    assert!(tokio::time::timeout(moment, waits.as_mut()).await.is_err(), "nothing has moved");
    assert!(tokio::time::timeout(moment, others.as_mut()).await.is_err());
    served.sync(1, &push(user("alice"), vec![change(2, 2, "Back office")])).await;
    assert_eq!(tokio::time::timeout(moment, waits).await.unwrap(), Waited { news: true });
    // It is nothing of hers: the server's patience ends some time, without news.
    assert!(tokio::time::timeout(moment, others.as_mut()).await.is_err());
    assert_eq!(others.await, Waited { news: false });

    // What moved before the question is told at once.
    assert_eq!(served.told::<Waited>(api::WAIT, 2, &alices).await, Waited { news: true });
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_wait_by_a_server_that_stops() {
    let served = Served::new().with_alice().await;
    let polled = served.sync(1, &poll()).await.polled;
    let request = WaitRequest { polled };
    let mut waits = pin!(served.told::<Waited>(api::WAIT, 1, &request));
    let moment = Duration::from_secs(1);
    assert!(tokio::time::timeout(moment, waits.as_mut()).await.is_err());
    served.interface.stop_waiting();
    assert_eq!(tokio::time::timeout(moment, waits).await.unwrap(), Waited { news: false });
    let again = served.told::<Waited>(api::WAIT, 1, &request);
    assert_eq!(tokio::time::timeout(moment, again).await.unwrap(), Waited { news: false });
}
