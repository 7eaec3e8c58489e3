//! The command line: what it prints, and with what code it ends.

use harness::{NOBODY, Towpath, run};

const MISTAKES: &str = "\
listeners:
  - adress: 127.0.0.1:8080
routes:
  - path: ws
    upstream: 127.0.0.1:3000
  - upstream: 127.0.0.1:3000
    websocket: { ping: 30 }
";

#[tokio::test]
async fn check_prints_every_mistake_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.yaml");
    std::fs::write(&file, MISTAKES).unwrap();
    for verb in ["check", "validate"] {
        let (code, _, errors) = run(&[verb, file.to_str().unwrap()], "").await;
        assert_eq!(code, Some(1));
        let errors: Vec<&str> = errors.lines().collect();
        let places = [
            "bad.yaml:2:5: listeners[0].adress",
            "bad.yaml:4:11: routes[0].path",
            "bad.yaml:7:24: routes[1].websocket.ping",
        ];
        assert_eq!(errors.len(), places.len(), "{errors:#?}");
        for (error, place) in errors.iter().zip(places) {
            assert!(error.contains(place), "{error}");
        }
    }
}

#[tokio::test]
async fn check_says_that_a_file_is_good() {
    let (code, said, _) = run(
        &["check", "-"],
        &format!("routes: [{{ upstream: {NOBODY} }}]"),
    )
    .await;
    assert_eq!((code, said.as_str()), (Some(0), "-: ok\n"));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    for verb in ["check", "run"] {
        let (code, _, errors) = run(&[verb, "-c", "/nowhere/towpath.yaml"], "").await;
        assert_eq!(code, Some(1));
        assert!(errors.contains("/nowhere/towpath.yaml"), "{errors}");
    }
}

#[tokio::test]
async fn run_does_not_start_with_a_bad_file() {
    let (code, said, errors) = run(&["run", "-c", "-"], MISTAKES).await;
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert_eq!(errors.lines().count(), 3, "{errors}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let config =
        format!("listeners: [{{ address: {address} }}]\nroutes: [{{ upstream: {NOBODY} }}]");
    let (code, _, errors) = run(&["run", "-c", "-"], &config).await;
    assert_eq!(code, Some(1));
    assert!(
        errors.contains(&format!("cannot listen on {address}: the port is taken")),
        "{errors}"
    );
}

#[tokio::test]
async fn a_directory_is_one_configuration() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("10-routes.yaml"),
        "routes: [{ upstream: app }]",
    )
    .unwrap();
    let upstreams = format!("upstreams: {{ app: {{ servers: [\"{NOBODY}\"] }} }}");
    std::fs::write(directory.path().join("20-upstreams.yaml"), upstreams).unwrap();
    let (code, said, errors) = run(&["check", directory.path().to_str().unwrap()], "").await;
    assert_eq!(code, Some(0), "{said}{errors}");
}

#[tokio::test]
async fn the_schema_is_json_that_knows_the_keys() {
    let (code, said, _) = run(&["schema"], "").await;
    let schema: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(0));
    assert!(schema["properties"]["routes"].is_object(), "{said}");
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    let (code, said, _) = run(&["--help"], "").await;
    assert_eq!(code, Some(0));
    for verb in ["run", "check", "schema", "demo", "version"] {
        assert!(said.contains(&format!("\n  {verb} ")), "{said}");
    }
    let (code, said, _) = run(&["version"], "").await;
    assert_eq!(
        (code, said),
        (Some(0), format!("towpath {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[tokio::test]
async fn wrong_usage_is_64() {
    for arguments in [&["frobnicate"][..], &[], &["run", "--frob"]] {
        let (code, said, errors) = run(arguments, "").await;
        assert_eq!((code, said.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(errors.contains("Usage: towpath"), "{errors}");
    }
}

/// Port 0 takes any free port, and the log says which: this is how all stories here find it.
#[tokio::test]
async fn the_log_says_where_it_really_listens() {
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {NOBODY} }}]")).await;
    assert_ne!(towpath.address().port(), 0);
    assert_eq!(towpath.get("/", &[]).await.0, 502);
}
