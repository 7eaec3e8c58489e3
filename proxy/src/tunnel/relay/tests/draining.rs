//! Draining against peers that do not make it easy.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_busy_stream_is_closed_between_two_of_its_frames() {
    let Scene {
        mut client,
        mut backend,
        drain,
        tunnel: _tunnel,
    } = Scene::with_pipes(settings(), 64);
    let frame = plain(0x82, &[7; 90]);
    let stream = frame.clone();
    // It ends when the tunnel does, and no earlier. Only where it pauses can the paused clock move.
    let flood = tokio::spawn(async move {
        while backend.write_all(&stream).await.is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    for _ in 0..100 {
        assert_eq!(read(&mut client, frame.len()).await, frame);
    }
    drain.unwrap().send(()).unwrap();
    let (last, payload) = loop {
        let (header, payload) = read_frame(&mut client).await;
        if header.opcode != Opcode::Binary {
            break (header, payload);
        }
        assert_eq!(payload, [7; 90]);
    };
    assert_eq!(
        (last.opcode, &payload[..2]),
        (Opcode::Close, &close(1001)[..])
    );
    timeout(Duration::from_secs(60), flood)
        .await
        .expect("the backend was never cut")
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_closes_too_is_still_told_when_the_client_does_not_answer() {
    let mut scene = Scene::new(settings());
    scene.drain();
    expect_close(&mut scene.client, 1001, "draining").await;
    scene
        .backend
        .write_all(&plain(0x88, &close(1000)))
        .await
        .unwrap();
    let before = Instant::now();
    expect_close(&mut scene.backend, 1001, "going away").await;
    assert_eq!(before.elapsed().as_secs(), 5);
    let report = timeout(Duration::from_secs(6), &mut scene.tunnel)
        .await
        .expect("still there")
        .unwrap();
    assert_eq!(report.ended_by, Ended::Drain);
}

/// Nobody will see what is discarded, so nobody may be cut off for it.
#[tokio::test(start_paused = true)]
async fn what_the_backend_says_too_late_cuts_off_no_client() {
    let late = [
        ("a message above the limit", plain(0x81, b"0123456789!")),
        ("a fault", plain(0x83, b"")),
    ];
    for (what, late) in late {
        let mut scene = Scene::new(Settings {
            max_message: Some(10),
            strict: true,
            ..settings()
        });
        scene.drain();
        expect_close(&mut scene.client, 1001, "draining").await;
        scene.backend.write_all(&late).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let last = [masked(0x81, b"last"), masked(0x88, &close(1001))].concat();
        scene.client.write_all(&last).await.unwrap();
        assert_eq!(
            read(&mut scene.backend, last.len()).await,
            last,
            "after {what}"
        );
        assert_eq!(scene.report().await.ended_by, Ended::Drain);
    }
}
