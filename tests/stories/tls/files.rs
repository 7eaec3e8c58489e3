//! Files that are no use: `check` says which, where it is named, and why.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use harness::{Authority, NOBODY, Towpath, command};

#[tokio::test]
async fn each_is_named_with_what_is_wrong_with_it() {
    let authority = Authority::new();
    let (pair, other) = (
        authority.server("site", &["a.test"]),
        authority.server("other", &["b.test"]),
    );
    let directory = authority.directory();
    std::fs::write(directory.join("rubbish.pem"), "rubbish").unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(directory.join("broken.pem"), broken).unwrap();
    let listener =
        |port: u16, tls: String| format!("  - {{ address: 127.0.0.1:{port}, tls: {{ {tls} }} }}\n");
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    let at = |file: &str| directory.join(file).display().to_string();
    let cases = [
        (
            format!("certificate: {}, key: {key}", at("missing.pem")),
            "tls.certificate: `missing.pem`: cannot be read: No such file or directory (os error 2)",
        ),
        (
            format!("certificate: {}, key: {key}", at("rubbish.pem")),
            "tls.certificate: `rubbish.pem`: has no certificate in it",
        ),
        (
            format!("certificate: {}, key: {key}", at("broken.pem")),
            "tls.certificate: `broken.pem`: has a certificate in it that is not valid X.509",
        ),
        (
            format!("certificate: {certificate}, key: {}", at("rubbish.pem")),
            "tls.key: `rubbish.pem`: has no private key in it",
        ),
        (
            format!("certificate: {certificate}, key: {}", other.key.display()),
            "tls.key: `other.key`: is the key of another certificate than that in `site.pem`",
        ),
        (
            format!(
                "certificate: {certificate}, key: {key}, more: [{{ certificate: {certificate}, key: {} }}]",
                at("missing.key")
            ),
            "tls.more[0].key: `missing.key`: cannot be read: No such file or directory (os error 2)",
        ),
        (
            format!(
                "certificate: {certificate}, key: {key}, client_certificates: {{ ca: {} }}",
                at("broken.pem")
            ),
            "tls.client_certificates.ca: `broken.pem`: has a certificate in it that is not valid X.509",
        ),
    ];
    let listeners: String = (8001..)
        .zip(&cases)
        .map(|(port, (tls, _))| listener(port, tls.clone()))
        .collect();
    let config = directory.join("towpath.yaml");
    std::fs::write(
        &config,
        format!("listeners:\n{listeners}routes: [{{ upstream: 127.0.0.1:1 }}]\n"),
    )
    .unwrap();
    let output = command(["check", config.to_str().unwrap()])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.replace(&format!("{}/", directory.display()), "");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), cases.len(), "{said}");
    for (index, (line, (_, expected))) in lines.iter().zip(&cases).enumerate() {
        let (place, message) = line.split_once(": ").unwrap();
        assert!(
            place.starts_with(&format!("towpath.yaml:{}:", index + 2)),
            "{line}"
        );
        assert_eq!(message, format!("listeners[{index}].{expected}"));
    }
}

/// E8.
#[tokio::test]
async fn a_key_that_everybody_can_read_is_a_warning() {
    let authority = Authority::new();
    let pair = authority.server("site", &["a.test"]);
    let config = format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\nroutes: [{{ upstream: {NOBODY} }}]",
        pair.yaml()
    );
    let warning = "everybody on this machine can read this secret";
    let towpath = Towpath::start(&config).await;
    assert!(towpath.logged(warning).is_empty());
    std::fs::set_permissions(&pair.key, Permissions::from_mode(0o644)).unwrap();
    let towpath = Towpath::start(&config).await;
    let warned = towpath.wait_log(warning).await;
    assert_eq!(warned["file"], pair.key.display().to_string());
}
