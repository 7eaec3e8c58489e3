//! Who closes, and what the other side is told (`PROTOCOL.md`, §9).

use super::*;

fn told(code: u16, reason: &str) -> ToBackend {
    ToBackend::Close(Close::new(code, reason))
}

#[test]
fn the_clients_close_comes_after_its_messages_and_is_answered() {
    let mut story = Story::new();
    story.say(whole(1));
    assert_eq!(story.say(close(3000, "bye")), Took::Accepted);
    assert_eq!(story.say(whole(1)), Took::Over);
    assert_eq!(
        story.written(),
        [ToBackend::Message(message(1)), told(3000, "bye")]
    );
    assert_eq!(story.session.client(), Client::Live);
    // What the backend had still to say comes before its answer.
    story.hear(1);
    story
        .session
        .backend_closed(Close::new(3000, "bye"), story.now);
    story.session.backend_gone(story.now);
    assert_eq!(story.frames(), [whole(1), close(3000, "bye")]);
    assert!(!story.session.is_over());
    story.acknowledge(2);
    assert_eq!(story.session.client(), Client::Closed);
    assert!(story.session.is_over());
    assert_eq!(story.session.ended(), Some(Ended::Client));
    assert_eq!(story.session.bytes(), 0);
    assert_eq!(story.session.deadline(), None);
}

#[test]
fn a_backend_that_does_not_answer_a_close_is_cut_off() {
    let mut story = Story::new();
    story.say(close(1000, ""));
    assert_eq!(story.wait(), Some(CLOSE_TIMEOUT));
    assert!(!story.session.has_backend());
    assert_eq!(story.farewell(), Some(Close::abnormal()));
    assert_eq!(story.session.ended(), Some(Ended::Client));
}

#[test]
fn the_backends_close_comes_after_its_messages() {
    let mut story = Story::new();
    story.hear(1);
    story.say(whole(1));
    let bye = Close::new(4001, "kicked");
    story.session.backend_closed(bye.clone(), story.now);
    assert_eq!(story.frames(), [whole(1), Frame::Close(bye)]);
    assert_eq!(story.written(), [], "it listens no more");
    assert_eq!(story.say(whole(1)), Took::Over);
    assert!(story.session.has_backend(), "it has to be answered");
    story.session.backend_gone(story.now);
    assert!(!story.session.has_backend());
    story.acknowledge(2);
    assert!(story.session.is_over());
    assert_eq!(story.session.ended(), Some(Ended::Backend));
    assert_eq!(story.session.bytes(), 0);
}

#[test]
fn a_backend_that_closes_and_stays_is_cut_off() {
    let mut story = Story::new();
    story.session.backend_closed(Close::default(), story.now);
    story.acknowledge(1);
    assert!(!story.session.is_over());
    assert_eq!(story.wait(), Some(CLOSE_TIMEOUT));
    assert!(story.session.is_over());
}

#[test]
fn a_backend_that_is_lost_is_an_abnormal_close() {
    let mut story = Story::new();
    story.hear(1);
    story.say(whole(1));
    story.session.backend_gone(story.now);
    assert_eq!(
        story.frames(),
        [whole(1), Frame::Close(Close::abnormal())],
        "what it said before is not lost"
    );
    assert_eq!(story.say(whole(1)), Took::Over);
    assert_eq!(story.session.ended(), Some(Ended::Lost));
    story.acknowledge(2);
    assert_eq!(story.session.bytes(), 0);
    assert!(story.session.is_over());
}

#[test]
fn faults_of_the_client_close_both_sides() {
    let bad_text = Frame::Message(Message::text(&b"\xff"[..]));
    for (frames, fault, code) in [
        (vec![whole(LIMITS.max_message + 1)], Fault::TooBig, 1009),
        (vec![part(LIMITS.max_message), part(1)], Fault::TooBig, 1009),
        (vec![bad_text], Fault::NotUtf8, 1007),
        (vec![last(1)], Fault::Order, 1002),
    ] {
        let mut story = Story::new();
        story.say(whole(1));
        let count = frames.len();
        for frame in frames {
            assert_eq!(story.say(frame), Took::Accepted, "{fault}");
        }
        assert_eq!(story.session.accepted(), 1 + count as u64);
        assert_eq!(story.farewell().unwrap().code, Some(code));
        let written = story.written();
        assert_eq!(written[..1], [ToBackend::Message(message(1))]);
        assert!(
            matches!(&written[1..], [ToBackend::Close(close)] if close.code == Some(code)),
            "{written:?}"
        );
        assert_eq!(story.session.ended(), Some(Ended::ClientFault(fault)));
        assert_eq!(story.say(whole(1)), Took::Over);
    }
}

#[test]
fn faults_of_the_backend_close_both_sides() {
    for (fault, code) in [(Fault::TooBig, 1009), (Fault::NotUtf8, 1007)] {
        let mut story = Story::new();
        story.hear(1);
        story.session.backend_fault(fault, story.now);
        story.hear(1);
        assert_eq!(story.frames().len(), 2, "nothing follows the close");
        assert_eq!(story.farewell().unwrap().code, Some(code));
        assert!(
            matches!(&story.written()[..], [ToBackend::Close(close)] if close.code == Some(code))
        );
        assert_eq!(story.session.ended(), Some(Ended::BackendFault(fault)));
    }
}

#[test]
fn a_drain_tells_each_side_its_own_after_what_is_queued() {
    let mut story = Story::new();
    story.hear(1);
    story.say(whole(1));
    story.session.end(
        Close::new(1012, "service restart"),
        Close::new(1001, "going away"),
        Ended::Drain,
        story.now,
    );
    assert_eq!(story.frames(), [whole(1), close(1012, "service restart")]);
    assert_eq!(
        story.written(),
        [ToBackend::Message(message(1)), told(1001, "going away")]
    );
    story
        .session
        .backend_closed(Close::new(1001, ""), story.now);
    story.session.backend_gone(story.now);
    assert_eq!(story.frames().len(), 2, "the first close counts");
    story.acknowledge(2);
    assert!(story.session.is_over());
    assert_eq!(story.session.ended(), Some(Ended::Drain));
}

#[test]
fn the_end_is_the_first_that_came() {
    let mut story = Story::new();
    story.say(close(1000, ""));
    story.session.backend_fault(Fault::TooBig, story.now);
    story.session.backend_gone(story.now);
    assert_eq!(story.session.ended(), Some(Ended::Client));
    assert_eq!(story.farewell().unwrap().code, Some(1009));
    assert_eq!(story.written(), []);
}

#[test]
fn an_unfinished_message_is_forgotten_with_its_backend() {
    let mut story = Story::new();
    story.say(part(100));
    assert_eq!(story.session.bytes(), 100);
    story.session.backend_closed(Close::default(), story.now);
    story.session.backend_gone(story.now);
    story.acknowledge(1);
    assert_eq!(story.session.bytes(), 0);
}

#[test]
fn a_session_that_has_lived_for_long_enough_is_closed_on_both_sides() {
    let mut story = Story::new();
    story.session.limits.lifetime = Some(100 * SECOND);
    story.hear(1);
    story.say(whole(1));
    assert_eq!(story.wait(), Some(100 * SECOND));
    let written = [ToBackend::Message(message(1)), told(1001, "max lifetime")];
    assert_eq!(story.written(), written);
    assert_eq!(story.frames(), [whole(1), close(1001, "max lifetime")]);
    assert_eq!(story.session.ended(), Some(Ended::Lifetime));
}

#[test]
fn a_session_that_is_closing_does_not_outlive_anything() {
    let mut story = Story::new();
    story.session.limits.lifetime = Some(SECOND);
    story.say(close(1000, ""));
    story.pass(2 * SECOND);
    assert_eq!(story.session.ended(), Some(Ended::Client));
}
