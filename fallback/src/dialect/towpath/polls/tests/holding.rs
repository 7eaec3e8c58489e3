//! Polls that are held, superseded, repeated and answered (`PROTOCOL.md`, §4 and §5).

use super::*;

#[test]
fn a_poll_is_held_until_there_is_something_to_say() {
    let mut story = Story::new();
    let key = story.ask(poll(1, 0));
    assert_eq!(story.answers(), []);
    story.hear(1);
    story.hear(1);
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[1, 2])]);
    assert_eq!(story.polls.deadline(), None);
}

#[test]
fn a_poll_is_held_as_long_as_it_likes_or_as_the_proxy_likes() {
    for (wait, held) in [(5_000, Duration::from_secs(5)), (1 << 52, HOLD)] {
        let mut story = Story::new();
        let key = story.ask(Ask { wait, ..poll(1, 0) });
        assert_eq!(story.polls.deadline(), Some(story.now + held));
        story.pass(held - Duration::from_millis(1));
        assert_eq!(story.answers(), []);
        story.pass(Duration::from_millis(1));
        assert_eq!(story.answers(), [whole(key, Status::Ok, &[])]);
    }
}

#[test]
fn a_newer_poll_takes_the_place_of_the_one_that_is_held() {
    let mut story = Story::new();
    let old = story.ask(poll(1, 0));
    let new = story.ask(poll(2, 0));
    assert_eq!(story.answers(), [whole(old, Status::Superseded, &[])]);
    story.hear(1);
    assert_eq!(story.answers(), [whole(new, Status::Ok, &[1])]);
}

#[test]
fn a_poll_that_is_repeated_on_the_way_is_served_to_the_newcomer() {
    let mut story = Story::new();
    let old = story.ask(poll(1, 0));
    let new = story.ask(poll(1, 0));
    assert_eq!(story.answers(), [whole(old, Status::Superseded, &[])]);
    story.hear(1);
    assert_eq!(story.answers(), [whole(new, Status::Ok, &[1])]);
    let late = story.ask(poll(1, 0));
    assert_eq!(story.answers(), [whole(late, Status::Ok, &[1])]);
}

#[test]
fn a_poll_that_comes_late_is_stale_even_if_none_is_held() {
    let mut story = Story::new();
    story.hear(1);
    assert_eq!(story.answer(poll(2, 0)), (Status::Ok, vec![1]));
    assert_eq!(story.answer(poll(1, 0)), (Status::Stale, vec![]));
    let key = story.ask(poll(3, 1));
    assert_eq!(story.answer(poll(2, 1)), (Status::Stale, vec![]));
    story.hear(1);
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[2])]);
}

#[test]
fn frames_that_an_answer_lost_are_repeated_to_the_next_poll() {
    let mut story = Story::new();
    story.hear(1);
    assert_eq!(story.answer(poll(1, 0)), (Status::Ok, vec![1]));
    assert_eq!(story.answer(poll(2, 0)), (Status::Ok, vec![1]));
    story.hear(1);
    assert_eq!(story.answer(poll(3, 1)), (Status::Ok, vec![2]));
}

#[test]
fn a_poll_whose_client_is_gone_is_forgotten() {
    let mut story = Story::new();
    let key = story.ask(poll(1, 0));
    story.polls.forget(key);
    story.hear(1);
    assert_eq!(story.answers(), []);
    assert_eq!(story.answer(poll(2, 0)), (Status::Ok, vec![1]));
}

#[test]
fn an_answer_keeps_to_the_budget_but_for_its_first_frame() {
    let mut story = Story::new();
    [100, 10, 10, 10]
        .into_iter()
        .for_each(|size| story.hear(size));
    for (serial, budget, frames) in [(1, 0, vec![1]), (2, 102, vec![1]), (3, 114, vec![1, 2])] {
        let ask = Ask {
            budget,
            ..poll(serial, 0)
        };
        assert_eq!(story.answer(ask), (Status::Ok, frames));
    }
    let without_bound = Ask {
        budget: (1 << 53) - 1,
        ..poll(4, 0)
    };
    assert_eq!(story.answer(without_bound).1, [1, 2, 3, 4]);
}

#[test]
fn an_acknowledgement_on_the_way_renumbers_no_frames() {
    let mut story = Story::new();
    (0..4).for_each(|_| story.hear(1));
    let first = story.ask(send(1, 0));
    let second = story.ask(send(2, 2));
    // Taken in at once; what the first asked for is gone when it is answered.
    assert_eq!(
        story.answers(),
        [
            whole(first, Status::Ok, &[3, 4]),
            whole(second, Status::Ok, &[3, 4])
        ]
    );
}

#[test]
fn the_end_of_a_session_answers_the_poll_that_is_held() {
    let mut story = Story::new();
    let key = story.ask(poll(1, 0));
    story.hear(1);
    story.session.end(
        Close::new(1012, "service restart"),
        Close::new(1001, "going away"),
        Ended::Drain,
        story.now,
    );
    assert_eq!(story.answers(), [whole(key, Status::Ok, &[1, 2])]);
    assert_eq!(story.answer(send(2, 2)), (Status::Closed, vec![]));
    assert_eq!(story.answer(poll(3, 2)), (Status::Closed, vec![]));
}

#[test]
fn a_poll_is_closed_when_another_request_acknowledges_the_end() {
    let mut story = Story::new();
    story
        .session
        .backend_closed(Close::new(1000, ""), story.now);
    assert_eq!(story.answer(poll(1, 0)), (Status::Ok, vec![1]));
    let poll = story.ask(poll(2, 0));
    let send = story.ask(send(3, 1));
    assert_eq!(
        story.answers(),
        [
            whole(poll, Status::Closed, &[]),
            whole(send, Status::Closed, &[])
        ]
    );
}

#[test]
fn a_session_that_was_given_up_is_gone_for_its_client() {
    let mut story = Story::new();
    let key = story.ask(poll(1, 0));
    story.session.present(false, story.now);
    story.pass(Limits::default().resume);
    story.session.expire(story.now);
    assert_eq!(story.answers(), [whole(key, Status::Gone, &[])]);
    assert_eq!(story.answer(poll(2, 0)), (Status::Gone, vec![]));
}
