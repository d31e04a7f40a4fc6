//! The server's poll with nothing new, beside a bare hyper server that reads the same request bytes and sends the same
//! answer bytes: the same runtime, the same connection settings; tokens are checked; 1,000 machines and 10,000 spaces are
//! in the store. `cargo bench --bench poll`

use bytes::Bytes;
use core::convert::Infallible;
use harness::{
    measure::{Contender, in_turn, report},
    served::{Failure, Served, exchange, http_request, load, one_worker},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, header::CONTENT_TYPE, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use sync_core::{
    id::{Incarnation, Opening},
    protocol::{MEDIA_TYPE, SyncRequest},
};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const CONNECTIONS: usize = 32;
const SECONDS: f64 = 1.5;

/// Reads the body, sends the answer.
async fn bare(listener: TcpListener, answer: Bytes) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let _ = request.into_body().collect().await;
                    let mut response = Response::new(Full::new(answer));
                    response
                        .headers_mut()
                        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(MEDIA_TYPE));
                    Ok::<_, Infallible>(response)
                }
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            builder.http2().timer(TokioTimer::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (ours, theirs) = (one_worker()?, one_worker()?);
    let served = Served::start(&ours, folder.path(), 1_000, 10_000)?;
    let requests: Vec<Vec<u8>> = served
        .machines
        .iter()
        .take(CONNECTIONS)
        .map(|(machine, token)| {
            let poll = SyncRequest {
                opening: Opening(Uuid::from_u128(1)),
                incarnation: Incarnation(Uuid::from_u128(2)),
                polled: Some(served.polled(*machine)),
                person: None,
                asks: Vec::new(),
                spaces: Vec::new(),
                limit: 0,
            };
            http_request(token, &poll)
        })
        .collect::<Result<_, _>>()?;

    // The bare server answers with the bytes that ours answers with.
    let (status, answer) = one_worker()?.block_on(async {
        let mut stream = TcpStream::connect(served.address).await?;
        exchange(&mut stream, &requests[0]).await
    })?;
    assert_eq!(status, 200, "the poll is answered");
    println!("request {} bytes with its head, answer {} bytes without", requests[0].len(), answer.len());
    let listener = theirs.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let bare_address = listener.local_addr()?;
    theirs.spawn(bare(listener, answer.into()));

    let measure = |address| {
        let requests = requests.clone();
        move || {
            load(address, requests.clone(), SECONDS)
                .unwrap_or_else(|error| panic!("the load failed: {error}"))
        }
    };
    let measured = in_turn(
        5,
        vec![
            Contender { name: "bare hyper", round: Box::new(measure(bare_address)) },
            Contender {
                name: "sync-server, poll with nothing new",
                round: Box::new(measure(served.address)),
            },
        ],
    );
    report("Polls, 32 connections, HTTP/1.1 without TLS", "answers/s", &measured);
    Ok(())
}
