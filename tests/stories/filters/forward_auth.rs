//! Another server says who may pass.

use harness::{HttpBackend, NOBODY, RawBackend, full};
use http::Response;

use super::{WAYS, Way, heard, seen};

/// Lets those pass who say the word, and tells how it was asked.
async fn doorkeeper() -> HttpBackend {
    HttpBackend::start(|request| async move {
        let field = |name: &str| {
            let value = request.headers().get(name);
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let response = Response::builder();
        match field("x-word").as_str() {
            "friend" => response
                .header("x-user", "ada")
                .header(
                    "x-asked",
                    format!(
                        "{} {} {}",
                        request.uri(),
                        field("x-forwarded-method"),
                        field("x-forwarded-uri")
                    ),
                )
                .body(full("")),
            "login" => response
                .status(302)
                .header("location", "/login")
                .body(full("this way")),
            "broken" => response.status(500).body(full("oops")),
            _ => response
                .status(403)
                .header("x-why", "no word")
                .body(full("not you\n")),
        }
        .unwrap()
    })
    .await
}

fn says(upstream: std::net::SocketAddr) -> String {
    format!(
        "auth: {{ forward: {{ upstream: \"{upstream}\", path: /verify, copy: [X-User, X-Asked] }} }}"
    )
}

#[tokio::test]
async fn whom_it_lets_pass_the_backend_knows_by_its_word() {
    let (doorkeeper, backend) = (doorkeeper().await, RawBackend::start().await);
    let towpath = super::route(&backend, &says(doorkeeper.address())).await;
    for way in WAYS {
        let fields = "X-Word: friend\r\nX-User: root\r\nX-Asked: never\r\nCookie: a=b\r\n";
        let head = seen(&towpath, &backend, way, "/a?b", fields).await;
        let asked = match way {
            Way::Plain | Way::Upgrade => "/verify GET /a?b",
            Way::Open => "/verify POST /a/~towpath/1/open?b",
        };
        assert_eq!(head.values("x-user"), ["ada"], "{way:?}");
        assert_eq!(head.values("x-asked"), [asked], "{way:?}");
        assert_eq!(head.value("cookie"), Some("a=b"), "{way:?}");
    }
    assert_eq!(doorkeeper.connections(), 1, "its connection is kept");
}

#[tokio::test]
async fn its_refusal_is_the_clients_answer() {
    let (doorkeeper, backend) = (doorkeeper().await, RawBackend::start().await);
    let towpath = super::route(&backend, &says(doorkeeper.address())).await;
    for way in WAYS {
        let (head, content) = heard(&towpath, way, "/", "").await;
        assert_eq!((head.status(), &*content), (403, "not you\n"), "{way:?}");
        assert_eq!(head.value("x-why"), Some("no word"), "{way:?}");
        let (head, _) = heard(&towpath, way, "/", "X-Word: login\r\n").await;
        assert_eq!(
            (head.status(), head.value("location")),
            (302, Some("/login")),
            "{way:?}"
        );
    }
    backend.saw_nobody();
}

/// It fails closed.
#[tokio::test]
async fn without_its_word_nobody_passes() {
    let (doorkeeper, backend) = (doorkeeper().await, RawBackend::start().await);
    let broken = super::route(&backend, &says(doorkeeper.address())).await;
    let gone = super::route(&backend, &says(NOBODY.parse().unwrap())).await;
    for way in WAYS {
        assert_eq!(
            heard(&broken, way, "/", "X-Word: broken\r\n")
                .await
                .0
                .status(),
            503
        );
        assert_eq!(
            heard(&gone, way, "/", "X-Word: friend\r\n")
                .await
                .0
                .status(),
            503
        );
    }
    backend.saw_nobody();
}
