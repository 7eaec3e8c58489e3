//! How a session begins, and how it does not.

use std::time::Duration;

use futures_util::SinkExt;
use http::{Method, StatusCode};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use towpath_fallback::session::Limits;
use towpath_fallback::{Bounds, Origins};

use super::{OPEN, OWN, Site, get, opened, post, sid};
use crate::backend::Verdict;

const POLLING: &str = "EIO=4&transport=polling&t=0";

#[tokio::test(start_paused = true)]
async fn the_backends_open_packet_is_the_answer() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (told, _server) = site.shake(&mut seen, POLLING, OPEN).await;
    let said = opened(&told);
    assert_eq!(said["upgrades"], serde_json::json!(["websocket"]));
    assert_eq!(said["pingInterval"], 25_000);
    assert_eq!(said["pingTimeout"], 20_000);
    assert_eq!(said["maxPayload"], 100_000, "that is our own limit");
    assert_ne!(said["sid"], "theirs", "nobody else can guess it");
    assert_eq!(told.headers["content-type"], "text/plain; charset=UTF-8");
    assert_eq!(told.headers["cache-control"], "no-store");
    assert!(!told.headers.contains_key("x-xss-protection"));
}

#[tokio::test(start_paused = true)]
async fn where_websockets_are_off_none_is_offered() {
    let (mut site, mut seen) = Site::new(Verdict::Accept);
    site.service.websocket = false;
    let (told, _server) = site.shake(&mut seen, POLLING, OPEN).await;
    assert_eq!(opened(&told)["upgrades"], serde_json::json!([]));
    let query = format!("EIO=4&transport=websocket&sid={}", sid(&told));
    let via = site.via(&query);
    let refused = site
        .proxy
        .fallback
        .upgrade_engine_io(&http::HeaderMap::new(), &via);
    assert_eq!(refused.err().unwrap().status(), StatusCode::BAD_REQUEST);
}

/// Applications of its time show it to people.
#[tokio::test(start_paused = true)]
async fn the_id_of_revision_3_is_the_backends_own() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let open = r#"0{"sid":"theirs","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#;
    let query = "EIO=3&transport=polling&b64=1";
    let (told, mut server) = site.shake(&mut seen, query, open).await;
    let (length, packet) = told.content.split_once(":0").unwrap();
    assert_eq!(length, (1 + packet.len()).to_string());
    let said: serde_json::Value = serde_json::from_str(packet).unwrap();
    assert_eq!(said["sid"], "theirs");
    assert_eq!(said.get("maxPayload"), None);
    server.send(Message::text("40")).await.unwrap();
    let poll = format!("{query}&sid=theirs");
    assert_eq!(site.get(&poll).await.content, "2:40");
    let elsewhere = Site {
        service: towpath_fallback::dialect::engine_io::Service {
            path: "/other/".to_owned(),
            ..site.service.clone()
        },
        ..site
    };
    assert_eq!(elsewhere.get(&poll).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn the_backend_gets_the_clients_own_fields() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let request = [
        ("cookie", "a=b"),
        ("authorization", "Bearer x"),
        ("x-tenant", "7"),
        ("user-agent", "test"),
        ("sec-fetch-site", "same-origin"),
        ("accept-encoding", "gzip"),
        ("connection", "keep-alive"),
        ("keep-alive", "1"),
        ("content-type", "text/plain"),
        ("sec-websocket-key", "x"),
        ("te", "trailers"),
    ];
    let request = request
        .into_iter()
        .fold(get(), |request, (name, value)| request.header(name, value));
    let (_, _server) = tokio::join!(site.ask(POLLING, request, ""), async {
        let mut server = seen.server().await;
        server.send(Message::text(OPEN)).await.unwrap();
        server
    });
    let shaken = seen.handshake().await;
    for (name, value) in [
        ("cookie", "a=b"),
        ("authorization", "Bearer x"),
        ("x-tenant", "7"),
        ("user-agent", "test"),
        ("sec-fetch-site", "same-origin"),
        // A browser would have sent it with a WebSocket.
        ("origin", OWN),
    ] {
        assert_eq!(shaken[name], value, "{name}");
    }
    assert_eq!(shaken.len(), 6, "{shaken:?}");
}

#[tokio::test(start_paused = true)]
async fn what_lets_other_pages_read_answers_stays_with_the_session() {
    let (site, mut seen) = Site::new(Verdict::AcceptWith(&[
        ("access-control-allow-origin", "https://page.example"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
        ("set-cookie", "io=1"),
        ("x-powered-by", "test"),
    ]));
    let (told, mut server) = site.shake(&mut seen, POLLING, OPEN).await;
    server.send(Message::text("4a")).await.unwrap();
    let query = format!("{POLLING}&sid={}", sid(&told));
    let later = [
        site.get(&query).await,
        site.ask(&query, post(), "4b").await,
        site.ask(&query, post(), "").await,
    ];
    assert_eq!(later.each_ref().map(|told| told.status), [200, 200, 400]);
    for told in [&told].into_iter().chain(&later) {
        let headers = &told.headers;
        let allowed = &headers["access-control-allow-origin"];
        assert_eq!(allowed, "https://page.example");
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(headers["vary"], "Origin");
        assert!(!headers.contains_key("x-powered-by"));
    }
    assert_eq!(told.headers["set-cookie"], "io=1");
    assert!(!later[0].headers.contains_key("set-cookie"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_in_the_protocols_words() {
    for (said, status, content) in [
        ("Bad request", 400, r#"{"code":3,"message":"Bad request"}"#),
        ("not you", 403, r#"{"code":4,"message":"not you"}"#),
        (
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
            400,
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
    ] {
        let (site, _seen) = Site::new(Verdict::RefuseWith(StatusCode::BAD_REQUEST, said));
        let told = site.get(POLLING).await;
        assert_eq!((told.status, told.content.as_str()), (status, content));
        assert_eq!(told.headers["content-type"], "application/json");
        assert!(!told.polling_only);
        site.proxy.fallback.none().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_websockets_may_be_polled_itself() {
    let said = "Transport unknown";
    let (site, _seen) = Site::new(Verdict::RefuseWith(StatusCode::BAD_REQUEST, said));
    let told = site.get(POLLING).await;
    assert!(told.polling_only);
    assert_eq!(told.status, 400);
    let told = site.ask(POLLING, post(), "").await;
    assert!(!told.polling_only, "only what would open a session");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_fails_is_none_of_the_protocols() {
    let (site, _seen) = Site::new(Verdict::Refuse(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(site.get(POLLING).await.status, 502);
    let (site, _seen) = Site::new(Verdict::Silence);
    let began = Instant::now();
    assert_eq!(site.get(POLLING).await.status, 504);
    assert_eq!(began.elapsed(), Duration::from_secs(15));
    site.proxy.fallback.none().await;
}

/// The reference accepts such a WebSocket before it notices.
#[tokio::test(start_paused = true)]
async fn a_backend_that_opens_no_session_does_not_speak_the_revision() {
    let unsupported = r#"{"code":5,"message":"Unsupported protocol version"}"#;
    for first in ["4hello", "0", "0{}", "hello"] {
        let (site, mut seen) = Site::new(Verdict::Accept);
        let (told, _server) = site.shake(&mut seen, POLLING, first).await;
        assert_eq!((told.status, told.content.as_str()), (400, unsupported));
        site.proxy.fallback.none().await;
    }
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (told, ()) = tokio::join!(site.get(POLLING), async {
        drop(seen.server().await);
    });
    assert_eq!((told.status, told.content.as_str()), (400, unsupported));
}

#[tokio::test(start_paused = true)]
async fn what_opens_no_session_is_refused_without_the_backend() {
    let (site, _seen) = Site::new(Verdict::Accept);
    for (method, query, code) in [
        (Method::GET, "EIO=4", 0),
        (Method::GET, "EIO=4&transport=abc", 0),
        (Method::GET, "EIO=4&transport=polling&sid=x", 1),
        (Method::POST, "EIO=4&transport=polling&sid=x", 1),
        (Method::POST, "EIO=4&transport=polling", 2),
        (Method::PUT, "EIO=4&transport=polling", 2),
        (Method::GET, "EIO=4&transport=websocket", 3),
    ] {
        let request = get().method(method.clone());
        let told = site.ask(query, request, "").await;
        let said: serde_json::Value = serde_json::from_str(&told.content).unwrap();
        assert_eq!((told.status, &said["code"]), (400, &code.into()), "{query}");
    }
    assert_eq!(site.proxy.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_origins_are_refused_where_the_route_says_so() {
    let (mut site, _seen) = Site::new(Verdict::Accept);
    site.proxy.policy.origins = Origins::SameOrigin;
    let request = get().header("origin", "https://page.example");
    let told = site.ask(POLLING, request, "").await;
    let forbidden = r#"{"code":4,"message":"Forbidden"}"#;
    assert_eq!((told.status, told.content.as_str()), (403, forbidden));
    assert_eq!(site.proxy.dials(), 0);
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_sessions() {
    let bounds = Bounds {
        sessions: 1,
        ..Bounds::default()
    };
    let (site, mut seen) = Site::bounded(bounds, Limits::default());
    let (_client, _server) = site.session(&mut seen).await;
    assert_eq!(site.get(POLLING).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_the_backend_is_asked_leaves_nothing_behind() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let mut opening = site.get(POLLING);
    crate::proxy::arrive(&mut opening).await;
    let server = seen.server().await;
    drop(opening);
    site.proxy.fallback.none().await;
    drop(server);
}
