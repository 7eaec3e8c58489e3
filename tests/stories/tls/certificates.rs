//! Which certificate a client gets, and when another one comes into force.

use harness::{Authority, HttpBackend, KeyFiles, NOBODY, Towpath, echo, s_client, within};

use super::yaml;

/// The name in the certificate that a client gets which asks for `name`.
async fn gets(towpath: &Towpath, name: &str) -> String {
    let named = match name {
        "" => vec!["-noservername"],
        name => vec!["-servername", name],
    };
    let said = s_client(towpath.address(), &named).await;
    let subject = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("subject=CN = "));
    subject
        .unwrap_or_else(|| panic!("no subject in {said}"))
        .to_owned()
}

#[tokio::test]
async fn it_is_chosen_by_the_name_that_the_client_asks_for() {
    let authority = Authority::new();
    let more = |pair: KeyFiles| format!("{{ {} }}", pair.yaml());
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {}, more: [{}, {}] }} }}]\nroutes: [{{ upstream: {NOBODY} }}]",
        authority.server("default", &["default.test"]).yaml(),
        more(authority.server("wildcard", &["*.example.com"])),
        more(authority.server("exact", &["chat.example.com", "other.test"])),
    ))
    .await;
    for (name, expected) in [
        ("default.test", "default"),
        ("chat.example.com", "exact"),
        ("other.test", "exact"),
        ("app.example.com", "wildcard"),
        ("a.app.example.com", "default"),
        ("unknown.test", "default"),
        ("", "default"),
    ] {
        assert_eq!(gets(&towpath, name).await, expected, "{name:?}");
    }
}

/// The file itself is watched: nobody has to send a signal, and nobody is cut off.
#[tokio::test]
async fn a_changed_file_is_read_again_and_nobody_notices() {
    let authority = Authority::new();
    let before = authority.server("before", &["localhost"]);
    let after = authority.server("after", &["localhost"]);
    let backend = harness::TungstenitePeer::start().await;
    let config = yaml(&before.yaml(), "", backend.address(), "");
    let plain = config.replace("listeners: [", "listeners: [{ address: \"[::1]:0\" }, ");
    let towpath = Towpath::start(&plain).await;
    let listening = towpath.listening();
    let mut talking = harness::open(listening[0], "/echo").await;
    let secure = listening[1];
    let subject = |said: &str| said.contains("subject=CN = after");
    assert!(!subject(&s_client(secure, &[]).await));
    std::fs::copy(&after.certificate, &before.certificate).unwrap();
    std::fs::copy(&after.key, &before.key).unwrap();
    towpath.wait_log("configuration reloaded").await;
    within("the new certificate", async {
        while !subject(&s_client(secure, &[]).await) {}
    })
    .await;
    assert_eq!(echo(&mut talking, "still here").await, "still here");
}

#[tokio::test]
async fn a_file_that_is_no_use_changes_nothing() {
    let authority = Authority::new();
    let pair = authority.server("site", &["localhost"]);
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&yaml(&pair.yaml(), "", backend.address(), "")).await;
    std::fs::write(&pair.certificate, "nothing").unwrap();
    let rejected = towpath.wait_log("configuration rejected").await;
    let error = rejected["error"].as_str().unwrap();
    assert!(error.contains("listeners[0].tls.certificate: "), "{error}");
    assert!(error.contains("has no certificate in it"), "{error}");
    assert_eq!(gets(&towpath, "localhost").await, "site");
}
