#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

#[test]
fn an_answer_is_a_script() {
    for (index, payload, script) in [
        ("0", "2:4a", r#"___eio[0]("2:4a");"#),
        ("12", "4a\u{1e}4b", r#"___eio[12]("4a\u001e4b");"#),
        ("", "6", r#"___eio[]("6");"#),
        ("1](alert)//", r#"4"\"#, r#"___eio[1]("4\"\\");"#),
        (
            "0",
            "4a\n\u{2028}\u{2029}€\u{7f}",
            "___eio[0](\"4a\\n\\u2028\\u2029€\u{7f}\");",
        ),
    ] {
        let written = Callback::of(index).script(payload.as_bytes());
        assert_eq!(written, script, "{index} {payload:?}");
    }
}

#[test]
fn a_payload_comes_in_a_form() {
    for (form, payload) in [
        ("d=4%3A4abc", "4:4abc"),
        ("x=1&d=a%2Bb+c&y", "a+b c"),
        ("d=", ""),
        (r"d=1\n2", "1\n2"),
        (r"d=1\\n2", r"1\n2"),
        (r"d=1\\\n2", r"1\\n2"),
        (r"d=\n\\n\a\", "\n\\n\\a\\"),
        ("d=n%5Cn%5c%5cn", "n\n\\n"),
    ] {
        assert_eq!(super::payload(form.as_bytes()).unwrap(), payload, "{form}");
    }
}

#[test]
fn a_form_without_the_one_payload_is_refused() {
    for form in [&b""[..], b"e=1", b"D=1", b"d=1&d=2", b"d=\xff"] {
        assert!(payload(form).is_err(), "{form:?}");
    }
}

/// What the client's script does before it submits the form.
fn submitted(payload: &str) -> String {
    let escaped = payload.replace("\\n", "\\\n").replace('\n', "\\n");
    let encode = |byte: u8| format!("%{byte:02X}");
    format!("d={}", escaped.bytes().map(encode).collect::<String>())
}

/// A backslash before a line end is the one thing that the escapes cannot say; JSON has no bare line ends.
fn sayable() -> impl Strategy<Value = String> {
    let any = "[\\\\n\n\"%+&=a€]{0,16}";
    any.prop_filter("sayable", |payload| !payload.contains("\\\n"))
}

proptest! {
    #[test]
    fn a_payload_survives_the_form(sent in sayable()) {
        let got = payload(submitted(&sent).as_bytes()).unwrap();
        prop_assert_eq!(got, sent);
    }

    #[test]
    fn a_payload_survives_the_script(sent in any::<String>()) {
        let script = Callback::of("7").script(sent.as_bytes());
        let json = script.strip_prefix(b"___eio[7](").unwrap().strip_suffix(b");").unwrap();
        prop_assert_eq!(serde_json::from_slice::<String>(json).unwrap(), sent);
    }
}
