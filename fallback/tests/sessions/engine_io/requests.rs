//! Requests of a session: that come, that wait, and that leave.

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use http::Method;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use towpath_fallback::Bounds;
use towpath_fallback::TooLarge;
use towpath_fallback::session::Limits;

use super::{OPEN, Site, get, post, sid};
use crate::backend::{Server, Verdict};
use crate::proxy::{arrive, settle};

const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

async fn heard(server: &mut Server) -> Message {
    server.next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn packets_go_both_ways() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    client.say("4hello\u{1e}bAQIDBA==").await;
    assert_eq!(heard(&mut server).await, Message::text("4hello"));
    assert_eq!(heard(&mut server).await, Message::binary(vec![1, 2, 3, 4]));
    let mut poll = client.poll();
    arrive(&mut poll).await;
    server.send(Message::text("4a")).await.unwrap();
    assert_eq!(poll.await.content, "4a");
    server.send(Message::binary(vec![1])).await.unwrap();
    settle().await;
    assert_eq!(client.poll().await.content, "bAQ==");
}

/// The backend does not read yet, and there is room for one packet.
#[tokio::test(start_paused = true)]
async fn a_post_is_answered_when_there_was_room_for_it() {
    let limits = Limits {
        credit: 1,
        ..Limits::default()
    };
    let (site, mut seen) = Site::bounded(Bounds::default(), limits);
    let (mut client, mut server) = site.session(&mut seen).await;
    let long = format!("4{}", "x".repeat(50_000));
    let payload = [&*long, "4a", "4b"].join("\u{1e}");
    let mut post = client.post(payload);
    arrive(&mut post).await;
    assert!((&mut post).now_or_never().is_none());
    assert_eq!(heard(&mut server).await, Message::text(long));
    assert_eq!(post.await.content, "ok");
    assert_eq!(heard(&mut server).await, Message::text("4a"));
    assert_eq!(heard(&mut server).await, Message::text("4b"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_repeated_goes_on_where_it_broke_off() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let query = client.query();
    let mut poll = site.get(&query);
    arrive(&mut poll).await;
    drop(poll);
    settle().await;
    server.send(Message::text("4a")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(site.get(&query).await.content, "4a");
    assert_eq!(site.get(&query).await.content, "4a", "its answer was lost");
    server.send(Message::text("4b")).await.unwrap();
    assert_eq!(client.poll().await.content, "4b");
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_repeated_is_passed_on_once() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let query = client.query();
    for _ in 0..2 {
        let told = site.ask(&query, post(), "4a").await;
        assert_eq!(told.content, "ok");
        assert_eq!(told.headers["content-type"], "text/html");
    }
    client.say("4b").await;
    assert_eq!(heard(&mut server).await, Message::text("4a"));
    assert_eq!(heard(&mut server).await, Message::text("4b"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_its_poll_is_missed_after_two_seconds() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut poll = client.poll();
    arrive(&mut poll).await;
    drop(poll);
    let began = Instant::now();
    assert!(matches!(heard(&mut server).await, Message::Close(_)));
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(client.poll().await.content, UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn two_polls_end_the_session() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, _server) = site.session(&mut seen).await;
    let mut poll = client.poll();
    arrive(&mut poll).await;
    let other = client.poll().await;
    assert_eq!(other.content, r#"{"code":3,"message":"Bad request"}"#);
    assert_eq!(poll.await.content, "1");
    assert_eq!(client.poll().await.content, UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn what_no_client_would_send_is_refused() {
    for (content_type, content) in [
        ("text/plain", ""),
        ("text/plain", "abc"),
        ("text/plain", "4a\u{1e}"),
        ("application/octet-stream", "4a"),
    ] {
        let (site, mut seen) = Site::new(Verdict::Accept);
        let (mut client, mut server) = site.session(&mut seen).await;
        let query = client.query();
        let request = post().header("content-type", content_type);
        let told = site.ask(&query, request, content).await;
        assert_eq!(told.status, 400, "{content:?}");
        assert!(matches!(heard(&mut server).await, Message::Close(_)));
        assert_eq!(client.poll().await.content, UNKNOWN, "{content:?}");
    }
}

/// The reference destroys nothing, either.
#[tokio::test(start_paused = true)]
async fn the_session_survives_what_is_too_large_and_strange_methods() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let query = client.query();
    let told = site.serve(&query, post().body(Err(TooLarge)).unwrap());
    assert_eq!(told.await.status, 413);
    let told = site.ask(&query, get().method(Method::PUT), "4a");
    assert_eq!(told.await.status, 500);
    client.say("4a").await;
    assert_eq!(heard(&mut server).await, Message::text("4a"));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_for_pages_of_its_own_origin() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let query = "EIO=4&transport=polling&t=0";
    let page = |name: &str| get().header("origin", format!("https://{name}.example"));
    let (told, mut server) = tokio::join!(site.ask(query, page("a"), ""), async {
        let mut server = seen.server().await;
        server.send(Message::text(OPEN)).await.unwrap();
        server
    });
    server.send(Message::text("4a")).await.unwrap();
    settle().await;
    let query = format!("EIO=4&transport=polling&sid={}", sid(&told));
    let told = site.ask(&query, page("b"), "").await;
    assert_eq!(told.content, UNKNOWN);
    let via = site.via(&query);
    let via = towpath_fallback::dialect::engine_io::Via {
        query: &query.replace("polling", "websocket"),
        ..via
    };
    let (foreign, _) = page("b").body(()).unwrap().into_parts();
    let refused = site
        .proxy
        .fallback
        .upgrade_engine_io(&foreign.headers, &via);
    assert_eq!(refused.err().unwrap().status(), 400);
    assert_eq!(site.ask(&query, page("a"), "").await.content, "4a");
}

/// Their filter takes a message that looks like a script for an attack.
#[tokio::test(start_paused = true)]
async fn old_browsers_are_kept_from_looking_into_answers() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, _server) = site.session(&mut seen).await;
    let query = client.query();
    let agent = "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko";
    let told = site.ask(&query, post().header("user-agent", agent), "4a");
    assert_eq!(told.await.headers["x-xss-protection"], "0");
}

/// The backend would have closed it long before.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_comes_back_is_given_up_though_the_backend_is_not_heard() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (_client, mut server) = site.session(&mut seen).await;
    let began = Instant::now();
    assert!(matches!(heard(&mut server).await, Message::Close(_)));
    assert_eq!(began.elapsed(), Duration::from_secs(25 + 20 + 5));
}
