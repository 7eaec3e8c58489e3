//! How a session ends while its client polls.

use super::*;

#[test]
fn a_client_that_closes_is_let_go() {
    let mut story = Story::new();
    let poll = story.poll("a");
    let post = story.post("a", &["4bye", "1", "4late"]);
    story.expect(&[(poll, (200, "6")), (post, OK)]);
    assert_eq!(story.backend(), ["4bye", "close None"]);
    assert_eq!(story.session.ended(), Some(Ended::Client));
    let late = story.poll("b");
    story.expect(&[(late, UNKNOWN)]);
}

/// It may have left over another connection before the client closed.
#[test]
fn one_poll_may_come_a_moment_after_the_client_has_closed() {
    let mut story = Story::new();
    let post = story.post("a", &["1"]);
    story.expect(&[(post, OK)]);
    assert_eq!(story.backend(), ["close None"]);
    story.pass(LATE / 2);
    let (poll, post) = (story.poll("b"), story.post("b", &["4a"]));
    story.expect(&[(poll, (200, "6")), (post, UNKNOWN)]);
    let late = story.poll("c");
    story.expect(&[(late, UNKNOWN)]);
}

#[test]
fn no_poll_is_waited_for_longer() {
    let mut story = Story::new();
    story.post("a", &["1"]);
    story.answers();
    assert_eq!(story.pass_to_deadline(), LATE);
    story.expect(&[]);
    assert_eq!(story.session.client(), Client::Closed);
    let late = story.poll("b");
    story.expect(&[(late, UNKNOWN)]);
}

#[test]
fn the_backends_close_has_an_answer_of_its_own() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.say("4last");
    story.close(4000);
    story.expect(&[(poll, (200, "4last"))]);
    story.pass(Duration::from_secs(1));
    story.expect(&[]);
    let next = story.poll("b");
    story.expect(&[(next, (200, "1"))]);
    let late = story.poll("c");
    story.expect(&[(late, UNKNOWN)]);
}

#[test]
fn the_close_is_reported() {
    let mut story = Story::new();
    story.poll("a");
    story.close(4000);
    let answer = story
        .conversation
        .answer(&mut story.session, story.now, |_| false);
    let answer = answer.unwrap();
    assert_eq!(answer.outcome, "closed");
    assert_eq!(answer.close, Some(Close::new(4000, "")));
}

#[test]
fn a_client_that_is_away_as_the_backend_closes_gets_what_is_left() {
    let mut story = Story::new();
    story.say("4last");
    story.say("2");
    story.close(1000);
    story.expect(&[]);
    let poll = story.poll("a");
    story.expect(&[(poll, (200, "4last\u{1e}2"))]);
    let end = story.poll("b");
    story.expect(&[(end, (200, "1"))]);
}

#[test]
fn of_pings_alone_nothing_is_left() {
    let mut story = Story::new();
    story.say("2");
    story.close(1000);
    story.expect(&[]);
    assert_eq!(story.session.client(), Client::Closed);
    let poll = story.poll("a");
    story.expect(&[(poll, UNKNOWN)]);
}

#[test]
fn a_backend_that_is_lost_is_an_end_like_others() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.session.backend_gone(story.now);
    story.expect(&[(poll, (200, "1"))]);
}

/// The backend's own close may be on its way still.
#[test]
fn a_client_that_leaves_a_ping_unanswered_comes_too_late() {
    for told in [true, false] {
        let mut story = Story::new();
        if told {
            let poll = story.poll("a");
            story.say("2");
            story.expect(&[(poll, (200, "2"))]);
        } else {
            story.say("2");
        }
        story.pass(PING_TIMEOUT);
        let late = story.poll("b");
        story.expect(&[(late, UNKNOWN)]);
        assert_eq!(story.backend(), ["close Some(1001)"]);
    }
}

#[test]
fn a_client_that_answers_its_pings_stays() {
    let mut story = Story::new();
    for mark in ["a", "b", "c"] {
        let poll = story.poll(mark);
        story.pass(PING_TIMEOUT * 2);
        story.say("2");
        story.expect(&[(poll, (200, "2"))]);
        story.pass(PING_TIMEOUT / 2);
        let pong = story.post(mark, &["3"]);
        story.expect(&[(pong, OK)]);
    }
}

/// Its clients ping, so that a backend's `2` is no ping of its own.
#[test]
fn revision_3_has_no_ping_to_answer() {
    let mut story = Story::with(Revision::V3, Limits::default());
    story.say("3");
    story.pass(PING_TIMEOUT * 2);
    let poll = story.poll("a");
    story.expect(&[(poll, (200, "1:3"))]);
}

#[test]
fn a_poll_that_waits_is_told_when_the_client_is_given_up() {
    let mut story = Story::new();
    let poll = story.poll("a");
    story.session.abandon(story.now);
    story.expect(&[(poll, UNKNOWN)]);
}

#[test]
fn a_drain_is_an_end_like_others() {
    let mut story = Story::new();
    let poll = story.poll("a");
    let (client, backend) = (Close::new(1012, ""), Close::new(1001, ""));
    story.session.end(client, backend, Ended::Drain, story.now);
    story.expect(&[(poll, (200, "1"))]);
    assert_eq!(story.backend(), ["close Some(1001)"]);
}
