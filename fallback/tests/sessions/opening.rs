//! How a session begins, once, however often it is asked for.

use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use tokio::time::Instant;
use towpath_fallback::session::Ended;

use crate::backend::Verdict;
use crate::proxy::{NONCE, Proxy, settle};

#[tokio::test(start_paused = true)]
async fn one_nonce_is_one_session() {
    let (proxy, _seen) = Proxy::new(Verdict::Accept);
    let (first, second) = tokio::join!(proxy.open(NONCE), proxy.open(NONCE));
    assert_eq!(first["status"], "ok");
    assert_eq!(first, second);
    assert_eq!(proxy.open(NONCE).await, first);
    assert_eq!((proxy.dials(), proxy.fallback.sessions()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_the_backend_is_asked_finds_the_session_again() {
    let (proxy, _seen) = Proxy::new(Verdict::Accept);
    {
        let proxy = proxy.clone();
        let mut leaving = async move { proxy.open(NONCE).await }.boxed();
        assert!((&mut leaving).now_or_never().is_none());
    }
    assert_eq!(proxy.open(NONCE).await["status"], "ok");
    assert_eq!(proxy.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_remembered_for_ten_seconds() {
    let (proxy, _seen) = Proxy::new(Verdict::Refuse(StatusCode::FORBIDDEN));
    for _ in 0..2 {
        let answer = proxy.open(NONCE).await;
        assert_eq!(answer["status"], "refused");
        assert_eq!(answer["http_status"], 403);
    }
    assert_eq!(proxy.dials(), 1);
    proxy.fallback.none().await;
    proxy.open(NONCE).await;
    assert_eq!(proxy.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_says_nothing_is_a_timeout() {
    let (proxy, _seen) = Proxy::new(Verdict::Silence);
    let began = Instant::now();
    assert_eq!(proxy.open(NONCE).await["status"], "timeout");
    assert_eq!(began.elapsed(), Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_never_used_ends_after_half_a_minute() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    proxy.open(NONCE).await;
    let began = Instant::now();
    let report = seen.report().await;
    assert_eq!(report.ended, Ended::Abandoned);
    // The backend has five seconds for its part of the goodbye.
    assert_eq!(began.elapsed(), Duration::from_secs(35));
    proxy.fallback.none().await;
}

/// A drain would have waited for it.
#[tokio::test(start_paused = true)]
async fn what_is_only_remembered_delays_no_drain() {
    let (proxy, seen) = Proxy::new(Verdict::Refuse(StatusCode::FORBIDDEN));
    proxy.open(NONCE).await;
    assert_eq!(proxy.fallback.sessions(), 1);
    seen.draining.send_replace(true);
    settle().await;
    assert_eq!(proxy.fallback.sessions(), 0);
}

/// Its nonce would have been taken for ever, and its place too.
#[tokio::test(start_paused = true)]
async fn an_opening_that_fails_within_the_proxy_leaves_nothing_behind() {
    let (mut proxy, _seen) = Proxy::new(Verdict::Panic);
    assert_eq!(proxy.open(NONCE).await["status"], "unreachable");
    settle().await;
    assert_eq!(proxy.fallback.sessions(), 0);
    let (backends, _seen) = crate::backend::backends(Verdict::Accept);
    proxy.replace(backends);
    assert_eq!(proxy.open(NONCE).await["status"], "ok");
}
