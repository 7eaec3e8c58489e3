//! Bytes from the backend, for which SockJS has no words.

use serde_json::{Value, json};

use super::{ELSEWHERE, HERE, NODE, Service, agree};

#[tokio::test]
async fn they_end_the_conversation() {
    let end = json!({ "code": 1003, "reason": "binary is not supported" });
    everywhere(
        "",
        json!({ "binary": { "heard": ["before"], "code": 1003, "wasClean": true, "closes": [end] } }),
    )
    .await;
}

#[tokio::test]
async fn they_arrive_as_base64_where_that_is_agreed() {
    let heard = ["before", "AH+A/w==", "after"];
    everywhere("binary: base64", json!({ "binary": { "heard": heard } })).await;
}

async fn everywhere(settings: &str, expected: Value) {
    let service = Service::start(settings).await;
    let (node, here, elsewhere) = tokio::join!(
        service.in_node("binary", &NODE),
        service.here("binary", &HERE),
        service.elsewhere("binary", &ELSEWHERE),
    );
    agree(&node, &NODE, |_| expected.clone());
    agree(&here, &HERE, |_| expected.clone());
    agree(&elsewhere, &ELSEWHERE, |_| expected.clone());
}
