//! Socket.IO's and Engine.IO's own clients, unchanged, before servers that take WebSockets alone. Every client tries the
//! same things twice: directly, at a server that lets it poll, and through Towpath, at one that does not.

mod backends;
mod browsers;
mod bursts;
mod clients;
mod ends;
mod engine;
mod python;

use harness::{Checks, Peer, Towpath, checklist};
use serde_json::{Value, json};

/// A server, and where its clients connect: to itself, or to Towpath.
struct Site {
    server: Peer,
    towpath: Option<Towpath>,
    base: String,
    /// The server itself, which keeps the records.
    records: String,
}

impl Site {
    /// A server that its clients reach without anything between, and poll.
    fn direct(server: Peer) -> Self {
        let records = format!("http://{}", server.address());
        Self {
            server,
            towpath: None,
            base: records.clone(),
            records,
        }
    }

    /// Towpath before a server, with this word on Engine.IO.
    async fn carried(server: Peer, engine_io: &str) -> Self {
        let fallback = format!("{{ engine_io: {engine_io} }}");
        let route = format!(
            "{{ path: /, upstream: {}, fallback: {fallback} }}",
            server.address()
        );
        let towpath = Towpath::start(&format!("routes: [{route}]")).await;
        Self {
            base: format!("http://{}", towpath.address()),
            records: format!("http://{}", server.address()),
            server,
            towpath: Some(towpath),
        }
    }

    /// The socket.io server, both ways.
    async fn both(arguments: &[&str]) -> [Self; 2] {
        let polling = [arguments, &["--polling"]].concat();
        [
            Self::direct(Peer::node_with("socket_io/server.mjs", &polling).await),
            Self::carried(
                Peer::node_with("socket_io/server.mjs", arguments).await,
                "on",
            )
            .await,
        ]
    }

    /// What a checklist finds here. All of these take where their clients connect, and where the records are.
    async fn finds(&self, script: &str, arguments: &[&str]) -> Checks {
        checklist(script, &self.arguments(arguments)).await
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&[&*self.base, &*self.records], more].concat()
    }
}

/// What was found through Towpath is what was found directly; and each time that a client opened a connection, the
/// server saw one WebSocket for it, which had nothing of polling about it, and no polling.
fn are_alike(mut carried: Checks, mut direct: Checks) {
    let_chance_be_chance(&mut carried);
    let_chance_be_chance(&mut direct);
    direct.remove("records").unwrap();
    let records = carried.remove("records").unwrap();
    assert_eq!(carried, direct);
    for record in records.as_array().unwrap() {
        let opens = record["opens"].as_u64().unwrap();
        assert!(opens > 0, "a client that never got in: {record}");
        is_one_websocket(record, opens);
    }
}

/// A client whose heartbeat is on its way when the server closes may meet that as an error before it hears of the close,
/// with Towpath between them or not.
fn let_chance_be_chance(checks: &mut Checks) {
    for check in checks.values_mut() {
        replace(check, "transport error", "transport close");
    }
}

fn replace(value: &mut Value, text: &str, by: &str) {
    match value {
        Value::String(found) if found == text => *found = by.to_owned(),
        Value::Array(list) => list.iter_mut().for_each(|it| replace(it, text, by)),
        Value::Object(map) => map.values_mut().for_each(|it| replace(it, text, by)),
        _ => {}
    }
}

fn is_one_websocket(record: &Value, opens: u64) {
    assert_eq!(record["polls"], 0, "{record}");
    let handshakes = record["handshakes"].as_array().unwrap();
    assert_eq!(handshakes.len() as u64, opens, "{record}");
    for handshake in handshakes {
        let query = handshake.as_str().unwrap().split_once('?').unwrap().1;
        let parameters: Vec<&str> = query.split('&').collect();
        assert!(parameters.contains(&"transport=websocket"), "{query}");
        let of_polling = |it: &&str| {
            ["t=", "b64=", "j=", "sid="]
                .iter()
                .any(|key| it.starts_with(key))
        };
        assert!(!parameters.iter().any(of_polling), "{query}");
    }
}

/// What a client ends up with that may upgrade, or not.
fn ends_up(checks: &Checks, transport: &str) {
    assert_eq!(checks["the transport in the end"], json!(transport));
}
