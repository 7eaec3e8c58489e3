//! Streams (`PROTOCOL.md`, §7).

use super::*;

#[test]
fn a_stream_begins_at_once_and_goes_on_as_frames_come() {
    let mut story = Story::new();
    story.hear(1);
    story.hear(1);
    let key = story.ask(stream(1, 1));
    assert_eq!(story.answers(), [part(key, Part::Begin, Status::Ok, &[2])]);
    assert_eq!(story.answers(), []);
    story.hear(1);
    assert_eq!(story.answers(), [part(key, Part::More, Status::Ok, &[3])]);
}

#[test]
fn a_stream_without_frames_says_what_the_first_will_be() {
    let mut story = Story::new();
    story.ask(stream(1, 0));
    let answer = story
        .polls
        .answer(&mut story.session, story.now, |_| true)
        .unwrap();
    assert_eq!((answer.part, answer.head.first), (Part::Begin, 1));
}

#[test]
fn streams_are_given_only_where_they_are_allowed() {
    let mut story = Story::new();
    story.polls.settings.stream = false;
    let key = story.ask(stream(1, 0));
    assert_eq!(story.answers(), []);
    story.hear(1);
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[1])]);
}

#[test]
fn silence_is_padded() {
    let mut story = Story::new();
    let key = story.ask(stream(1, 0));
    story.answers();
    assert_eq!(story.polls.deadline(), Some(story.now + STREAM_PADDING));
    story.pass(STREAM_PADDING);
    assert_eq!(story.answers(), [part(key, Part::More, Status::Ok, &[])]);
    assert_eq!(story.polls.deadline(), Some(story.now + STREAM_PADDING));
}

#[test]
fn a_stream_ends_after_its_life() {
    let mut story = Story::new();
    let key = story.ask(stream(1, 0));
    story.answers();
    story.pass(STREAM_LIFE);
    assert_eq!(story.answers(), [part(key, Part::End, Status::Ok, &[])]);
    assert_eq!(story.polls.deadline(), None);
}

#[test]
fn a_stream_ends_with_its_session() {
    let mut story = Story::new();
    let key = story.ask(stream(1, 0));
    story.answers();
    story.hear(1);
    story
        .session
        .backend_closed(Close::new(1000, ""), story.now);
    assert_eq!(story.answers(), [part(key, Part::End, Status::Ok, &[1, 2])]);
    assert_eq!(story.answer(send(2, 2)), (Status::Closed, vec![]));
}

#[test]
fn a_stream_that_is_superseded_ends_so() {
    let mut story = Story::new();
    let old = story.ask(stream(1, 0));
    story.answers();
    let new = story.ask(poll(2, 0));
    assert_eq!(
        story.answers(),
        [part(old, Part::End, Status::Superseded, &[])]
    );
    story.hear(1);
    assert_eq!(story.answers(), [whole(new, Status::Ok, &[1])]);
}

#[test]
fn a_stream_that_has_not_begun_is_superseded_as_a_whole() {
    let mut story = Story::new();
    let old = story.ask(stream(1, 0));
    story.ask(poll(2, 0));
    assert_eq!(story.answers(), [whole(old, Status::Superseded, &[])]);
}

#[test]
fn a_stream_without_room_waits_and_needs_no_clock() {
    let mut story = Story::new();
    let key = story.ask(stream(1, 0));
    story.answers();
    story.room = false;
    story.hear(1);
    assert_eq!(story.answers(), []);
    assert_eq!(story.polls.deadline(), None);
    story.room = true;
    assert_eq!(story.answers(), [part(key, Part::More, Status::Ok, &[1])]);
}

#[test]
fn while_a_stream_is_open_it_alone_carries_frames() {
    let mut story = Story::new();
    let key = story.ask(stream(1, 0));
    story.answers();
    let send = story.ask(send(2, 0));
    story.hear(1);
    assert_eq!(
        story.answers(),
        [
            part(key, Part::More, Status::Ok, &[1]),
            whole(send, Status::Ok, &[])
        ]
    );
}

#[test]
fn what_a_cut_stream_carried_is_repeated_to_the_next() {
    let mut story = Story::new();
    let cut = story.ask(stream(1, 0));
    story.answers();
    story.hear(1);
    story.answers();
    story.polls.forget(cut);
    let key = story.ask(stream(2, 0));
    assert_eq!(story.answers(), [part(key, Part::Begin, Status::Ok, &[1])]);
}

#[test]
fn a_stream_ends_rather_than_skip_what_its_client_got_elsewhere() {
    let mut story = Story::new();
    story.hear(1);
    story.hear(1);
    // Whatever this answer carried is still on its way when the stream begins, slowly.
    assert_eq!(story.answer(send(1, 0)), (Status::Ok, vec![1, 2]));
    let one_frame = Ask {
        budget: 0,
        ..stream(2, 0)
    };
    let key = story.ask(one_frame);
    assert_eq!(
        story
            .polls
            .answer(&mut story.session, story.now, |_| false)
            .map(|answer| story.told(&answer)),
        Some(part(key, Part::Begin, Status::Ok, &[1]))
    );
    story.room = false;
    let ack = story.ask(send(3, 2));
    story.hear(1);
    assert_eq!(
        story.answers(),
        [
            part(key, Part::End, Status::Ok, &[]),
            whole(ack, Status::Ok, &[])
        ]
    );
    assert_eq!(story.answer(poll(4, 2)), (Status::Ok, vec![3]));
}

#[test]
fn a_stream_ends_when_its_budget_is_spent() {
    let mut story = Story::new();
    let little = Ask {
        budget: 100,
        ..stream(1, 0)
    };
    let key = story.ask(little);
    story.hear(48);
    story.hear(47);
    story.answers();
    story.hear(1);
    story.hear(1);
    // 50 + 49 bytes went, and these would make it 102.
    assert_eq!(story.answers(), [part(key, Part::End, Status::Ok, &[])]);
    let next = story.ask(stream(2, 2));
    assert_eq!(
        story.answers(),
        [part(next, Part::Begin, Status::Ok, &[3, 4])]
    );
}

#[test]
fn a_streams_first_frame_comes_whatever_its_budget() {
    let mut story = Story::new();
    let none = Ask {
        budget: 0,
        ..stream(1, 0)
    };
    let key = story.ask(none);
    story.answers();
    story.hear(10);
    assert_eq!(story.answers(), [part(key, Part::End, Status::Ok, &[1])]);
}
