//! Names and passwords.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::{RawBackend, Towpath};

use super::{WAYS, heard, seen};

/// `ada` and `secret`, in the form of `htpasswd -nbB -C 5`.
const USERS: &str = "ada:$2y$05$hzQ4WlGvjECTAXqSdjWBYeFNEt1DCwqe1r6ouEkZ4jHX6LbI3M8Ze\n";

/// A route with a file of users, which lies beside it.
async fn guarded(backend: &RawBackend, more: &str) -> (Towpath, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users");
    std::fs::write(&users, USERS).unwrap();
    let says = format!(
        "auth: {{ basic: {{ users: {}, realm: here, {more} }} }}",
        users.display()
    );
    (super::route(backend, &says).await, directory)
}

fn authorization(credentials: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(credentials))
}

#[tokio::test]
async fn who_has_none_or_wrong_ones_is_asked() {
    let backend = RawBackend::start().await;
    let (towpath, _users) = guarded(&backend, "").await;
    for way in WAYS {
        for fields in [
            String::new(),
            authorization("ada:wrong"),
            authorization("bob:secret"),
            "Authorization: Basic !!\r\n".to_owned(),
            "Authorization: Bearer secret\r\n".to_owned(),
        ] {
            let (head, _) = heard(&towpath, way, "/", &fields).await;
            assert_eq!(head.status(), 401, "{way:?} {fields}");
            let asked = head.value("www-authenticate");
            assert_eq!(asked, Some("Basic realm=\"here\", charset=\"UTF-8\""));
        }
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn the_backend_is_told_who_it_is() {
    let backend = RawBackend::start().await;
    for (pass, is_passed) in [("pass: off", false), ("pass: on", true)] {
        let (towpath, _users) = guarded(&backend, pass).await;
        for way in WAYS {
            let fields = authorization("ada:secret") + "X-Forwarded-User: root\r\n";
            let head = seen(&towpath, &backend, way, "/", &fields).await;
            assert_eq!(head.values("x-forwarded-user"), ["ada"], "{way:?}");
            assert_eq!(
                head.value("authorization").is_some(),
                is_passed,
                "{way:?} {pass}"
            );
        }
    }
}
