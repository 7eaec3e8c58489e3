//! The cases are those of W3C's own test suite (w3c/trace-context, `test/test.py`).
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const TRACE: &str = "12345678901234567890123456789012";

fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
    let lines = lines
        .iter()
        .map(|line| (name.clone(), line.parse().unwrap()));
    lines.collect()
}

fn context(lines: &[&str]) -> Option<Context> {
    Context::of(&headers(&TRACEPARENT, lines))
}

/// The members that are left of a `tracestate`.
fn kept(lines: &[&str]) -> Option<String> {
    state(&headers(&TRACESTATE, lines)).map(|state| state.header())
}

#[test]
fn a_valid_context_is_continued() {
    for text in [
        "00-12345678901234567890123456789012-1234567890123456-01",
        " 00-12345678901234567890123456789012-1234567890123456-01",
        "\t 00-12345678901234567890123456789012-1234567890123456-01 \t",
        "cc-12345678901234567890123456789012-1234567890123456-01",
        "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
    ] {
        let context = context(&[text]).unwrap_or_else(|| panic!("refused: {text:?}"));
        assert_eq!(context.trace.to_string(), TRACE, "{text:?}");
        assert_eq!(context.span.to_string(), "1234567890123456", "{text:?}");
        assert!(context.flags.is_sampled(), "{text:?}");
    }
}

#[test]
fn one_that_is_not_valid_is_none() {
    for text in [
        "00-12345678901234567890123456789012-1234567890123456-01.",
        "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "00-12345678901234567890123456789012-1234567890123456-01-",
        "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like",
        "ff-12345678901234567890123456789012-1234567890123456-01",
        ".0-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01",
        "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01",
        "0-12345678901234567890123456789012-1234567890123456-01",
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-.2345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01",
        "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        "00-12345678901234567890123456789012-.234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345.-01",
        "00-12345678901234567890123456789012-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-01",
        "00-12345678901234567890123456789012-1234567890123456-.0",
        "00-12345678901234567890123456789012-1234567890123456-0.",
        "00-12345678901234567890123456789012-1234567890123456-001",
        "00-12345678901234567890123456789012-1234567890123456-1",
        "00-A2345678901234567890123456789012-1234567890123456-01",
        "00-12345678901234567890123456789012_1234567890123456-01",
        "",
    ] {
        assert_eq!(context(&[text]), None, "{text:?}");
    }
    assert_eq!(context(&[]), None);
}

#[test]
fn two_lines_are_none() {
    let lines = [
        "00-12345678901234567890123456789011-1234567890123456-01",
        "00-12345678901234567890123456789012-1234567890123456-01",
    ];
    assert_eq!(context(&lines), None);
}

#[test]
fn of_the_flags_those_with_a_meaning_are_kept() {
    let written = |flags: &str| {
        let text = format!("00-{TRACE}-1234567890123456-{flags}");
        context(&[&text]).unwrap().to_value().unwrap()
    };
    for (given, expected) in [("00", "00"), ("01", "01"), ("02", "02"), ("ff", "03")] {
        assert_eq!(
            written(given),
            format!("00-{TRACE}-1234567890123456-{expected}")
        );
    }
}

#[test]
fn what_is_written_has_all_its_zeros() {
    let context = Context {
        trace: TraceId::from(0xa_u128),
        span: SpanId::from(0xb_u64),
        flags: TraceFlags::SAMPLED,
    };
    let expected = "00-0000000000000000000000000000000a-000000000000000b-01";
    assert_eq!(context.to_value().unwrap(), expected);
    assert_eq!(super::Context::parse(expected.as_bytes()), Some(context));
}

#[test]
fn a_state_is_kept_in_its_order() {
    for (lines, expected) in [
        (&["foo=1,bar=2"][..], "foo=1,bar=2"),
        (&["foo=1", ""], "foo=1"),
        (&["", "foo=1"], "foo=1"),
        (
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            "foo=1,bar=2,rojo=1,congo=2,baz=3",
        ),
        (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (&["\t foo=1 \t"], "foo=1"),
        (&["foo=1,foo=2"], "foo=1,foo=2"),
        (
            &["a-z0-9_-*/=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"],
            "a-z0-9_-*/=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
        ),
        (&["fw529a3039@dt=FfAAAAAAAAA"], "fw529a3039@dt=FfAAAAAAAAA"),
        (&[""], ""),
    ] {
        assert_eq!(kept(lines).as_deref(), Some(expected), "{lines:?}");
    }
}

#[test]
fn a_state_that_breaks_the_rules_is_dropped() {
    let many = |count: usize| {
        let members = (0..count).map(|n| format!("bar{n:02}={n:02}"));
        members.collect::<Vec<_>>().join(",")
    };
    let long = |length: usize| format!("{}=1", "z".repeat(length));
    for text in [
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1,bar=2",
        "foo=bar=baz",
        "foo=,bar=3",
        "foo",
        "=1",
        &many(33),
        &long(257),
    ] {
        assert_eq!(kept(&["a=1", text]), None, "{text:?}");
    }
    for text in [
        many(32),
        long(256),
        "foo@=1,foo@@bar=1".to_owned(),
        format!("t@{}=1", "v".repeat(15)),
    ] {
        assert!(kept(&[&text]).is_some(), "{text:?}");
    }
}
