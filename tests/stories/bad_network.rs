//! The harness's bad network, without Towpath: each fault is what its name says. The witness is the backend's count
//! of whole requests, and what the client was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Body, Chaos, Fault, Faults, HttpBackend, Wire, full};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

const REQUEST: &str = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

/// A backend that gives back each content, in chunks where the client understands them, and counts them.
async fn backend() -> (HttpBackend, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    let echo = move |request: Request<Incoming>| {
        let count = counting.clone();
        async move {
            let version = request.version();
            let Ok(content) = request.into_body().collect().await else {
                return Response::new(full(""));
            };
            count.fetch_add(1, Ordering::SeqCst);
            let content: Body = full(content.to_bytes());
            let mut response = Response::new(content);
            response
                .headers_mut()
                .insert("x-version", format!("{version:?}").parse().unwrap());
            response
        }
    };
    (HttpBackend::start(echo).await, count)
}

/// What the client is given, if anything, and how often the backend was asked.
async fn with(fault: Fault) -> (String, usize) {
    let (backend, count) = backend().await;
    let faults = Faults::none().with(fault, 1.0);
    let chaos = Chaos::start(backend.address(), faults, 1).await;
    let mut client = Wire::connect(chaos.address()).await;
    client.send(REQUEST).await;
    client.half_close().await;
    let given = String::from_utf8(client.rest().await).unwrap();
    assert_eq!(chaos.count(fault), 1);
    chaos.all_happened();
    (given, count.load(Ordering::SeqCst))
}

#[tokio::test]
async fn without_a_fault_requests_pass_on_one_connection() {
    let (backend, count) = backend().await;
    let chaos = Chaos::start(backend.address(), Faults::none(), 1).await;
    let mut client = Wire::connect(chaos.address()).await;
    for requests in 1..4 {
        client.send(REQUEST).await;
        assert_eq!(client.response().await.1, "hello");
        assert_eq!(count.load(Ordering::SeqCst), requests);
    }
    assert_eq!(chaos.requests(), 3);
}

#[tokio::test]
async fn cuts_lose_the_request_or_the_answer() {
    assert_eq!(with(Fault::CutBefore).await, (String::new(), 0));
    assert_eq!(with(Fault::CutRequest).await, (String::new(), 0));
    assert_eq!(with(Fault::CutAnswer).await, (String::new(), 1));
    let (half, asked) = with(Fault::CutResponse).await;
    assert!(half.starts_with("HTTP/1.1 200"), "{half:?}");
    assert!(half.ends_with("\r\n\r\nhe"), "{half:?}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn pages_come_instead_of_an_answer() {
    for (fault, status) in [(Fault::BadGateway, "502"), (Fault::Portal, "200")] {
        let (page, asked) = with(fault).await;
        assert!(page.starts_with(&format!("HTTP/1.1 {status} ")), "{page:?}");
        assert!(page.contains("<!doctype html>"), "{page:?}");
        assert_eq!(asked, 0);
    }
}

#[tokio::test]
async fn an_answer_comes_late_whole_twice_or_in_an_older_version() {
    for (fault, expected) in [(Fault::Delay, 1), (Fault::Buffer, 1), (Fault::Duplicate, 2)] {
        let (answer, asked) = with(fault).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
        assert!(answer.contains("x-version: HTTP/1.1\r\n"), "{answer:?}");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer:?}");
        assert_eq!(asked, expected, "{fault:?}");
    }
    let (answer, _) = with(Fault::Http10).await;
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer:?}");
    assert!(answer.contains("x-version: HTTP/1.0\r\n"), "{answer:?}");
}

#[tokio::test]
async fn a_later_request_overtakes_one_that_is_held_back() {
    let (backend, _count) = backend().await;
    let faults = Faults::none().with(Fault::Reorder, 0.5);
    let chaos = Chaos::start(backend.address(), faults, 7).await;
    let one_after_another = async || {
        let mut client = Wire::connect(chaos.address()).await;
        while chaos.count(Fault::Reorder) == 0 {
            client.send(REQUEST).await;
            client.response().await;
        }
    };
    tokio::join!(one_after_another(), one_after_another());
    chaos.all_happened();
}

/// Requests that come one after another meet the same fate whenever the seed is the same.
#[tokio::test]
async fn a_seed_repeats_a_run() {
    let (backend, _count) = backend().await;
    let mut runs = Vec::new();
    for seed in [3, 3, 4] {
        let faults = Faults::none().with(Fault::Portal, 0.5);
        let chaos = Chaos::start(backend.address(), faults, seed).await;
        let mut client = Wire::connect(chaos.address()).await;
        let mut answers = Vec::new();
        for _ in 0..40 {
            client.send(REQUEST).await;
            answers.push(client.response().await.1);
        }
        runs.push(answers);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[1], runs[2]);
}
