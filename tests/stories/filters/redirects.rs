//! Routes that lead elsewhere.

use harness::Towpath;

use super::{Way, heard};

#[tokio::test]
async fn the_client_is_told_where() {
    let towpath = Towpath::start(
        "routes:\n\
         \x20 - { path: /, redirect: https }\n\
         \x20 - { path: /old, redirect: { to: \"/new{path}?from={host}\", status: 302 } }\n\
         \x20 - { path: /there, redirect: \"https://there.test{uri}\" }",
    )
    .await;
    for way in [Way::Plain, Way::Upgrade] {
        for (target, status, location) in [
            ("/a?b=c", 308, "https://chat.test/a?b=c"),
            ("/old/x?y", 302, "/new/old/x?from=chat.test"),
            ("/there/%2e?q", 400, ""),
            ("/there/x?q", 308, "https://there.test/there/x?q"),
            ("//evil.test/", 308, "https://chat.test//evil.test/"),
        ] {
            let (head, _) = heard(&towpath, way, target, "").await;
            assert_eq!(head.status(), status, "{way:?} {target}");
            assert_eq!(
                head.value("location").unwrap_or_default(),
                location,
                "{way:?} {target}"
            );
        }
    }
}
