//! Clients that leave, come back, never come, or take nothing (`PROTOCOL.md`, §5 and §6).

use super::*;

/// What the backend gets from a session whose client was given up.
fn farewell(story: &mut Story) -> Option<u16> {
    match story.written().pop()? {
        ToBackend::Close(close) => close.code,
        ToBackend::Message(_) => None,
    }
}

#[test]
fn a_client_that_never_comes_is_given_up() {
    let mut story = Story::unused();
    assert_eq!(story.wait(), Some(LIMITS.unused));
    assert_eq!(story.session.ended(), Some(Ended::Abandoned));
    assert_eq!(farewell(&mut story), Some(1001));
}

#[test]
fn a_client_that_does_not_come_back_is_given_up() {
    let mut story = Story::new();
    story.hear(1);
    assert_eq!(story.session.deadline(), None, "while it is here");
    story.pass(100 * SECOND);
    story.leave();
    assert_eq!(story.wait(), Some(LIMITS.resume));
    assert_eq!(story.session.client(), Client::Gone);
    assert_eq!(story.frames(), []);
    assert_eq!(story.session.ended(), Some(Ended::Abandoned));
    assert_eq!(farewell(&mut story), Some(1001));
    assert_eq!(story.wait(), Some(CLOSE_TIMEOUT));
    assert!(story.session.is_over());
    assert_eq!(story.session.bytes(), 0);
    assert_eq!(story.session.deadline(), None);
}

#[test]
fn each_return_begins_the_window_anew() {
    let mut story = Story::new();
    for _ in 0..3 {
        story.leave();
        story.pass(LIMITS.resume - SECOND);
        story.come();
    }
    assert_eq!(story.session.ended(), None);
    story.leave();
    assert_eq!(story.wait(), Some(LIMITS.resume));
}

#[test]
fn a_client_that_was_told_of_the_end_need_not_come_back() {
    let mut story = Story::new();
    story
        .session
        .backend_closed(Close::new(1000, ""), story.now);
    story.session.backend_gone(story.now);
    story.acknowledge(1);
    story.leave();
    assert_eq!(story.session.deadline(), None);
    assert!(story.session.is_over());
}

#[test]
fn a_client_that_has_closed_and_left_is_not_waited_for_as_long() {
    let mut story = Story::new();
    story.say(close(1001, ""));
    story
        .session
        .backend_closed(Close::new(1001, ""), story.now);
    story.session.backend_gone(story.now);
    story.leave();
    assert_eq!(story.wait(), Some(LINGER));
    assert!(story.session.is_over());
    assert_eq!(story.session.ended(), Some(Ended::Client));
}

#[test]
fn a_client_that_is_away_when_the_proxy_goes_down_is_not_waited_for() {
    let mut story = Story::new();
    story.leave();
    story.session.end(
        Close::new(1012, ""),
        Close::new(1001, ""),
        Ended::Drain,
        story.now,
    );
    assert_eq!(story.wait(), Some(CLOSE_TIMEOUT));
    assert!(story.session.is_over());
}

#[test]
fn a_client_that_takes_nothing_of_a_full_buffer_is_given_up() {
    let mut story = Story::new();
    story.hear(1000);
    assert_eq!(story.wait(), Some(LIMITS.stall));
    assert_eq!(story.session.client(), Client::Gone);
    assert_eq!(story.session.ended(), Some(Ended::Stalled));
    assert_eq!(story.session.bytes(), 0);
    assert_eq!(farewell(&mut story), Some(1008));
}

#[test]
fn a_client_that_takes_something_is_patient_enough() {
    let mut story = Story::new();
    (0..4).for_each(|_| story.hear(1000));
    for ack in 1..4 {
        story.pass(LIMITS.stall - SECOND);
        story.acknowledge(ack);
        story.acknowledge(ack - 1);
    }
    assert_eq!(story.wait(), Some(LIMITS.stall));
    assert_eq!(story.session.ended(), Some(Ended::Stalled));
}

#[test]
fn a_client_that_makes_room_does_not_stall() {
    let mut story = Story::new();
    story.hear(1000);
    story.pass(LIMITS.stall - SECOND);
    story.acknowledge(1);
    assert_eq!(story.session.deadline(), None);
    story.hear(1000);
    assert_eq!(story.wait(), Some(LIMITS.stall));
}

#[test]
fn a_client_whose_network_is_cut_while_the_buffer_is_full_has_its_time_to_come_back() {
    let mut story = Story::new();
    story.hear(1000);
    story.pass(SECOND);
    story.leave();
    story.pass(LIMITS.resume - SECOND);
    assert_eq!(story.session.ended(), None);
    story.come();
    assert_eq!(story.wait(), Some(LIMITS.stall - SECOND));
    assert_eq!(story.session.ended(), Some(Ended::Stalled));
}

#[test]
fn a_client_that_comes_and_goes_but_takes_nothing_is_given_up_too() {
    let mut story = Story::new();
    story.hear(1000);
    for _ in 0..2 {
        story.leave();
        story.pass(LIMITS.resume / 2 + SECOND);
        story.come();
    }
    assert_eq!(story.wait(), Some(LIMITS.stall - 2 * SECOND));
    assert_eq!(story.session.ended(), Some(Ended::Stalled));
}

#[test]
fn nobody_stalls_after_the_end() {
    let mut story = Story::new();
    story.hear(1000);
    story
        .session
        .backend_closed(Close::new(1000, ""), story.now);
    story.session.backend_gone(story.now);
    assert_eq!(story.session.deadline(), None);
}
