//! What the operator may ask of the running server, and how it is told what came of it.

use std::convert::Infallible;
use std::future::pending;

use tokio::sync::{mpsc, oneshot};

/// Tells whoever asked what came of it; why not, in words.
pub(crate) type Answer = oneshot::Sender<Result<(), String>>;

/// A word to the server.
#[derive(Debug)]
pub(crate) enum Order {
    /// Read the configuration again.
    Reload(Answer),
    /// Begin to drain; answered once it has begun.
    Drain(Answer),
    /// Let a new process take over; answered once it is ready, or will not be.
    Upgrade(Answer),
}

impl Order {
    /// It is not done, for this reason.
    pub(crate) fn refuse(self, why: &str) {
        let (Self::Reload(answer) | Self::Drain(answer) | Self::Upgrade(answer)) = self;
        // Whoever has asked may have gone.
        let _ = answer.send(Err(why.to_owned()));
    }
}

/// Answers orders to a server that leaves, for as long as it does: it drains, and does nothing else any more.
pub(crate) async fn decline(orders: &mut Heard) -> Infallible {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Drain(answer) => {
                let _ = answer.send(Ok(()));
            }
            order => order.refuse("the server is draining"),
        }
    }
    pending().await
}

/// More orders than that at one time are refused.
const PENDING: usize = 8;

/// The way of orders to the server.
pub(crate) type Orders = mpsc::Sender<Order>;
/// Where the server hears them.
pub(crate) type Heard = mpsc::Receiver<Order>;

/// A new way.
pub(crate) fn channel() -> (Orders, Heard) {
    mpsc::channel(PENDING)
}

/// Gives an order and waits for what comes of it.
///
/// # Errors
/// What the server says, or that it does not listen any more.
pub(super) async fn give(
    orders: &Orders,
    order: impl FnOnce(Answer) -> Order,
) -> Result<(), String> {
    let (answer, told) = oneshot::channel();
    let busy = || "the server is draining, or has too much to do".to_owned();
    orders.try_send(order(answer)).map_err(|_| busy())?;
    told.await.unwrap_or_else(|_| Err(busy()))
}
