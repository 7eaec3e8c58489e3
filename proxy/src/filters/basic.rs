//! Names and passwords (RFC 7617). A bcrypt hash is made to be slow, so that runs where nobody waits for it, and what
//! was proven once is remembered for a while, as a keyed hash: a client that polls sends its password each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora::http::RequestHeader;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::users::{self, UsersError};
use super::{Identity, Verdict};
use crate::answer::{Refusal, Reply};

/// Whom the backend is told of.
const USER: HeaderName = HeaderName::from_static("x-forwarded-user");

/// How long a proof holds, and how many are remembered.
const REMEMBERED: Duration = Duration::from_secs(300);
const MOST: usize = 4096;

/// Hashes that are computed at once: an attacker's guesses must not take all cores.
const AT_ONCE: usize = 2;

/// A hash of no password, for names that there are not: their answers take as long.
const NOBODY: &str = "$2y$10$abcdefghijklmnopqrstuuXu9DGpDBbmr6ViPABdRnSRbK0WvE/Xm";

/// The names and passwords of a route.
#[derive(Debug)]
pub(crate) struct Basic {
    challenge: String,
    pass: bool,
    users: Arc<HashMap<String, String>>,
    key: [u8; 32],
    proven: Mutex<HashMap<[u8; 32], Instant>>,
    turn: Semaphore,
}

impl Basic {
    /// Reads the file that `conf` names.
    pub(super) fn new(conf: &towpath_conf::BasicAuth) -> Result<Self, UsersError> {
        let mut key = [0; 32];
        // Without randomness the process has not started: session tokens need it too.
        let _ = getrandom::fill(&mut key);
        Ok(Self {
            challenge: format!("Basic realm=\"{}\", charset=\"UTF-8\"", conf.realm),
            pass: conf.pass,
            users: Arc::new(users::read(&conf.users)?),
            key,
            proven: Mutex::default(),
            turn: Semaphore::new(AT_ONCE),
        })
    }

    /// Whether a request has a name and its password.
    pub(super) async fn judge(&self, request: &RequestHeader) -> Verdict {
        let Some((name, password)) = credentials(request) else {
            return self.ask();
        };
        let proof = self.proof(&name, &password);
        if !self.is_proven(&proof) && !self.prove(&name, password, proof).await {
            return self.ask();
        }
        let mut identity = Identity::default();
        identity.own(USER);
        if !self.pass {
            identity.own(header::AUTHORIZATION);
        }
        if let Ok(name) = HeaderValue::from_bytes(name.as_bytes()) {
            identity.set(USER, name);
        }
        Verdict::Pass(identity)
    }

    fn ask(&self) -> Verdict {
        let refusal = Refusal::Unauthorized;
        let reply = Reply::new(StatusCode::UNAUTHORIZED, refusal.body());
        Verdict::Answer(
            refusal,
            reply.with("WWW-Authenticate", self.challenge.clone()),
        )
    }

    fn proof(&self, name: &str, password: &str) -> [u8; 32] {
        let length = (name.len() as u64).to_be_bytes();
        let hash = Sha256::new().chain_update(self.key).chain_update(length);
        hash.chain_update(name)
            .chain_update(password)
            .finalize()
            .into()
    }

    fn is_proven(&self, proof: &[u8; 32]) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven
            .get(proof)
            .is_some_and(|when| when.elapsed() < REMEMBERED)
    }

    /// Takes as long for a name that there is not.
    async fn prove(&self, name: &str, password: String, proof: [u8; 32]) -> bool {
        let known = self.users.get(name);
        let hash = known.map_or(NOBODY, String::as_str).to_owned();
        let Ok(_turn) = self.turn.acquire().await else {
            return false;
        };
        let verified = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash));
        let is_right = known.is_some() && matches!(verified.await, Ok(Ok(true)));
        if is_right {
            let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
            if proven.len() >= MOST {
                proven.retain(|_, when| when.elapsed() < REMEMBERED);
            }
            if proven.len() < MOST {
                proven.insert(proof, Instant::now());
            }
        }
        is_right
    }
}

/// A name and a password (RFC 7617 §2).
fn credentials(request: &RequestHeader) -> Option<(String, String)> {
    let value = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn basic() -> Basic {
        let directory = tempfile::tempdir().unwrap();
        let users = directory.path().join("users");
        let hash = bcrypt::hash("secret", 4).unwrap();
        std::fs::write(&users, format!("ada:{hash}\n")).unwrap();
        Basic::new(&towpath_conf::BasicAuth {
            users,
            realm: "here".to_owned(),
            pass: false,
        })
        .unwrap()
    }

    async fn judged(basic: &Basic, authorization: &str) -> Result<Vec<u8>, String> {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        request
            .insert_header("Authorization", authorization)
            .unwrap();
        request.insert_header("X-Forwarded-User", "root").unwrap();
        match basic.judge(&request).await {
            Verdict::Pass(identity) => {
                identity.write(&mut request).unwrap();
                let mut wire = Vec::new();
                request.header_to_h1_wire(&mut wire);
                Ok(wire)
            }
            Verdict::Answer(_, reply) => Err(reply.field("WWW-Authenticate").unwrap().to_owned()),
            Verdict::Refuse(refusal) => Err(refusal.reason().to_owned()),
        }
    }

    fn encoded(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[tokio::test]
    async fn the_backend_is_told_a_name_that_was_proven() {
        let basic = basic();
        for _ in 0..2 {
            let wire = judged(&basic, &encoded("ada:secret")).await.unwrap();
            assert_eq!(wire, b"x-forwarded-user: ada\r\n");
        }
        assert_eq!(basic.proven.lock().unwrap().len(), 1, "remembered");
    }

    #[tokio::test]
    async fn whatever_else_is_said_is_answered_with_the_question() {
        let basic = basic();
        let bearer = format!("Bearer {}", STANDARD.encode("ada:secret"));
        for wrong in [
            &*encoded("ada:wrong"),
            &encoded("bob:secret"),
            &encoded("ada"),
            "Basic !",
            "Basic",
            &bearer,
        ] {
            let asked = judged(&basic, wrong).await.unwrap_err();
            assert_eq!(asked, "Basic realm=\"here\", charset=\"UTF-8\"", "{wrong}");
        }
        assert!(basic.proven.lock().unwrap().is_empty());
    }

    #[test]
    fn the_hash_of_nobody_is_one() {
        assert!(bcrypt::verify("x", NOBODY).is_ok());
    }
}
