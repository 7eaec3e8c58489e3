//! The Debian package: built of the program under test, unpacked, and looked at.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::{binary, made, tool};
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::{files, names, root};

/// An unpacked package.
struct Package {
    /// What it installs.
    files: PathBuf,
    /// What dpkg reads of it.
    control: PathBuf,
}

/// Built once for all stories.
async fn package() -> &'static Package {
    static PACKAGE: OnceCell<Package> = OnceCell::const_new();
    PACKAGE.get_or_init(build).await
}

async fn build() -> Package {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(home.join("release")).unwrap();
    // As if it were a release; its symbols would take most of the time.
    let release = home.join("release/towpath");
    tool(Command::new("strip").arg("-o").args([&release, binary()])).await;
    let mut script = Command::new(root().join("proxy/packaging/build-deb"));
    script.env("CARGO_TARGET_DIR", &home);
    script.env("CARGO_DEB", made("cargo-deb").join("bin/cargo-deb"));
    let (said, _) = tool(script.args(["--fast", "--offline"])).await;
    let package = Package {
        files: home.join("files"),
        control: home.join("control"),
    };
    for (option, to) in [("-x", &package.files), ("-e", &package.control)] {
        tool(Command::new("dpkg-deb").args([option, said.trim()]).arg(to)).await;
    }
    package
}

#[tokio::test]
async fn everything_is_in_its_place() {
    let package = package().await;
    let files = files(&package.files);
    let there: Vec<_> = files.iter().map(|it| it.to_str().unwrap()).collect();
    let (generated, others): (Vec<_>, Vec<_>) = there
        .into_iter()
        .partition(|it| it.starts_with("usr/share/man/") || it.contains("/examples/"));
    let expected = [
        "etc/towpath/towpath.yaml",
        "usr/bin/towpath",
        "usr/lib/systemd/system/towpath.service",
        "usr/lib/sysusers.d/towpath.conf",
        "usr/share/bash-completion/completions/towpath",
        "usr/share/doc/towpath/CHANGELOG.md",
        "usr/share/doc/towpath/CLI.md",
        "usr/share/doc/towpath/OPERATIONS.md",
        "usr/share/doc/towpath/REFERENCE.md",
        "usr/share/doc/towpath/copyright",
        "usr/share/doc/towpath/towpath.schema.json",
        "usr/share/fish/vendor_completions.d/towpath.fish",
        "usr/share/towpath/towpath.schema.json",
        "usr/share/zsh/vendor-completions/_towpath",
    ];
    assert_eq!(others, expected);
    for file in [
        "man/man1/towpath.1.gz",
        "man/man1/towpath-run.1.gz",
        "doc/towpath/examples/fastapi.yaml",
    ] {
        let file = format!("usr/share/{file}");
        assert!(
            generated.contains(&file.as_str()),
            "no {file}: {generated:#?}"
        );
    }
    let examples = names(&root().join("conf/examples"));
    let packaged = names(&package.files.join("usr/share/doc/towpath/examples"));
    for example in examples {
        assert!(packaged.contains(&example), "no {example}: {packaged:?}");
    }
}

/// So that what an operator has written there is never overwritten.
#[tokio::test]
async fn the_configuration_is_the_operators() {
    let conffiles = std::fs::read_to_string(package().await.control.join("conffiles")).unwrap();
    assert_eq!(conffiles.trim(), "/etc/towpath/towpath.yaml");
}

#[tokio::test]
async fn the_program_in_it_takes_the_configuration_in_it() {
    let package = package().await;
    let program = package.files.join("usr/bin/towpath");
    let config = package.files.join("etc/towpath/towpath.yaml");
    let mode = std::fs::metadata(&program).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let (said, _) = tool(Command::new(program).arg("check").arg(&config)).await;
    assert_eq!(said, format!("{}: ok\n", config.display()));
}

#[tokio::test]
async fn it_says_what_it_needs_and_whose_it_is() {
    let control = std::fs::read_to_string(package().await.control.join("control")).unwrap();
    let field = |name: &str| {
        let mut lines = control.lines();
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .unwrap_or_default()
    };
    assert_eq!(field("Package"), "towpath");
    assert!(
        field("Version").starts_with(env!("CARGO_PKG_VERSION")),
        "{control}"
    );
    assert!(field("Depends").contains("libc6"), "{control}");
    assert!(
        field("Depends").contains("systemd-standalone-sysusers"),
        "{control}"
    );
    let copyright = package()
        .await
        .files
        .join("usr/share/doc/towpath/copyright");
    let copyright = std::fs::read_to_string(copyright).unwrap();
    for license in ["MIT", "Apache"] {
        assert!(copyright.contains(license), "{copyright}");
    }
}

/// It makes its user, begins nothing, and ends nothing when a newer version comes.
#[tokio::test]
async fn its_scripts_make_the_user_and_leave_the_service_alone() {
    let control = &package().await.control;
    let script = |name: &str| std::fs::read_to_string(control.join(name)).unwrap_or_default();
    let after = script("postinst");
    assert!(after.contains("systemd-sysusers"), "{after}");
    assert!(
        !after.contains("deb-systemd-invoke"),
        "it starts or restarts: {after}"
    );
    let before_removal = script("prerm");
    assert!(
        before_removal.contains("deb-systemd-invoke stop"),
        "{before_removal}"
    );
    assert!(before_removal.contains("remove"), "{before_removal}");
    for name in ["postinst", "prerm", "postrm"] {
        tool(Command::new("sh").arg("-n").arg(control.join(name))).await;
    }
}

/// With the program of the package in the place where it will be.
#[tokio::test]
async fn systemd_has_nothing_to_say_against_the_units() {
    let package = package().await;
    let program = package.files.join("usr/bin/towpath");
    let directory = tempfile::tempdir().unwrap();
    let unit = package.files.join("usr/lib/systemd/system/towpath.service");
    let text = std::fs::read_to_string(unit).unwrap();
    let text = text.replace("/usr/bin/towpath", program.to_str().unwrap());
    let service = directory.path().join("towpath.service");
    std::fs::write(&service, text).unwrap();
    let socket = directory.path().join("towpath.socket");
    let examples = package.files.join("usr/share/doc/towpath/examples");
    std::fs::copy(examples.join("towpath.socket"), &socket).unwrap();

    let mut verify = Command::new("systemd-analyze");
    verify
        .args(["verify", "--man=no"])
        .args([&service, &socket]);
    let (said, complaints) = tool(&mut verify).await;
    assert_eq!((said.as_str(), complaints.as_str()), ("", ""));
    // Of 100; what is left are the network, low ports, and that generations speak for each other.
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=yes", "--threshold=20"]);
    tool(security.arg(&service)).await;
}

#[tokio::test]
async fn its_user_can_be_made() {
    let system = tempfile::tempdir().unwrap();
    std::fs::create_dir(system.path().join("etc")).unwrap();
    let users = package()
        .await
        .files
        .join("usr/lib/sysusers.d/towpath.conf");
    let mut sysusers = Command::new("systemd-sysusers");
    sysusers
        .arg(format!("--root={}", system.path().display()))
        .arg("--replace=/usr/lib/sysusers.d/towpath.conf");
    tool(sysusers.arg(&users)).await;
    let users = std::fs::read_to_string(system.path().join("etc/passwd")).unwrap();
    let user = users.lines().find(|line| line.starts_with("towpath:"));
    assert!(user.is_some_and(|it| it.ends_with("nologin")), "{users}");
}
