//! Streams that break or stall elsewhere than in a write: TLS and other buffering streams take every byte
//! and then do not get rid of it.

use std::io;

use tokio::io::ReadBuf;

use super::*;

/// What goes wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It buffers what is written, and its flush never ends.
    Flush,
    /// It never says its farewell.
    Shutdown,
    /// Where its peer ends, it reports a reset.
    Reset,
}

struct Troubled(DuplexStream, Trouble);

impl AsyncRead for Troubled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.0).poll_read(cx, buf);
        let ended = matches!(poll, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if ended && self.1 == Trouble::Reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        poll
    }
}

impl AsyncWrite for Troubled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.1 {
            Trouble::Flush => Poll::Pending,
            _ => Pin::new(&mut self.0).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.1 {
            Trouble::Shutdown => Poll::Pending,
            _ => Pin::new(&mut self.0).poll_shutdown(cx),
        }
    }
}

/// A tunnel whose connection to the client has this trouble: the client, the backend, the tunnel.
fn troubled(
    trouble: Trouble,
    settings: Settings,
) -> (DuplexStream, DuplexStream, JoinHandle<Report>) {
    let (client, near_client) = duplex(PIPE);
    let (backend, near_backend) = duplex(PIPE);
    let near_client = Troubled(near_client, trouble);
    let ending = std::future::pending();
    let observers = Observers::default();
    let tunnel = tokio::spawn(async move {
        relay(near_client, near_backend, settings, &observers, ending).await
    });
    (client, backend, tunnel)
}

async fn ended_by(tunnel: JoinHandle<Report>) -> Ended {
    timeout(Duration::from_secs(600), tunnel)
        .await
        .expect("the tunnel did not end")
        .unwrap()
        .ended_by
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_never_ends_is_a_receiver_that_takes_nothing() {
    let (_client, mut backend, tunnel) = troubled(Trouble::Flush, settings());
    backend.write_all(&plain(0x81, b"x")).await.unwrap();
    assert_eq!(ended_by(tunnel).await, Ended::WriteTimeout(Side::Client));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_never_ends_is_a_receiver_that_takes_nothing() {
    let (_client, mut backend, tunnel) = troubled(Trouble::Shutdown, settings());
    backend.shutdown().await.unwrap();
    let report = timeout(Duration::from_secs(61), tunnel)
        .await
        .expect("still there")
        .unwrap();
    assert_eq!(report.ended_by, Ended::Left(Side::Backend));
}

/// It would only be queued, and its answer missed.
#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_behind_is_sent_no_ping() {
    let pinged = Settings {
        ping: Some(Duration::from_secs(30)),
        ping_timeout: Duration::from_secs(10),
        ..settings()
    };
    let (_client, mut backend, tunnel) = troubled(Trouble::Flush, pinged);
    let answers = tokio::spawn(async move {
        backend.write_all(&plain(0x81, b"x")).await.unwrap();
        loop {
            let (ping, payload) = read_frame(&mut backend).await;
            if ping.opcode == Opcode::Ping {
                backend.write_all(&plain(0x8A, &payload)).await.unwrap();
            }
        }
    });
    assert_eq!(ended_by(tunnel).await, Ended::WriteTimeout(Side::Client));
    answers.abort();
}

/// Its pong waits behind what the other side does not take.
#[tokio::test(start_paused = true)]
async fn a_sender_that_is_not_listened_to_is_not_taken_for_dead() {
    let pinged = Settings {
        ping: Some(Duration::from_secs(30)),
        ping_timeout: Duration::from_secs(10),
        ..settings()
    };
    let mut scene = Scene::with_pipes(pinged, 1024);
    let flood = plain(0x82, &[7; 100]);
    while timeout(Duration::from_secs(1), scene.backend.write_all(&flood))
        .await
        .is_ok()
    {}
    assert_eq!(
        ended_by(scene.tunnel).await,
        Ended::WriteTimeout(Side::Client)
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_reset_is_delivered() {
    let (mut client, mut backend, tunnel) = troubled(Trouble::Reset, settings());
    let last = masked(0x81, b"last");
    client.write_all(&last).await.unwrap();
    drop(client);
    assert_eq!(read_to_end(&mut backend).await, last);
    drop(backend);
    assert_eq!(ended_by(tunnel).await, Ended::Reset(Side::Client));
}
