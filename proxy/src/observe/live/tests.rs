#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

fn enter(live: &Arc<Live>, kind: Kind, route: &str) -> Present {
    live.enter(kind, Opened::of_test(route), None)
}

#[test]
fn who_is_there_is_listed_and_who_has_gone_is_not() {
    let live = Arc::new(Live::default());
    let first = enter(&live, Kind::Tunnel, "chat");
    let _second = enter(&live, Kind::Session, "chat");
    let all = Query {
        limit: 10,
        ..Query::default()
    };
    let (seen, count) = live.list(&all);
    assert_eq!(
        (seen.len(), count, seen[0].kind),
        (2, 2, Kind::Session),
        "{seen:?}"
    );
    let sessions = Query {
        kind: Some(Kind::Session),
        text: Some("192.0.2".to_owned()),
        ..all.clone()
    };
    assert_eq!(live.list(&sessions).1, 1);
    let other = Query {
        route: Some("other".to_owned()),
        ..all.clone()
    };
    assert_eq!(live.list(&other).1, 0);
    drop(first);
    assert_eq!(live.list(&all).1, 1);
    assert_eq!(live.list(&Query { limit: 0, ..all }).0.len(), 0);
}

#[test]
fn what_has_passed_is_counted_once_whoever_has_gone() {
    let live = Arc::new(Live::default());
    let [one, two, three] = ["a", "a", "b"].map(|route| enter(&live, Kind::Tunnel, route));
    one.entry().from_client.is_now(10, 1);
    two.entry().from_client.is_now(5, 2);
    two.entry().from_backend.is_now(7, 3);
    two.entry().buffers(4);
    three.entry().from_client.is_now(1, 1);
    let passed = |bytes, messages| Passed { bytes, messages };
    let of_a = |buffered| Traffic {
        from_client: passed(15, 3),
        from_backend: passed(7, 3),
        buffered,
    };
    let of_b = Traffic {
        from_client: passed(1, 1),
        ..Traffic::default()
    };
    let traffic = || {
        let mut traffic = live.traffic();
        traffic.sort_by(|(one, _), (other, _)| one.cmp(other));
        traffic
    };
    let expected = |buffered| vec![("a".to_owned(), of_a(buffered)), ("b".to_owned(), of_b)];
    assert_eq!(traffic(), expected(4));
    drop((two, three));
    assert_eq!(traffic(), expected(0));
    assert_eq!(Traffic::sum(&traffic()).from_client, passed(16, 4));
}

#[tokio::test]
async fn one_that_is_told_to_end_hears_of_it() {
    let live = Arc::new(Live::default());
    let present = enter(&live, Kind::Tunnel, "chat");
    let entry = present.entry().clone();
    let told = tokio::spawn(std::future::poll_fn(move |cx| {
        match entry.poll_told(cx, true) {
            Some(code) => std::task::Poll::Ready(code),
            None => std::task::Poll::Pending,
        }
    }));
    tokio::task::yield_now().await;
    assert!(!live.close(99, 4000), "nobody has this id");
    assert!(live.close(1, 4000));
    assert_eq!(told.await.unwrap(), 4000);
}
