#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn nothing() -> Query<'static> {
    Query {
        revision: Revision::V3,
        transport: Transport::Unknown,
        sid: None,
        cache_buster: None,
        base64: false,
        callback: None,
    }
}

#[test]
fn the_reserved_keys_are_found_among_the_apps_own() {
    let query = Query::parse("room=7&EIO=4&transport=polling&t=N8hyd6w&sid=lv_VI97HAXpY6yYWAAAC&x");
    assert_eq!(
        query,
        Query {
            revision: Revision::V4,
            transport: Transport::Polling,
            sid: Some("lv_VI97HAXpY6yYWAAAC".into()),
            cache_buster: Some("N8hyd6w".into()),
            ..nothing()
        }
    );
    assert_eq!(query.takes(), Form::Binary);
}

#[test]
fn what_is_not_there_has_a_meaning() {
    for raw in ["", "&&", "eio=4", "EIO=", "sid=&b64=&transport", "%sid=1"] {
        assert_eq!(Query::parse(raw), nothing(), "{raw}");
    }
}

#[test]
fn keys_and_values_may_be_escaped() {
    let query = Query::parse("%45IO=%34&trans%70ort=web%73ocket&s%69d=a%2Bb+c");
    assert_eq!(query.revision, Revision::V4);
    assert_eq!(query.transport, Transport::WebSocket);
    assert_eq!(query.sid.unwrap(), "a+b c");
}

#[test]
fn what_is_said_twice_is_known_to_nobody() {
    let query = Query::parse("EIO=4&EIO=4&transport=polling&transport=polling&sid=a&sid=b");
    assert_eq!(query.revision, Revision::V3);
    assert_eq!(query.transport, Transport::Unknown);
    assert_eq!(query.sid.unwrap(), "a,b");
}

#[test]
fn a_client_without_xhr2_takes_text_alone() {
    for raw in ["b64=1", "b64=0", "j=3", "j=", "b64&b64"] {
        assert_eq!(Query::parse(raw).takes(), Form::Text, "{raw}");
    }
}

#[test]
fn the_backend_gets_what_is_not_of_polling() {
    for (raw, expected) in [
        ("", "transport=websocket"),
        (
            "EIO=4&transport=polling&t=N8hyd6w",
            "EIO=4&transport=websocket",
        ),
        (
            "EIO=3&transport=polling&j=0&b64=1&sid=x",
            "EIO=3&transport=websocket",
        ),
        (
            "tok%65n=a%2fb+c&transport=polling&t=1&&q=%zz=&EIO=4&r",
            "tok%65n=a%2fb+c&transport=websocket&&q=%zz=&EIO=4&r",
        ),
        (
            "%73id=x&%74=1&tr%61nsport=polling&transport=webtransport&T=2",
            "transport=websocket&T=2",
        ),
        ("EIO=4&sid=x", "EIO=4&transport=websocket"),
    ] {
        assert_eq!(upstream(raw), expected, "{raw}");
    }
}

proptest! {
    #[test]
    fn any_query_becomes_one_for_a_websocket(raw in "([A-Za-z0-9%+=&;._~-]|sid|transport|&t=|&j|b64){0,40}") {
        let upstream = upstream(&raw);
        let query = Query::parse(&upstream);
        prop_assert_eq!(query.transport, Transport::WebSocket);
        prop_assert_eq!((query.sid, query.cache_buster, query.callback), (None, None, None));
        prop_assert!(!query.base64);
        prop_assert_eq!(query.revision, Query::parse(&raw).revision);
    }
}
