//! From polls to a WebSocket of the client's own.

use super::*;

#[test]
fn messages_go_over_the_websocket_once_the_client_has_upgraded() {
    let mut story = Story::upgraded();
    assert!(story.told().is_empty());
    story.hear("4up");
    assert_eq!(story.backend(), ["4up"]);
    story.say("4down");
    story.say_message(Message::binary("raw"));
    assert_eq!(story.told(), ["4down", "raw"]);
}

#[test]
fn what_was_queued_goes_first() {
    let mut story = Story::new();
    story.attach();
    story.hear("2probe");
    story.say("4a");
    story.hear("5");
    story.say("4b");
    assert_eq!(story.told(), ["3probe", "4a", "4b"]);
}

#[test]
fn polls_are_answered_with_nothing_while_the_client_upgrades() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.attach();
    story.expect(&[]);
    story.hear("2probe");
    story.told();
    story.expect(&[]);
    assert_eq!(story.pass_to_deadline(), NOOP_SPACING);
    story.expect(&[(poll, (200, "6"))]);
    let second = story.poll("b");
    story.expect(&[]);
    assert_eq!(story.pass_to_deadline(), NOOP_SPACING);
    story.expect(&[(second, (200, "6"))]);
}

#[test]
fn polls_still_get_what_there_is_while_the_client_upgrades() {
    let mut story = Story::new();
    story.attach();
    story.hear("2probe");
    story.say("4a");
    let poll = story.poll("a");
    story.expect(&[(poll, (200, "4a"))]);
    story.hear("5");
    assert_eq!(story.told(), ["3probe"]);
}

#[test]
fn a_client_that_has_upgraded_polls_no_more() {
    let mut story = Story::upgraded();
    story.say("4a");
    let poll = story.poll("a");
    let post = story.post("b", &["4b"]);
    let fault = story.ask(Request::Fault);
    let mismatch = story.ask(Request::Mismatch);
    story.expect(&[(poll, BAD), (post, BAD), (fault, BAD), (mismatch, BAD)]);
    assert_eq!(story.told(), ["4a"], "that harms nobody");
    assert!(story.backend().is_empty());
}

#[test]
fn what_was_posted_before_the_upgrade_is_passed_on_first() {
    let limits = Limits {
        credit: 1,
        ..Limits::default()
    };
    let mut story = Story::with(Revision::V4, limits);
    let post = story.post("a", &["4a", "4b"]);
    story.attach();
    story.hear("2probe");
    story.hear("5");
    assert!(!story.conversation.hears(&story.session));
    assert_eq!(story.backend(), ["4a"]);
    story.expect(&[(post, OK)]);
    assert!(story.conversation.hears(&story.session));
    story.hear("4c");
    assert_eq!(story.backend(), ["4b"]);
    story.expect(&[]);
    assert_eq!(story.backend(), ["4c"]);
}

/// Some clients do not wait for the answer to their probe.
#[test]
fn a_probe_and_the_upgrade_may_come_at_once() {
    let mut story = Story::new();
    story.say("4a");
    story.attach();
    story.hear("2probe");
    story.hear("5");
    assert_eq!(story.told(), ["3probe", "4a"]);
}

#[test]
fn a_websocket_that_says_something_else_is_closed_and_polling_goes_on() {
    for word in ["5", "4hello", "2", "3probe", ""] {
        let mut story = Story::new();
        story.attach();
        story.hear(word);
        assert_eq!(story.told(), ["close Some(1000)"], "{word}");
        story.hear_of(FromLine::Lost);
        let poll = story.poll("a");
        story.say("4a");
        story.expect(&[(poll, (200, "4a"))]);
        assert!(story.backend().is_empty(), "{word}");
    }
}

#[test]
fn a_client_has_ten_seconds_to_upgrade() {
    for probes in [true, false] {
        let mut story = Story::new();
        story.attach();
        if probes {
            story.hear("2probe");
            assert_eq!(story.told(), ["3probe"]);
        }
        assert_eq!(story.pass_to_deadline(), Duration::from_secs(10));
        story.expect(&[]);
        assert_eq!(
            story.conversation.deadline(),
            None,
            "also where it cannot be told"
        );
        assert_eq!(story.told(), ["close Some(1000)"]);
        assert_eq!(story.session.client(), Client::Live);
    }
}

#[test]
fn a_websocket_that_is_lost_before_the_upgrade_leaves_polling_alone() {
    for end in [FromLine::Lost, FromLine::Close(Close::new(1000, ""))] {
        let mut story = Story::new();
        story.attach();
        story.hear("2probe");
        story.told();
        story.hear_of(end);
        let poll = story.poll("a");
        story.pass(Duration::from_secs(20));
        story.expect(&[]);
        story.say("4a");
        story.expect(&[(poll, (200, "4a"))]);
    }
}

#[test]
fn a_websocket_that_is_lost_after_the_upgrade_ends_the_session() {
    let mut story = Story::upgraded();
    story.hear_of(FromLine::Lost);
    assert_eq!(story.backend(), ["close Some(1001)"]);
    assert_eq!(story.session.ended(), Some(Ended::Abandoned));
}

#[test]
fn the_clients_close_is_passed_on() {
    let mut story = Story::upgraded();
    story.hear_of(FromLine::Close(Close::new(4001, "bye")));
    assert_eq!(story.backend(), ["close Some(4001)"]);
    assert_eq!(story.session.ended(), Some(Ended::Client));
    assert_eq!(story.session.client(), Client::Closed);
}

#[test]
fn the_backends_close_is_passed_on_after_what_it_said() {
    let mut story = Story::upgraded();
    story.say("4a");
    story.close(4002);
    assert_eq!(story.told(), ["4a", "close Some(4002)"]);
}

#[test]
fn a_backend_that_is_lost_is_so_for_the_client_too() {
    let mut story = Story::upgraded();
    story.session.backend_gone(story.now);
    assert_eq!(story.told(), ["cut"]);
}

/// Its poll has told the client the end.
#[test]
fn a_websocket_whose_session_ends_before_the_upgrade_is_closed() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.attach();
    story.hear("2probe");
    assert_eq!(story.told(), ["3probe"]);
    story.close(4000);
    story.expect(&[(poll, (200, "1"))]);
    assert_eq!(story.told(), ["close Some(1000)"]);
}

/// The backend sees no answer, since its pings go where that comes from.
#[test]
fn pings_go_over_the_websocket_too() {
    let mut story = Story::upgraded();
    for _ in 0..3 {
        story.say("2");
        assert_eq!(story.told(), ["2"]);
        story.pass(PING_TIMEOUT);
        story.hear("3");
        assert_eq!(story.backend(), ["3"]);
    }
}

/// Clients may cancel their poll rather than wait for its answer.
#[test]
fn a_poll_that_breaks_off_as_its_client_upgrades_is_not_missed() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.attach();
    story.hear("2probe");
    story.leave(poll);
    story.hear("5");
    story.pass(Duration::from_secs(10));
    story.expect(&[]);
    assert_eq!(story.session.client(), Client::Live);
}
