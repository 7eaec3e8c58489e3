//! Tunnels between two in-memory peers, on a clock that the tests move.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::frame::{Header, Opcode};
use super::super::handshake::Extensions;
use super::*;

mod attempts;
mod draining;
mod stalling;

const PIPE: usize = 1 << 20;

fn settings() -> Settings {
    Settings {
        ping: None,
        ping_timeout: Duration::from_secs(60),
        idle_timeout: None,
        lifetime: None,
        max_message: None,
        strict: false,
        extensions: Extensions::default(),
        write_timeout: Duration::from_secs(60),
    }
}

/// A running tunnel, and its two peers in the test's hands.
struct Scene {
    client: DuplexStream,
    backend: DuplexStream,
    drain: Option<oneshot::Sender<()>>,
    tunnel: JoinHandle<Report>,
}

impl Scene {
    fn new(settings: Settings) -> Self {
        Self::with_pipes(settings, PIPE)
    }

    fn with_pipes(settings: Settings, size: usize) -> Self {
        Self::open(settings, size, None)
    }

    fn open(settings: Settings, size: usize, attempt: Option<Attempt>) -> Self {
        let (client, near_client) = duplex(size);
        let (backend, near_backend) = duplex(size);
        let (drain, drained) = oneshot::channel();
        let ending = async move {
            if drained.await.is_err() {
                std::future::pending().await
            }
            Farewell::Drain
        };
        let tunnel = tokio::spawn(async move {
            let observers = Observers {
                attempt: attempt.as_ref(),
                witness: None,
            };
            relay(near_client, near_backend, settings, &observers, ending).await
        });
        Self {
            client,
            backend,
            drain: Some(drain),
            tunnel,
        }
    }

    fn drain(&mut self) {
        self.drain.take().unwrap().send(()).unwrap();
    }

    /// Ends both sides and gives the report.
    async fn report(self) -> Report {
        let Self {
            client,
            backend,
            tunnel,
            drain,
        } = self;
        drop((client, backend));
        let report = timeout(Duration::from_secs(3600), tunnel)
            .await
            .expect("the tunnel did not end")
            .unwrap();
        drop(drain);
        report
    }
}

async fn read(stream: &mut DuplexStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let read = timeout(Duration::from_secs(600), stream.read_exact(&mut bytes)).await;
    read.expect("nothing came").expect("the stream ended");
    bytes
}

async fn read_to_end(stream: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    timeout(Duration::from_secs(600), stream.read_to_end(&mut bytes))
        .await
        .expect("no end came")
        .unwrap();
    bytes
}

/// One whole frame: its header and its unmasked payload.
async fn read_frame(stream: &mut DuplexStream) -> (Header, Vec<u8>) {
    let mut bytes = Vec::new();
    let header = loop {
        bytes.extend(read(stream, 1).await);
        if let Some(header) = Header::parse(&bytes).unwrap() {
            break header;
        }
    };
    let payload = read(stream, header.payload as usize).await;
    let mask = header.mask.unwrap_or_default();
    (
        header,
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect(),
    )
}

async fn expect_close(stream: &mut DuplexStream, code: u16, reason: &str) {
    let (header, payload) = read_frame(stream).await;
    let expected = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
    assert_eq!((header.opcode, payload), (Opcode::Close, expected));
}

/// A client's frame, masked with zeros so that tests can read it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// A backend's frame.
fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

fn close(code: u16) -> [u8; 2] {
    code.to_be_bytes()
}

trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}
impl ReadWrite for DuplexStream {}

#[test]
fn the_future_is_small() {
    type Stream = Box<dyn ReadWrite>;
    let (client, backend): (Stream, Stream) = (Box::new(duplex(1).0), Box::new(duplex(1).0));
    let ending = std::future::pending();
    let observers = Observers::default();
    let future = relay(client, backend, settings(), &observers, ending);
    let size = size_of_val(&future);
    assert!(size <= 1024, "the relay's future takes {size} bytes");
}

#[tokio::test(start_paused = true)]
async fn bytes_pass_both_ways_and_are_counted() {
    let mut scene = Scene::new(settings());
    let up = [masked(0x81, b"hello"), masked(0x82, b"world")].concat();
    let down = plain(0x81, b"echo");
    scene.client.write_all(&up).await.unwrap();
    assert_eq!(read(&mut scene.backend, up.len()).await, up);
    scene.backend.write_all(&down).await.unwrap();
    assert_eq!(read(&mut scene.client, down.len()).await, down);
    let report = scene.report().await;
    assert_eq!(
        report.from_client,
        Traffic {
            bytes: up.len() as u64,
            messages: 2
        }
    );
    assert_eq!(
        report.from_backend,
        Traffic {
            bytes: down.len() as u64,
            messages: 1
        }
    );
    assert_eq!(report.close, None);
}

#[tokio::test(start_paused = true)]
async fn a_closing_handshake_passes_as_it_is() {
    let mut scene = Scene::new(settings());
    let (up, down) = (masked(0x88, &close(4001)), plain(0x88, &close(4001)));
    scene.client.write_all(&up).await.unwrap();
    assert_eq!(read(&mut scene.backend, up.len()).await, up);
    scene.backend.write_all(&down).await.unwrap();
    scene.backend.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut scene.client).await, down);
    let report = scene.report().await;
    assert_eq!(
        (report.close, report.ended_by),
        (Some(4001), Ended::By(Side::Client))
    );
}

#[tokio::test(start_paused = true)]
async fn each_half_closes_by_itself() {
    for from_client in [true, false] {
        let mut scene = Scene::new(settings());
        let (first, second) = if from_client {
            (&mut scene.client, &mut scene.backend)
        } else {
            (&mut scene.backend, &mut scene.client)
        };
        first.write_all(b"last words").await.unwrap();
        first.shutdown().await.unwrap();
        assert_eq!(read_to_end(second).await, b"last words");
        // Much later, the other half still works.
        sleep(Duration::from_secs(300)).await;
        second.write_all(b"answer").await.unwrap();
        assert_eq!(read(first, 6).await, b"answer");
        let side = if from_client {
            Side::Client
        } else {
            Side::Backend
        };
        assert_eq!(scene.report().await.ended_by, Ended::Left(side));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_delivered_although_the_sender_is_gone() {
    let mut scene = Scene::with_pipes(settings(), 64);
    let Scene {
        backend, client, ..
    } = &mut scene;
    let big = plain(0x82, &[7; 100]);
    let (written, received) = tokio::join!(
        async {
            backend.write_all(&big).await.unwrap();
            backend.shutdown().await
        },
        read_to_end(client)
    );
    written.unwrap();
    assert_eq!(received, big);
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_relayed_and_no_frame_is_put_into_it() {
    let pinged = Settings {
        ping: Some(Duration::from_secs(1)),
        ..settings()
    };
    let mut scene = Scene::new(pinged);
    scene
        .backend
        .write_all(b"GET / HTTP/1.1\r\n")
        .await
        .unwrap();
    assert_eq!(read(&mut scene.client, 16).await, b"GET / HTTP/1.1\r\n");
    sleep(Duration::from_secs(10)).await;
    scene.backend.write_all(b"\r\n").await.unwrap();
    assert_eq!(read(&mut scene.client, 2).await, b"\r\n");
}

/// Its pong could not be found in what is no longer scanned, and would go to the other side.
#[tokio::test(start_paused = true)]
async fn a_side_that_talks_nonsense_is_sent_no_ping() {
    let pinged = Settings {
        ping: Some(Duration::from_secs(1)),
        ..settings()
    };
    let mut scene = Scene::new(pinged);
    scene.client.write_all(b"GET /").await.unwrap();
    assert_eq!(read(&mut scene.backend, 5).await, b"GET /");
    let ping = timeout(Duration::from_secs(10), read_frame(&mut scene.client)).await;
    assert!(ping.is_err(), "the client was sent {ping:?}");
}

#[tokio::test(start_paused = true)]
async fn strict_framing_closes_both_with_1002() {
    let mut scene = Scene::new(Settings {
        strict: true,
        ..settings()
    });
    scene
        .client
        .write_all(&plain(0x81, b"not masked"))
        .await
        .unwrap();
    expect_close(&mut scene.client, 1002, "protocol error").await;
    expect_close(&mut scene.backend, 1002, "protocol error").await;
    let report = scene.report().await;
    assert_eq!(
        (report.close, report.ended_by),
        (Some(1002), Ended::Fault(Side::Client))
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_above_the_limit_closes_both_with_1009() {
    let mut scene = Scene::new(Settings {
        max_message: Some(10),
        ..settings()
    });
    let good = plain(0x81, b"0123456789");
    scene.backend.write_all(&good).await.unwrap();
    scene
        .backend
        .write_all(&plain(0x81, b"0123456789!"))
        .await
        .unwrap();
    assert_eq!(read(&mut scene.client, good.len()).await, good);
    expect_close(&mut scene.client, 1009, "message too big").await;
    expect_close(&mut scene.backend, 1009, "message too big").await;
    assert_eq!(
        scene.report().await.ended_by,
        Ended::MessageTooBig(Side::Backend)
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_side_is_pinged_and_its_answer_goes_no_further() {
    let mut scene = Scene::new(Settings {
        ping: Some(Duration::from_secs(30)),
        ..settings()
    });
    let (to_client, payload) = read_frame(&mut scene.client).await;
    assert_eq!((to_client.opcode, to_client.mask), (Opcode::Ping, None));
    let (to_backend, same) = read_frame(&mut scene.backend).await;
    assert!(to_backend.opcode == Opcode::Ping && to_backend.mask.is_some() && same == payload);
    sleep(Duration::from_secs(2)).await;
    let text = masked(0x81, b"x");
    scene
        .client
        .write_all(&masked(0x8A, &payload))
        .await
        .unwrap();
    scene
        .client
        .write_all(&masked(0x8A, b"my own"))
        .await
        .unwrap();
    scene.client.write_all(&text).await.unwrap();
    scene
        .backend
        .write_all(&plain(0x8A, &payload))
        .await
        .unwrap();
    let expected = [masked(0x8A, b"my own"), text].concat();
    assert_eq!(read(&mut scene.backend, expected.len()).await, expected);
    sleep(Duration::from_secs(1)).await;
    let report = scene.report().await;
    assert_eq!(report.client_rtt, Some(Duration::from_secs(2)));
    assert_eq!(report.backend_rtt, Some(Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_ping_closes_both() {
    let pinged = Settings {
        ping: Some(Duration::from_secs(30)),
        ping_timeout: Duration::from_secs(10),
        ..settings()
    };
    let mut scene = Scene::new(pinged);
    let (_, payload) = read_frame(&mut scene.backend).await;
    scene
        .backend
        .write_all(&plain(0x8A, &payload))
        .await
        .unwrap();
    // The client says nothing.
    expect_close(&mut scene.backend, 1001, "ping timeout").await;
    assert_eq!(read_frame(&mut scene.client).await.0.opcode, Opcode::Ping);
    expect_close(&mut scene.client, 1001, "ping timeout").await;
    assert_eq!(
        scene.report().await.ended_by,
        Ended::PingTimeout(Side::Client)
    );
}

#[tokio::test(start_paused = true)]
async fn traffic_is_life_enough() {
    let pinged = Settings {
        ping: Some(Duration::from_secs(30)),
        ..settings()
    };
    let mut scene = Scene::new(pinged);
    let (up, down) = (masked(0x81, b"u"), plain(0x81, b"d"));
    for _ in 0..20 {
        sleep(Duration::from_secs(20)).await;
        scene.client.write_all(&up).await.unwrap();
        scene.backend.write_all(&down).await.unwrap();
        assert_eq!(read(&mut scene.backend, up.len()).await, up);
        assert_eq!(read(&mut scene.client, down.len()).await, down);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unused_tunnel_is_closed_with_1001_though_its_pings_are_answered() {
    let idle = Settings {
        ping: Some(Duration::from_secs(30)),
        idle_timeout: Some(Duration::from_secs(50)),
        ..settings()
    };
    let mut scene = Scene::new(idle);
    let (_, payload) = read_frame(&mut scene.client).await;
    scene
        .client
        .write_all(&masked(0x8A, &payload))
        .await
        .unwrap();
    expect_close(&mut scene.client, 1001, "idle").await;
    scene
        .client
        .write_all(&masked(0x88, &close(1001)))
        .await
        .unwrap();
    assert_eq!(read_frame(&mut scene.backend).await.0.opcode, Opcode::Ping);
    expect_close(&mut scene.backend, 1001, "").await;
    assert_eq!(scene.report().await.ended_by, Ended::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_that_is_old_enough_is_closed_with_1001_though_it_is_in_use() {
    let mut scene = Scene::new(Settings {
        ping: Some(Duration::from_secs(30)),
        lifetime: Some(Duration::from_secs(25)),
        ..settings()
    });
    let before = Instant::now();
    for _ in 0..2 {
        sleep(Duration::from_secs(10)).await;
        let hello = masked(0x81, b"hello");
        scene.client.write_all(&hello).await.unwrap();
        assert_eq!(read(&mut scene.backend, hello.len()).await, hello);
    }
    expect_close(&mut scene.client, 1001, "max lifetime").await;
    assert_eq!(before.elapsed().as_secs(), 25);
    let answer = masked(0x88, &close(1001));
    scene.client.write_all(&answer).await.unwrap();
    expect_close(&mut scene.backend, 1001, "").await;
    let report = scene.report().await;
    assert_eq!(
        (report.close, report.ended_by),
        (Some(1001), Ended::Lifetime)
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_loses_nothing_that_the_client_sent() {
    let mut scene = Scene::new(settings());
    scene.drain();
    expect_close(&mut scene.client, 1001, "draining").await;
    // The client had this on its way when it heard.
    let last = masked(0x81, b"last");
    scene.client.write_all(&last).await.unwrap();
    scene
        .client
        .write_all(&masked(0x88, &close(1001)))
        .await
        .unwrap();
    assert_eq!(read(&mut scene.backend, last.len()).await, last);
    expect_close(&mut scene.backend, 1001, "").await;
    scene
        .backend
        .write_all(&plain(0x88, &close(1001)))
        .await
        .unwrap();
    scene.backend.shutdown().await.unwrap();
    // The backend's answer is not for the client, which has had its Close.
    assert_eq!(read_to_end(&mut scene.client).await, b"");
    let report = scene.report().await;
    assert_eq!((report.close, report.ended_by), (Some(1001), Ended::Drain));
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_end_of_a_frame() {
    let mut scene = Scene::new(settings());
    scene
        .backend
        .write_all(&[0x81, 4, b'a', b'b'])
        .await
        .unwrap();
    assert_eq!(read(&mut scene.client, 4).await, [0x81, 4, b'a', b'b']);
    scene.drain();
    sleep(Duration::from_secs(1)).await;
    scene.backend.write_all(b"cd").await.unwrap();
    scene
        .backend
        .write_all(&plain(0x81, b"too late"))
        .await
        .unwrap();
    assert_eq!(read(&mut scene.client, 2).await, b"cd");
    expect_close(&mut scene.client, 1001, "draining").await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_client_that_does_not_answer() {
    let mut scene = Scene::new(settings());
    scene.drain();
    expect_close(&mut scene.client, 1001, "draining").await;
    let before = Instant::now();
    expect_close(&mut scene.backend, 1001, "going away").await;
    assert_eq!(before.elapsed().as_secs(), 5);
    let report = timeout(Duration::from_secs(6), &mut scene.tunnel)
        .await
        .expect("still there")
        .unwrap();
    assert_eq!(report.ended_by, Ended::Drain);
}

#[tokio::test(start_paused = true)]
async fn after_both_closes_the_streams_must_end() {
    let mut scene = Scene::new(settings());
    scene
        .client
        .write_all(&masked(0x88, &close(1000)))
        .await
        .unwrap();
    scene
        .backend
        .write_all(&plain(0x88, &close(1000)))
        .await
        .unwrap();
    let report = timeout(Duration::from_secs(6), &mut scene.tunnel)
        .await
        .expect("still there")
        .unwrap();
    assert_eq!(report.close, Some(1000));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_stops_the_sender_and_then_the_tunnel() {
    const SMALL: usize = 1024;
    let mut scene = Scene::with_pipes(settings(), SMALL);
    let mut taken = 0;
    while timeout(Duration::from_secs(1), scene.backend.write_all(&[0; SMALL]))
        .await
        .is_ok()
    {
        taken += SMALL;
    }
    let bound = 64 * 1024 + 3 * SMALL;
    assert!(
        taken <= bound,
        "{taken} bytes were taken of a sender whose receiver reads nothing"
    );
    let report = timeout(Duration::from_secs(61), &mut scene.tunnel)
        .await
        .expect("still there")
        .unwrap();
    assert_eq!(report.ended_by, Ended::WriteTimeout(Side::Client));
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_gets_everything() {
    let mut scene = Scene::with_pipes(settings(), 100);
    let Scene {
        client, backend, ..
    } = &mut scene;
    let frames: Vec<u8> = (0..200u8).flat_map(|n| plain(0x82, &[n; 90])).collect();
    let (_, received) = tokio::join!(
        async {
            backend.write_all(&frames).await.unwrap();
            backend.shutdown().await.unwrap();
        },
        async {
            let mut received = Vec::new();
            let mut piece = [0; 33];
            loop {
                sleep(Duration::from_millis(10)).await;
                match client.read(&mut piece).await.unwrap() {
                    0 => return received,
                    len => received.extend_from_slice(&piece[..len]),
                }
            }
        }
    );
    assert!(
        received == frames,
        "{} bytes of {} came, or not the same",
        received.len(),
        frames.len()
    );
}
