//! One request's way through the bad network and its answer's way back.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Network;
use super::faults::{Duplicate, Fault, Plan};
use super::message::{Connection, Content, head_bytes};
use crate::Head;

/// How long a request waits at most to be overtaken: there may be no other.
const PATIENCE: Duration = Duration::from_millis(300);

/// What becomes of the client's connection.
pub(super) enum Next {
    KeptAlive,
    Ended,
}

/// A request as it came.
struct Request {
    head: Head,
    body: Vec<u8>,
}

/// An answer, of which all or only the head is here.
enum Answer {
    Whole(Head, Vec<u8>),
    Begun(Head, Connection, Content),
}

pub(super) async fn pass(client: &mut Connection, network: &Network) -> io::Result<Next> {
    let head = client.head().await?;
    let body = client.whole(Content::of_request(&head)).await?;
    let request = Request { head, body };
    let (number, plan) = network.next();
    hold_back(network, number, &plan).await;

    let next = match plan.ending {
        Some(fault @ (Fault::BadGateway | Fault::Portal)) => {
            network.happened(fault);
            client.write(page(fault).as_bytes()).await?;
            Next::KeptAlive
        }
        Some(Fault::CutBefore) => {
            network.happened(Fault::CutBefore);
            Next::Ended
        }
        Some(Fault::CutRequest) => {
            let bytes = request.bytes(&plan);
            let mut towpath = connect(network).await?;
            towpath.write(&bytes[..bytes.len() / 2]).await?;
            network.happened(Fault::CutRequest);
            Next::Ended
        }
        ending => {
            let answer = forward(network, &request, &plan).await?;
            give(client, network, &request, answer, ending, &plan).await?
        }
    };
    network
        .answered
        .send_modify(|latest| *latest = number.max(*latest));
    Ok(next)
}

async fn hold_back(network: &Network, number: u64, plan: &Plan) {
    if let Some(delay) = plan.delay {
        tokio::time::sleep(delay).await;
        network.happened(Fault::Delay);
    }
    if plan.reorder {
        let mut answered = network.answered.subscribe();
        let overtaken = answered.wait_for(|latest| *latest > number);
        if let Ok(Ok(_)) = timeout(PATIENCE, overtaken).await {
            network.happened(Fault::Reorder);
        }
    }
}

/// The answer that the client will be given.
async fn forward(network: &Network, request: &Request, plan: &Plan) -> io::Result<Answer> {
    if plan.http10 {
        network.happened(Fault::Http10);
    }
    let bytes = request.bytes(plan);
    let Some(Duplicate {
        at_once,
        give_second,
    }) = plan.duplicate
    else {
        let (mut towpath, head, content) = ask(network, &bytes).await?;
        let buffered = plan.buffer || plan.ending == Some(Fault::CutAnswer);
        if !buffered {
            return Ok(Answer::Begun(head, towpath, content));
        }
        let body = towpath.whole(content).await?;
        if plan.buffer {
            network.happened(Fault::Buffer);
        }
        return Ok(Answer::Whole(head, body));
    };
    let (first, second) = if at_once {
        tokio::try_join!(ask_whole(network, &bytes), ask_whole(network, &bytes))?
    } else {
        (
            ask_whole(network, &bytes).await?,
            ask_whole(network, &bytes).await?,
        )
    };
    network.happened(Fault::Duplicate);
    Ok(if give_second { second } else { first })
}

async fn ask_whole(network: &Network, bytes: &[u8]) -> io::Result<Answer> {
    let (mut towpath, head, content) = ask(network, bytes).await?;
    Ok(Answer::Whole(head, towpath.whole(content).await?))
}

async fn ask(network: &Network, bytes: &[u8]) -> io::Result<(Connection, Head, Content)> {
    let mut towpath = connect(network).await?;
    towpath.write(bytes).await?;
    let head = towpath.head().await?;
    let content = Content::of_response(&head);
    Ok((towpath, head, content))
}

async fn connect(network: &Network) -> io::Result<Connection> {
    Connection::new(TcpStream::connect(network.target).await?)
}

/// Gives the client the answer, or as much of it as was planned.
async fn give(
    client: &mut Connection,
    network: &Network,
    request: &Request,
    answer: Answer,
    ending: Option<Fault>,
    plan: &Plan,
) -> io::Result<Next> {
    if ending == Some(Fault::CutAnswer) {
        network.happened(Fault::CutAnswer);
        return Ok(Next::Ended);
    }
    let cut = ending == Some(Fault::CutResponse);
    let next = match answer {
        Answer::Whole(head, body) => give_whole(client, &head, &body, cut, plan).await?,
        Answer::Begun(head, towpath, content) => {
            give_as_it_comes(client, &head, towpath, content, cut, plan).await?
        }
    };
    if cut {
        network.happened(Fault::CutResponse);
    }
    let once = request.head.start.ends_with("HTTP/1.0");
    Ok(if cut || once { Next::Ended } else { next })
}

async fn give_whole(
    client: &mut Connection,
    head: &Head,
    body: &[u8],
    cut: bool,
    plan: &Plan,
) -> io::Result<Next> {
    let length = format!("Content-Length: {}\r\n", body.len());
    let (start, next) = status_line(head, plan);
    let mut bytes = head_bytes(&start, head, &length);
    bytes.extend_from_slice(if cut { &body[..body.len() / 2] } else { body });
    client.write(&bytes).await?;
    Ok(next)
}

/// Each piece goes on as soon as it is there.
async fn give_as_it_comes(
    client: &mut Connection,
    head: &Head,
    mut towpath: Connection,
    mut content: Content,
    cut: bool,
    plan: &Plan,
) -> io::Result<Next> {
    let (start, next) = status_line(head, plan);
    let (framing, next) = match content {
        Content::Length(length) => (format!("Content-Length: {length}\r\n"), next),
        // HTTP/1.0 knows no chunks.
        _ if plan.http10 => (String::new(), Next::Ended),
        _ => ("Transfer-Encoding: chunked\r\n".to_owned(), next),
    };
    let chunked = !plan.http10 && !matches!(content, Content::Length(_));
    client.write(&head_bytes(&start, head, &framing)).await?;
    while let Some(piece) = towpath.piece(&mut content).await? {
        if cut {
            let half = chunk(&piece, chunked);
            client.write(&half[..half.len() / 2]).await?;
            return Ok(Next::Ended);
        }
        client.write(&chunk(&piece, chunked)).await?;
    }
    if chunked {
        client.write(b"0\r\n\r\n").await?;
    }
    Ok(next)
}

fn chunk(piece: &[u8], chunked: bool) -> Vec<u8> {
    if !chunked {
        return piece.to_vec();
    }
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}

fn status_line(head: &Head, plan: &Plan) -> (String, Next) {
    let (_, status) = head.start.split_once(' ').unwrap_or_default();
    match plan.http10 {
        true => (format!("HTTP/1.0 {status}"), Next::Ended),
        false => (format!("HTTP/1.1 {status}"), Next::KeptAlive),
    }
}

impl Request {
    /// The request as it is forwarded, on a connection of its own.
    fn bytes(&self, plan: &Plan) -> Vec<u8> {
        let (line, _) = self.head.start.rsplit_once(' ').unwrap_or_default();
        let version = if plan.http10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let own = format!(
            "Connection: close\r\nContent-Length: {}\r\n",
            self.body.len()
        );
        let mut bytes = head_bytes(&format!("{line} {version}"), &self.head, &own);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn page(fault: Fault) -> String {
    let (status, text) = match fault {
        Fault::Portal => (
            "200 OK",
            "<!doctype html><title>Welcome to our hotel</title>",
        ),
        _ => ("502 Bad Gateway", "<!doctype html><title>502</title>"),
    };
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{text}"
    )
}
