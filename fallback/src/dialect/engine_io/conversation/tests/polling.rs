//! What a GET is answered, and when.

use super::*;

#[test]
fn a_poll_waits_for_a_packet() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.expect(&[]);
    assert_eq!(story.conversation.deadline(), None, "the backend pings");
    story.say("2");
    story.expect(&[(poll, (200, "2"))]);
}

#[test]
fn a_poll_gets_all_that_is_there() {
    let mut story = Story::new();
    story.say("4a");
    story.say_message(Message::binary(&[1, 2, 3, 4][..]));
    story.say("4b");
    let poll = story.poll("a");
    story.expect(&[(poll, (200, "4a\u{1e}bAQIDBA==\u{1e}4b"))]);
}

#[test]
fn revision_3_counts_characters() {
    let mut story = Story::with(Revision::V3, Limits::default());
    story.say("4€");
    story.say("3");
    let poll = story.poll("a");
    story.expect(&[(poll, (200, "2:4€1:3"))]);
}

#[test]
fn an_answer_says_what_it_is() {
    let mut story = Story::new();
    story.poll("a");
    story.say("2");
    let answer = story
        .conversation
        .answer(&mut story.session, story.now, |_| false);
    let answer = answer.unwrap();
    assert_eq!(answer.content_type, Some("text/plain; charset=UTF-8"));
    assert_eq!((answer.outcome, answer.close), ("ok", None));
}

#[test]
fn a_poll_by_script_is_answered_with_one() {
    let mut story = Story::with(Revision::V3, Limits::default());
    let poll = story.ask(Request::Poll {
        mark: None,
        callback: Some(Callback::of("7")),
    });
    story.say("4\"");
    story.expect(&[(poll, (200, "___eio[7](\"2:4\\\"\");"))]);
}

#[test]
fn two_polls_end_the_session() {
    for (one, other) in [("a", "b"), ("", ""), ("", "b")] {
        let mut story = Story::new();
        let (first, second) = (story.poll(one), story.poll(other));
        story.expect(&[(first, (200, "1")), (second, BAD)]);
        assert_eq!(story.backend(), ["close Some(1001)"]);
        let late = story.poll("c");
        story.expect(&[(late, UNKNOWN)]);
    }
}

/// Browsers repeat a GET whose connection turned out to be closed.
#[test]
fn a_repeated_poll_takes_the_place_of_the_first() {
    let mut story = Story::new();
    let (first, second) = (story.poll("a"), story.poll("a"));
    story.expect(&[(first, CUT)]);
    story.say("4hello");
    story.expect(&[(second, (200, "4hello"))]);
}

#[test]
fn a_repeated_poll_is_answered_the_same_once_more() {
    let mut story = Story::new();
    let first = story.poll("a");
    story.say("4hello");
    story.expect(&[(first, (200, "4hello"))]);
    story.say("4more");
    let again = story.poll("a");
    story.expect(&[(again, (200, "4hello"))]);
    let next = story.poll("b");
    story.expect(&[(next, (200, "4more"))]);
}

/// It has all that came before, so nothing is kept for it.
#[test]
fn a_client_that_asks_for_more_leaves_nothing_to_remember() {
    let mut story = Story::new();
    story.poll("a");
    story.say("4hello");
    story.answers();
    assert_eq!(story.conversation.bytes(), 6);
    story.poll("b");
    assert_eq!(story.conversation.bytes(), 0);
}

#[test]
fn a_poll_that_breaks_off_may_come_again() {
    let mut story = Story::new();
    let first = story.poll("a");
    story.leave(first);
    story.pass(Duration::from_secs(1));
    story.say("4hello");
    story.expect(&[]);
    let again = story.poll("a");
    story.expect(&[(again, (200, "4hello"))]);
    story.pass(Duration::from_secs(5));
    story.expect(&[]);
    assert_eq!(story.session.client(), Client::Live);
}

#[test]
fn a_poll_that_does_not_come_again_ends_the_session() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.leave(poll);
    assert_eq!(story.pass_to_deadline(), Duration::from_secs(2));
    story.expect(&[]);
    assert_eq!(story.backend(), ["close Some(1001)"]);
    assert_eq!(story.session.ended(), Some(Ended::Abandoned));
}

/// There is no telling whether another is the same.
#[test]
fn a_poll_without_a_mark_ends_the_session_as_it_breaks_off() {
    let mut story = Story::new();
    let poll = story.poll("");
    story.leave(poll);
    let late = story.poll("");
    story.expect(&[(late, UNKNOWN)]);
}

#[test]
fn another_poll_than_the_one_that_broke_off_is_none_of_the_session() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.leave(poll);
    let other = story.poll("b");
    story.expect(&[(other, UNKNOWN)]);
    assert_eq!(story.session.client(), Client::Gone);
}

#[test]
fn the_transport_is_polling_until_the_client_has_upgraded() {
    let mut story = Story::new();
    let mismatch = story.ask(Request::Mismatch);
    let poll = story.poll("a");
    story.expect(&[(mismatch, BAD)]);
    story.say("2");
    story.expect(&[(poll, (200, "2"))]);
}
