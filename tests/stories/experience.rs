//! What a group makes of its experience: cookies that lead back to a server, servers that are left out for a while, and
//! how often others are tried.

use harness::fallback::Opening;
use harness::{Body, HttpBackend, NOBODY, Towpath, full};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

async fn named(name: &'static str, status: u16) -> HttpBackend {
    HttpBackend::start(move |_: Request<Incoming>| async move {
        let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        response.body(full(name)).unwrap() as Response<Body>
    })
    .await
}

/// The cookie that a response sets.
fn cookie(head: &str) -> Option<String> {
    let field = head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    field.map(|field| field.split(';').next().unwrap().to_owned())
}

/// Status, fields and content of a GET with these fields.
async fn get(towpath: &Towpath, fields: &[(&str, &str)]) -> (u16, String, String) {
    let mut request = Request::get("/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = towpath
        .http()
        .await
        .send(request.body(full("")).unwrap())
        .await;
    let (head, content) = response.into_parts();
    let fields = head.headers.iter();
    let fields = fields.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let content = harness::whole(content).await.to_vec();
    (
        head.status.as_u16(),
        fields.collect(),
        String::from_utf8(content).unwrap(),
    )
}

#[tokio::test]
async fn a_cookie_leads_back_to_its_server() {
    let (a, b) = (named("a", 200).await, named("b", 200).await);
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{}\", \"{}\"], sticky: on }} }}\nroutes: [{{ upstream: app }}]",
        a.address(),
        b.address()
    ))
    .await;
    let (_, head, first) = get(&towpath, &[]).await;
    let cookie = cookie(&head).expect("a cookie");
    assert!(cookie.starts_with("towpath_server="), "{cookie}");
    for _ in 0..6 {
        let (_, head, again) = get(&towpath, &[("cookie", &cookie)]).await;
        assert_eq!(again, first);
        assert_eq!(self::cookie(&head), None, "it has it already");
    }
    let forged = format!("{cookie}x");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let (_, head, name) = get(&towpath, &[("cookie", &forged)]).await;
        assert!(self::cookie(&head).is_some(), "it is told its own");
        seen.insert(name);
    }
    assert_eq!(seen.len(), 2, "a cookie that is nobody's leads nowhere");
}

/// A WebSocket and a session of the fallback are told as well.
#[tokio::test]
async fn websockets_and_sessions_are_led_back_too() {
    let peer = harness::TungstenitePeer::start().await;
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{}\"], sticky: on }} }}\nroutes: [{{ upstream: app }}]",
        peer.address()
    ))
    .await;
    let mut client = towpath.connect().await;
    client.send(harness::handshake("/echo", "")).await;
    let head = client.head().await;
    assert_eq!(head.status(), 101);
    assert!(
        head.value("set-cookie")
            .unwrap()
            .starts_with("towpath_server=")
    );
    let (fields, answer) = Opening::new("/echo").ask(towpath.address()).await;
    assert_eq!(answer["status"], "ok", "{answer}");
    let cookie = fields
        .get("set-cookie")
        .expect("a cookie")
        .to_str()
        .unwrap();
    assert!(cookie.starts_with("towpath_server="), "{cookie}");
}

#[tokio::test]
async fn a_server_that_fails_is_left_out_and_comes_back() {
    let (good, bad) = (named("good", 200).await, named("bad", 503).await);
    let towpath = Towpath::start(&format!(
        "upstreams:\n  app:\n    servers: [\"{}\", \"{}\"]\n    outliers: {{ failures: 3, eject: 3s }}\n\
         admin: {{ address: 127.0.0.1:0 }}\n\
         routes: [{{ upstream: app }}]",
        good.address(),
        bad.address()
    ))
    .await;
    let mut failures = 0;
    while failures < 3 {
        failures += u32::from(get(&towpath, &[]).await.0 == 503);
    }
    let left_out = towpath.wait_log("server is left out").await;
    let ejections = "towpath_upstream_ejections_total{upstream=\"app\"}";
    assert_eq!(towpath.metric(ejections).await, 1.0);
    assert_eq!(left_out["server"], bad.address().to_string());
    assert_eq!(left_out["seconds"], 3);
    for _ in 0..6 {
        assert_eq!(get(&towpath, &[]).await.2, "good");
    }
    harness::within("it comes back", async {
        while get(&towpath, &[]).await.2 == "good" {}
    })
    .await;
    let back = towpath.wait_log("server is back").await;
    assert_eq!(back["server"], bad.address().to_string());
}

/// With one server there is nobody to take its place, so it goes on being asked.
#[tokio::test]
async fn the_last_server_is_never_left_out() {
    let bad = named("bad", 503).await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", bad.address())).await;
    for _ in 0..8 {
        assert_eq!(get(&towpath, &[]).await.2, "bad");
    }
    assert!(towpath.logged("server is left out").is_empty());
}

#[tokio::test]
async fn no_more_is_tried_again_than_the_budget_allows() {
    let alive = named("alive", 200).await;
    let start = |retries: &str| {
        format!(
            "upstreams:\n  app:\n    servers: [{NOBODY}, \"{}\"]\n    outliers: off\n    retries: {retries}\n\
             routes: [{{ upstream: app }}]",
            alive.address()
        )
    };
    let none = Towpath::start(&start("{ percent: 0, per_second: 0 }")).await;
    let ample = Towpath::start(&start("{ percent: 100, per_second: 100 }")).await;
    let mut statuses = [0; 2];
    for _ in 0..10 {
        statuses[usize::from(get(&none, &[]).await.0 == 200)] += 1;
        assert_eq!(get(&ample, &[]).await.0, 200);
    }
    assert_eq!(
        statuses,
        [5, 5],
        "every other request meets the dead one first"
    );
}
