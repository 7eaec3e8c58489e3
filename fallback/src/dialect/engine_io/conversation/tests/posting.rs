//! What a POST is answered, and what reaches the backend.

use super::*;

#[test]
fn packets_pass_as_they_are() {
    let mut story = Story::new();
    let post = story.ask(Request::Post {
        mark: marked("a"),
        packets: vec![
            Message::text("4a"),
            Message::binary("raw"),
            Message::text("3"),
        ],
    });
    story.expect(&[(post, OK)]);
    assert_eq!(story.backend(), ["4a", "raw", "3"]);
}

#[test]
fn a_posts_answer_is_no_download() {
    let mut story = Story::new();
    story.post("a", &["4a"]);
    let answer = story
        .conversation
        .answer(&mut story.session, story.now, |_| false);
    assert_eq!(answer.unwrap().content_type, Some("text/html"));
}

#[test]
fn the_client_pings_in_revision_3() {
    let mut story = Story::with(Revision::V3, Limits::default());
    let post = story.post("a", &["2"]);
    story.expect(&[(post, OK)]);
    assert_eq!(story.backend(), ["2"]);
}

/// They are of the upgrade, which is ours.
#[test]
fn what_is_for_the_proxy_is_not_passed_on() {
    let mut story = Story::new();
    let post = story.post("a", &["5", "6", "4a"]);
    story.expect(&[(post, OK)]);
    assert_eq!(story.backend(), ["4a"]);
}

fn narrow() -> Limits {
    Limits {
        credit: 1,
        ..Limits::default()
    }
}

#[test]
fn a_post_is_answered_when_all_of_it_is_taken() {
    let mut story = Story::with(Revision::V4, narrow());
    let post = story.post("a", &["4a", "4b"]);
    story.expect(&[]);
    assert_eq!(story.conversation.bytes(), 2, "the one that waits");
    assert_eq!(story.backend(), ["4a"]);
    story.expect(&[(post, OK)]);
    assert_eq!(story.backend(), ["4b"]);
}

#[test]
fn two_posts_end_the_session() {
    let mut story = Story::with(Revision::V4, narrow());
    let poll = story.poll("x");
    let (first, second) = (story.post("a", &["4a", "4b"]), story.post("b", &["4c"]));
    story.expect(&[(poll, (200, "1")), (first, UNKNOWN), (second, BAD)]);
    assert_eq!(story.backend(), ["4a", "close Some(1001)"]);
}

#[test]
fn a_repeated_post_is_taken_once() {
    let mut story = Story::with(Revision::V4, narrow());
    let (first, second) = (
        story.post("a", &["4a", "4b"]),
        story.post("a", &["4a", "4b"]),
    );
    story.expect(&[(first, CUT)]);
    assert_eq!(story.backend(), ["4a"]);
    story.expect(&[(second, OK)]);
    assert_eq!(story.backend(), ["4b"]);
    let third = story.post("a", &["4a", "4b"]);
    story.expect(&[(third, OK)]);
    assert!(story.backend().is_empty());
}

#[test]
fn polls_and_posts_have_marks_of_their_own() {
    let mut story = Story::new();
    let (poll, post) = (story.poll("a"), story.post("a", &["4a"]));
    story.say("4b");
    story.expect(&[(poll, (200, "4b")), (post, OK)]);
    assert_eq!(story.backend(), ["4a"]);
}

/// It was received, to the end.
#[test]
fn a_post_is_passed_on_though_its_client_has_left() {
    let mut story = Story::with(Revision::V4, narrow());
    let post = story.post("a", &["4a", "4b"]);
    story.leave(post);
    assert_eq!(story.backend(), ["4a"]);
    story.expect(&[]);
    assert_eq!(story.backend(), ["4b"]);
    let again = story.post("a", &["4a", "4b"]);
    story.expect(&[(again, OK)]);
    assert!(story.backend().is_empty());
}

#[test]
fn what_is_no_packet_ends_the_session() {
    let mut story = Story::new();
    let poll = story.poll("x");
    let fault = story.ask(Request::Fault);
    story.expect(&[(poll, (200, "1")), (fault, BAD)]);
    assert_eq!(story.backend(), ["close Some(1001)"]);
    let late = story.post("b", &["4a"]);
    story.expect(&[(late, UNKNOWN)]);
}

/// Clients would never ask for what is left for them if they were refused; a WebSocket would lose it likewise.
#[test]
fn what_comes_after_the_backends_close_is_lost_without_a_word() {
    let mut story = Story::new();
    story.say("4last");
    story.close(1000);
    let post = story.post("a", &["4a"]);
    story.expect(&[(post, OK)]);
    assert!(story.backend().is_empty());
    let poll = story.poll("a");
    story.expect(&[(poll, (200, "4last"))]);
}

#[test]
fn a_message_that_is_too_long_ends_the_session() {
    let mut story = Story::with(
        Revision::V4,
        Limits {
            max_message: 3,
            ..Limits::default()
        },
    );
    let poll = story.poll("a");
    let post = story.post("b", &["4abc"]);
    story.expect(&[(poll, (200, "1")), (post, OK)]);
    assert_eq!(story.backend(), ["close Some(1009)"]);
}
