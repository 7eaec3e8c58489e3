//! How a session is opened (§1, §2).

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde_json::{Value, json};

use super::exchange::Exchange;
use crate::random::Random;

/// A session to be opened, or one attempt of it to be repeated: it keeps its nonce.
#[derive(Clone, Debug)]
pub struct Opening {
    path: String,
    nonce: String,
    protocols: Vec<String>,
    stream: bool,
    pub(super) fields: Vec<(String, String)>,
}

/// What `open` said about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the document's own words")]
pub struct Opened {
    pub token: String,
    pub protocol: String,
    pub wait: u64,
    pub resume: u64,
    pub max_body: u64,
    pub max_message: u64,
    pub buffer: u64,
    pub spacing: u64,
    pub stream: bool,
}

impl Opening {
    /// For a WebSocket's path and query.
    pub fn new(path: &str) -> Self {
        let mut random = Random::fresh();
        let nonce = [random.number().to_be_bytes(), random.number().to_be_bytes()].concat();
        Self {
            path: path.to_owned(),
            nonce: URL_SAFE_NO_PAD.encode(nonce),
            protocols: Vec::new(),
            stream: false,
            fields: Vec::new(),
        }
    }

    /// Offers subprotocols.
    pub fn protocols(mut self, names: &[&str]) -> Self {
        self.protocols = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Asks for leave to ask for streams (§7).
    pub fn streams(self) -> Self {
        let stream = true;
        Self { stream, ..self }
    }

    /// Adds a field to this and all later requests of the session.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where an endpoint of this path is.
    pub fn endpoint(&self, name: &str) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let (path, slash) = match path.strip_suffix('/') {
            Some(path) => (path, "/"),
            None => (path, ""),
        };
        let query = match (name, query) {
            ("open", query) if !query.is_empty() => format!("?{query}"),
            _ => String::new(),
        };
        format!("{path}/~towpath/1/{name}{slash}{query}")
    }

    /// What is asked.
    pub fn body(&self) -> Value {
        json!({ "towpath": 1, "nonce": self.nonce, "protocols": self.protocols, "stream": self.stream })
    }

    /// One attempt: the answer's fields, and what it says.
    pub async fn ask(&self, address: SocketAddr) -> (HeaderMap, Value) {
        let mut exchange = Exchange::new(address, &self.fields);
        let reply = exchange
            .post(
                &self.endpoint("open"),
                self.body().to_string().into(),
                crate::DEADLINE,
            )
            .await
            .unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        (reply.fields, serde_json::from_slice(&reply.body).unwrap())
    }

    /// One attempt, unless something between here and the proxy has answered or nobody did.
    pub(super) async fn attempt(&self, exchange: &mut Exchange) -> Option<Value> {
        let body = self.body().to_string().into_bytes();
        let patience = Duration::from_secs(20);
        let reply = exchange
            .post(&self.endpoint("open"), body, patience)
            .await
            .ok()?;
        assert!(
            !matches!(reply.status, 403 | 404),
            "no session here: {} {:?}",
            reply.status,
            reply.body
        );
        let answer: Value = serde_json::from_slice(&reply.body).ok()?;
        (reply.status == 200 && answer["towpath"] == 1).then_some(answer)
    }
}

impl Opened {
    /// Reads a good answer.
    pub fn read(answer: &Value) -> Self {
        assert_eq!(answer["status"], "ok", "{answer}");
        let number = |name: &str| {
            answer[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {answer}"))
        };
        let text = |name: &str| {
            let text = answer[name].as_str();
            text.unwrap_or_else(|| panic!("{name}: {answer}"))
                .to_owned()
        };
        let token = text("token");
        assert!(
            (1..256).contains(&token.len()) && token.is_ascii(),
            "{answer}"
        );
        Self {
            token,
            protocol: text("protocol"),
            wait: number("wait"),
            resume: number("resume"),
            max_body: number("max_body"),
            max_message: number("max_message"),
            buffer: number("buffer"),
            spacing: number("spacing"),
            stream: answer["stream"]
                .as_bool()
                .unwrap_or_else(|| panic!("{answer}")),
        }
    }
}
