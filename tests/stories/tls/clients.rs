//! Certificates of clients.

use super::{STATUS, Secure};

/// Arguments for curl.
fn as_client(pair: &harness::KeyFiles) -> [String; 4] {
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    [
        "--cert".to_owned(),
        certificate.to_string(),
        "--key".to_owned(),
        key.to_string(),
    ]
}

/// A proxy that asks clients for certificates of its own authority.
async fn asking(required: &str, route: &str) -> Secure {
    let authority = harness::Authority::new();
    let backend = harness::HttpBackend::mirror().await;
    let pair = authority.server("site", &["localhost", "chat.test"]);
    let ca = authority.certificate();
    let tls = format!(
        "client_certificates: {{ ca: {}, required: {required} }}",
        ca.display()
    );
    let config = super::yaml(&pair.yaml(), &tls, backend.address(), route);
    let towpath = harness::Towpath::start(&config).await;
    Secure {
        authority,
        towpath,
        _backend: backend,
    }
}

#[tokio::test]
async fn nobody_comes_in_without_one_where_that_is_required() {
    let secure = asking("on", "").await;
    let refused = secure.curl_fails("chat.test", "/", &["--http1.1"]).await;
    assert!(refused.contains("certificate required"), "{refused}");
    let stranger = harness::Authority::new().client("Mallory");
    let arguments = as_client(&stranger);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    secure.curl_fails("chat.test", "/", &arguments).await;
    let ada = as_client(&secure.authority.client("Ada"));
    let ada: Vec<_> = ada.iter().map(String::as_str).collect();
    let seen = secure.curl("chat.test", "/", &ada).await;
    assert!(seen.contains("x-forwarded-client-cert: Hash="), "{seen}");
}

/// B2: who a client is, is what its certificate says, and nothing that it says itself.
#[tokio::test]
async fn the_backend_is_told_who_it_is() {
    let secure = asking("off", "").await;
    let forged = [
        "--header",
        "X-Forwarded-Client-Cert: Subject=\"CN=root\"",
        "--header",
        "X_Forwarded_Client_Cert: Subject=\"CN=root\"",
        "--header",
        "Client-Cert: :cm9vdA==:",
    ];
    for version in ["--http1.1", "--http2"] {
        let nobody = secure
            .curl("chat.test", "/", &[&forged[..], &[version]].concat())
            .await;
        assert!(!nobody.to_lowercase().contains("cert"), "{nobody}");
        let ada = as_client(&secure.authority.client("Ada"));
        let ada = ada
            .iter()
            .map(String::as_str)
            .chain(forged)
            .chain([version]);
        let seen = secure
            .curl("chat.test", "/", &ada.collect::<Vec<_>>())
            .await;
        let told: Vec<_> = seen
            .lines()
            .filter(|line| line.contains("cert: "))
            .collect();
        assert_eq!(told.len(), 2, "{seen}");
        assert!(seen.contains(";Subject=\"CN=Ada\"\n"), "{seen}");
        assert!(seen.contains("\nclient-cert: :MII"), "{seen}");
    }
}

#[tokio::test]
async fn a_route_may_demand_one_where_others_do_not() {
    let secure = asking("off", "tls: { client_certificate: on }").await;
    assert_eq!(secure.curl("chat.test", "/", &STATUS).await, "403 over 2");
    let ada = as_client(&secure.authority.client("Ada"));
    let ada: Vec<_> = ada.iter().map(String::as_str).chain(STATUS).collect();
    assert_eq!(secure.curl("chat.test", "/", &ada).await, "200 over 2");
    // A15: a connection that was opened to another name proves nothing for this one.
    let other = [&ada[..], &["--header", "Host: other.test"]].concat();
    assert_eq!(secure.curl("chat.test", "/", &other).await, "421 over 2");
}
