//! Requests that do not wait, frames that find no room, and too many requests (`PROTOCOL.md`, §4 to §6).

use super::*;
use crate::dialect::towpath::codec::write_padding;
use crate::session::ToBackend;

/// Room for one message of a hundred bytes, and then for none.
fn narrow() -> Story {
    Story::with(Limits {
        credit: 1,
        ..Limits::default()
    })
}

#[test]
fn a_request_that_does_not_wait_is_answered_at_once() {
    let mut story = Story::new();
    assert_eq!(story.answer(send(1, 0)), (Status::Ok, vec![]));
    story.hear(1);
    assert_eq!(story.answer(send(2, 0)), (Status::Ok, vec![1]));
}

#[test]
fn while_a_poll_is_held_it_gets_the_frames() {
    let mut story = Story::new();
    let poll = story.ask(poll(1, 0));
    let send = story.ask(send(2, 0).with(1, &[text(1)]));
    story.hear(1);
    assert_eq!(
        story.answers(),
        [whole(poll, Status::Ok, &[1]), whole(send, Status::Ok, &[])]
    );
    assert_eq!(story.session.accepted(), 1);
}

#[test]
fn what_a_polls_answer_has_just_carried_is_not_sent_again() {
    let mut story = Story::new();
    story.hear(1);
    assert_eq!(story.answer(poll(1, 0)), (Status::Ok, vec![1]));
    story.hear(1);
    assert_eq!(story.answer(send(2, 0)), (Status::Ok, vec![2]));
    story.pass(TRANSIT - Duration::from_millis(1));
    assert_eq!(story.answer(send(3, 0)), (Status::Ok, vec![2]));
    story.pass(Duration::from_millis(1));
    assert_eq!(story.answer(send(4, 0)), (Status::Ok, vec![1, 2]));
}

#[test]
fn frames_are_taken_once_however_often_they_come() {
    let mut story = Story::new();
    let both = [text(1), text(2)];
    story.answer(send(1, 0).with(1, &both[..1]));
    story.answer(send(2, 0).with(1, &both));
    story.answer(send(1, 0).with(1, &both[..1]));
    assert_eq!(story.session.accepted(), 2);
    assert_eq!(story.take_all(), 2);
}

#[test]
fn after_a_gap_nothing_is_taken() {
    let mut story = Story::new();
    assert_eq!(
        story.answer(send(1, 0).with(2, &[text(1)])),
        (Status::Resend, vec![])
    );
    assert_eq!(
        story.answer(poll(2, 0).with(3, &[text(1)])),
        (Status::Resend, vec![])
    );
    assert_eq!(story.session.accepted(), 0);
    assert_eq!(story.take_all(), 0);
}

#[test]
fn nobody_acknowledges_what_was_never_sent() {
    let mut story = Story::new();
    story.hear(1);
    let ask = send(1, 2).with(1, &[text(1)]);
    assert_eq!(story.answer(ask), (Status::Protocol, vec![]));
    assert_eq!(story.session.accepted(), 0, "nothing was taken");
    assert_eq!(story.session.to_client().len(), 1);
}

#[test]
fn frames_without_room_wait_for_it() {
    let mut story = narrow();
    let key = story.ask(send(1, 0).with(1, &[text(100), text(100)]));
    assert_eq!(story.answers(), []);
    assert_eq!(story.session.accepted(), 1);
    story.take_all();
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[])]);
    assert_eq!(story.session.accepted(), 2);
}

#[test]
fn a_gap_is_told_at_once_though_there_is_no_room() {
    let mut story = narrow();
    story.answer(send(1, 0).with(1, &[text(100)]));
    assert_eq!(
        story.answer(send(2, 0).with(3, &[text(100)])),
        (Status::Resend, vec![])
    );
}

#[test]
fn frames_that_get_no_room_are_not_taken() {
    let mut story = narrow();
    let key = story.ask(send(1, 0).with(1, &[text(100), text(100)]));
    assert_eq!(story.answers(), []);
    assert_eq!(story.polls.deadline(), Some(story.now + PATIENCE));
    story.pass(PATIENCE);
    assert_eq!(story.answers(), [whole(key, Status::Throttled, &[])]);
    story.take_all();
    assert_eq!(story.answers(), []);
    assert_eq!(story.session.accepted(), 1);
}

#[test]
fn only_one_request_waits_for_room() {
    let mut story = narrow();
    let first = story.ask(send(1, 0).with(1, &[text(100), text(100)]));
    let second = story.ask(send(2, 0).with(2, &[text(100)]));
    assert_eq!(story.answers(), [whole(second, Status::Throttled, &[])]);
    story.take_all();
    assert_eq!(story.answers(), [whole(first, Status::Ok, &[])]);
}

#[test]
fn frames_whose_client_is_gone_wait_no_longer() {
    let mut story = narrow();
    let key = story.ask(send(1, 0).with(1, &[text(100), text(100)]));
    assert_eq!(story.answers(), []);
    story.polls.forget(key);
    story.take_all();
    assert_eq!(story.answers(), []);
    assert_eq!(story.session.accepted(), 1);
}

#[test]
fn who_asks_too_often_is_told_to_wait_and_then_shown_the_door() {
    let mut story = Story::new();
    let statuses: Vec<_> = (1..=131)
        .map(|serial| story.answer(send(serial, 0)).0)
        .collect();
    assert_eq!(statuses[..32], [Status::Ok; 32]);
    assert_eq!(statuses[32..], [Status::Throttled; 99]);
    assert_eq!(story.session.ended(), None);
    story.answer(send(132, 0));
    assert_eq!(story.session.ended(), Some(Ended::Eager));
    story.pass(SPACING);
    assert_eq!(story.answer(poll(133, 0)), (Status::Ok, vec![1]));
    let close = Frame::Close(Close::new(1008, "too many requests"));
    assert_eq!(story.session.to_client().after(0).next(), Some((1, &close)));
}

#[test]
fn who_brings_something_may_ask_as_often_as_he_likes() {
    let mut story = Story::new();
    for round in 1..200 {
        let frames = send(2 * round - 1, 0).with(round, &[text(1)]);
        assert_eq!(story.answer(frames).0, Status::Ok, "{round}");
        story.take_all();
        story.hear(1);
        let answer = story.answer(poll(2 * round, round - 1));
        assert_eq!(answer, (Status::Ok, vec![round]));
    }
}

#[test]
fn a_poll_whose_frames_wait_for_room_is_answered_when_there_are_frames() {
    let mut story = narrow();
    let key = story.ask(poll(1, 0).with(1, &[text(100), text(100)]));
    assert_eq!(story.answers(), []);
    // The backend takes nothing before it has got rid of this: an echo does so.
    story.hear(1);
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[1])]);
    assert_eq!(story.session.accepted(), 1);
    let next = story.ask(poll(2, 1).with(2, &[text(100)]));
    assert_eq!(story.answers(), []);
    story.take_all();
    assert_eq!(story.answers(), [whole(next, Status::Ok, &[])]);
    assert_eq!(story.session.accepted(), 2);
}

#[test]
fn while_no_poll_is_held_frames_that_wait_for_room_are_answered_when_there_are_others() {
    let mut story = narrow();
    story.hear(1);
    assert_eq!(story.answer(poll(1, 0)), (Status::Ok, vec![1]));
    let key = story.ask(send(2, 0).with(1, &[text(100), text(100)]));
    assert_eq!(story.answers(), [], "that frame is on its way");
    story.pass(TRANSIT);
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[1])]);
    assert_eq!(story.session.accepted(), 1);
}

#[test]
fn a_poll_is_held_though_the_frames_of_another_request_wait_for_room() {
    let mut story = narrow();
    let frames = [text(100), text(100)];
    let send = story.ask(send(1, 0).with(1, &frames));
    let poll = story.ask(poll(2, 0).with(1, &frames));
    assert_eq!(story.answers(), []);
    story.hear(1);
    assert_eq!(story.answers(), [whole(poll, Status::Ok, &[1])]);
    story.take_all();
    assert_eq!(story.answers(), [whole(send, Status::Ok, &[])]);
}

#[test]
fn frames_that_wait_for_room_are_answered_when_the_session_ends() {
    let mut story = narrow();
    let key = story.ask(send(1, 0).with(1, &[text(100), text(100)]));
    assert_eq!(story.answers(), []);
    story
        .session
        .backend_closed(Close::new(1000, ""), story.now);
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[1])]);
}

/// Whether what waits for the backend shares a body's memory.
fn shares(story: &mut Story, body: &Bytes) -> bool {
    match story.session.next_to_backend() {
        Some(ToBackend::Message(message)) => {
            let memory = body.as_ptr_range();
            memory.contains(&message.payload.as_ptr())
        }
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn a_message_keeps_no_body_in_memory_that_is_mostly_something_else() {
    let mut story = Story::new();
    let mut body = send(1, 0).with(1, &[text(1000)]).body();
    let dense = body.clone().freeze();
    story.ask_with(dense.clone());
    assert!(shares(&mut story, &dense), "nothing is copied");

    body = send(2, 0).with(2, &[text(10)]).body();
    write_padding(&mut body, 60_000);
    let padded = body.freeze();
    story.ask_with(padded.clone());
    assert!(!shares(&mut story, &padded));

    let known = [text(1000), text(10), text(100)];
    let repeated = send(3, 0).with(1, &known).body().freeze();
    story.ask_with(repeated.clone());
    assert!(!shares(&mut story, &repeated));
    assert_eq!(story.session.accepted(), 3);
}
