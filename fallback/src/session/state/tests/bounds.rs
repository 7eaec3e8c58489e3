//! What may wait, and what stops when it does (`PROTOCOL.md`, §6).

use super::*;

#[test]
fn frames_are_accepted_once_and_in_order() {
    let mut story = Story::new();
    let now = story.now;
    assert_eq!(story.session.take(2, whole(2), now), Took::Gap);
    assert_eq!(story.session.take(1, whole(1), now), Took::Accepted);
    assert_eq!(story.session.take(1, whole(9), now), Took::Accepted);
    assert_eq!(story.session.take(2, whole(2), now), Took::Accepted);
    let expected = [1, 2].map(|size| ToBackend::Message(message(size)));
    assert_eq!(story.written(), expected);
}

#[test]
fn credit_is_what_the_backend_has_not_taken() {
    let mut story = Story::new();
    assert_eq!(story.session.credit(), 500);
    assert_eq!(story.say(whole(100)), Took::Accepted);
    let left = story.session.credit();
    assert!(left < 400, "the place costs something too: {left}");
    // Beyond the credit, but there is some.
    assert_eq!(story.say(whole(1000)), Took::Accepted);
    assert_eq!(story.session.credit(), 0);
    assert_eq!(story.say(whole(0)), Took::Full);
    assert_eq!(story.session.accepted(), 2);
    assert_eq!(story.written().len(), 2);
    assert_eq!(story.session.credit(), 500);
    assert_eq!(story.session.bytes(), 0);
    assert_eq!(story.say(whole(0)), Took::Accepted);
}

#[test]
fn a_close_needs_no_room() {
    let mut story = Story::new();
    story.say(whole(1000));
    assert_eq!(story.session.credit(), 0);
    assert_eq!(story.say(close(1000, "")), Took::Accepted);
}

#[test]
fn empty_messages_are_bounded_too() {
    let mut story = Story::new();
    let taken = (0..1000)
        .take_while(|_| story.say(whole(0)) == Took::Accepted)
        .count();
    assert!((2..100).contains(&taken), "{taken}");
}

#[test]
fn an_unfinished_message_counts_and_is_bounded() {
    let mut story = Story::new();
    for _ in 0..20 {
        assert_eq!(story.say(part(100)), Took::Accepted);
    }
    assert_eq!(story.session.bytes(), 2000);
    story.say(last(1));
    assert_eq!(story.session.bytes(), story.session.to_client().bytes());
    assert_eq!(
        story.session.ended(),
        Some(Ended::ClientFault(Fault::TooBig))
    );
}

#[test]
fn the_backend_is_read_while_its_bytes_have_room() {
    let mut story = Story::new();
    assert!(story.session.reads_backend());
    story.hear(2000);
    assert!(!story.session.reads_backend());
    story.acknowledge(1);
    assert!(story.session.reads_backend());
    assert_eq!(story.session.bytes(), 0);
}

#[test]
fn the_backend_is_read_while_its_frames_have_room() {
    let mut story = Story::new();
    for _ in 0..LIMITS.frames {
        assert!(story.session.reads_backend());
        story.hear(0);
    }
    assert!(!story.session.reads_backend());
    story.acknowledge(1);
    assert!(story.session.reads_backend());
}

#[test]
fn after_the_end_the_backend_is_read_for_its_close() {
    let mut story = Story::new();
    story.hear(2000);
    story.session.end(
        Close::new(1012, ""),
        Close::new(1001, ""),
        Ended::Drain,
        story.now,
    );
    assert!(story.session.reads_backend());
    let bytes = story.session.bytes();
    story.hear(2000);
    assert_eq!(story.session.bytes(), bytes, "nothing of it is kept");
}

#[test]
fn under_pressure_one_thing_at_a_time_goes_on() {
    let mut story = Story::new();
    story.session.press(true, story.now);
    assert!(story.session.reads_backend());
    assert_eq!(story.session.credit(), 500);
    story.hear(1);
    story.say(whole(1));
    assert!(!story.session.reads_backend());
    assert_eq!(story.session.credit(), 0);
    assert_eq!(story.say(whole(1)), Took::Full);
    story.acknowledge(1);
    story.written();
    assert!(story.session.reads_backend());
    assert_eq!(story.session.credit(), 500);
    story.hear(1);
    story.session.press(false, story.now);
    assert!(story.session.reads_backend());
}
