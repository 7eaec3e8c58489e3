//! The PROXY protocol on listeners: who a client is, said by a load balancer before anything else. The witnesses are the
//! backend, which is told the client's address, and the count of what was turned away.

use std::net::IpAddr;

use harness::{
    Authority, Balancer, HttpBackend, Towpath, TungstenitePeer, Wire, curl, curl_fails, echo, open,
};

const BALANCER: IpAddr = Balancer::SOURCE;
const GET: &str = "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n";
const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n";

/// A header of version 2: a command, a family, and what these speak of.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let fixed = [command, family, length[0], length[1]];
    [b"\r\n\r\n\0\r\nQUIT\n", &fixed[..], rest].concat()
}

/// 192.0.2.7:40000 to 198.51.100.1:443, and then what a cloud's balancer adds.
fn v2_over_ipv4() -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x01, 0xbb];
    let more = [0xea, 0x00, 0x04, 0x01, b'v', b'p', b'c'];
    v2(0x21, 0x11, &[&addresses[..], &more].concat())
}

async fn behind_a_balancer(more: &str) -> (Towpath, HttpBackend) {
    let backend = HttpBackend::mirror().await;
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, proxy_protocol: [{BALANCER}] }}]\n\
         admin: {{ address: 127.0.0.1:0 }}\n{more}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    (towpath, backend)
}

async fn balancer(towpath: &Towpath) -> Wire {
    Wire::connect_from(BALANCER, towpath.address()).await
}

/// The client's address, as the backend is told it.
async fn told(client: &mut Wire) -> String {
    let (head, content) = client.response().await;
    assert_eq!(head.status(), 200, "{content}");
    let told = content
        .lines()
        .find_map(|line| line.strip_prefix("x-forwarded-for: "));
    told.expect("the client's address").to_owned()
}

#[tokio::test]
async fn the_client_is_who_the_header_says() {
    let (towpath, _backend) = behind_a_balancer("").await;
    let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n";
    for (header, client) in [
        (V1.into(), "192.0.2.7"),
        (v6.to_vec(), "2001:db8::7"),
        (v2_over_ipv4(), "192.0.2.7"),
    ] {
        let mut connection = balancer(&towpath).await;
        connection
            .send([&header[..], GET.as_bytes()].concat())
            .await;
        assert_eq!(told(&mut connection).await, client);
        // It is said once, and is true of all requests.
        connection.send(GET).await;
        assert_eq!(told(&mut connection).await, client);
        towpath
            .access("request", |line| line["client"] == client)
            .await;
    }
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() {
    let (towpath, _backend) = behind_a_balancer("").await;
    for header in [V1.into(), v2_over_ipv4()] {
        let mut connection = balancer(&towpath).await;
        for byte in header {
            connection.send([byte]).await;
            tokio::task::yield_now().await;
        }
        connection.send(GET).await;
        assert_eq!(told(&mut connection).await, "192.0.2.7");
    }
}

/// A health check of the balancer's own, or a client that it knows nothing of.
#[tokio::test]
async fn a_header_without_a_client_speaks_of_the_balancer() {
    let (towpath, _backend) = behind_a_balancer("").await;
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        v2(0x20, 0x00, &[]),
        v2(0x21, 0x31, &[0; 216]),
    ] {
        let mut connection = balancer(&towpath).await;
        connection
            .send([&header[..], GET.as_bytes()].concat())
            .await;
        assert_eq!(told(&mut connection).await, BALANCER.to_string());
    }
}

/// B2: from elsewhere it is a request like any other, and not a valid one.
#[tokio::test]
async fn a_header_of_anybody_else_is_not_believed() {
    let (towpath, _backend) = behind_a_balancer("").await;
    for header in [V1.into(), v2_over_ipv4()] {
        let mut client = towpath.connect().await;
        client.send([&header[..], GET.as_bytes()].concat()).await;
        assert_eq!(client.response().await.0.status(), 400);
        client.ends().await;
    }
    towpath.rejected("malformed", 2).await;
    let mut client = towpath.connect().await;
    client.send(GET).await;
    assert_eq!(told(&mut client).await, "127.0.0.1");
}

/// B2: from a balancer nothing else is accepted, in bytes or in time.
#[tokio::test]
async fn a_balancer_without_a_valid_header_is_closed_without_a_word() {
    let (towpath, _backend) = behind_a_balancer("timeouts: { request_header: 200ms }").await;
    let wrong = [
        GET.into(),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n".to_vec(),
        format!("PROXY UNKNOWN {}\r\n", "x".repeat(200)).into(),
        v2(0x31, 0x11, &[0; 12]),
        v2(0x21, 0x41, &[0; 12]),
        v2(0x21, 0x11, &[0; 11]),
        v2(0x21, 0x11, &[0; 5000]),
        // Those that never end.
        b"PROXY TCP4 192".to_vec(),
        v2_over_ipv4()[..20].to_vec(),
    ];
    for (count, bytes) in (1..).zip(&wrong) {
        let mut connection = balancer(&towpath).await;
        connection.send(bytes).await;
        connection.ends().await;
        towpath.rejected("proxy_protocol", count).await;
    }
}

/// Balancers look whether the port is open. That is nobody's fault.
#[tokio::test]
async fn a_balancer_that_only_looks_whether_somebody_listens_is_not_counted() {
    let (towpath, _backend) = behind_a_balancer("").await;
    let mut looking = balancer(&towpath).await;
    looking.half_close().await;
    looking.ends().await;
    let mut wrong = balancer(&towpath).await;
    wrong.send("GET").await;
    wrong.ends().await;
    towpath.rejected("proxy_protocol", 1).await;
}

/// What is counted by address is counted by the client's.
#[tokio::test]
async fn limits_are_the_clients_and_not_the_balancers() {
    let limits = "limits: { connections_per_address: 1, requests_per_second: 1 }";
    let (towpath, _backend) = behind_a_balancer(limits).await;
    let from = |client: &str| format!("PROXY TCP4 {client} 198.51.100.1 40000 443\r\n{GET}");
    let mut open = Vec::new();
    for client in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let mut connection = balancer(&towpath).await;
        connection.send(from(client)).await;
        assert_eq!(told(&mut connection).await, client);
        open.push(connection);
    }
    let mut one_more = balancer(&towpath).await;
    one_more.send(from("192.0.2.3")).await;
    assert_eq!(one_more.response().await.0.status(), 429);
    towpath.rejected("connections_per_address", 1).await;
}

/// E2.
#[tokio::test]
async fn a_connection_counts_before_it_has_said_whose_it_is() {
    let (towpath, _backend) = behind_a_balancer("limits: { connections: 2 }").await;
    let mut silent = balancer(&towpath).await;
    silent.send("PROXY").await;
    let mut second = balancer(&towpath).await;
    second.send([V1, GET].concat()).await;
    assert_eq!(told(&mut second).await, "192.0.2.7");
    let mut third = balancer(&towpath).await;
    assert_eq!(third.response().await.0.status(), 503);
    towpath.rejected("connections", 1).await;
}

/// Through TLS, over HTTP/1.1 and HTTP/2.
#[tokio::test]
async fn tls_begins_after_it() {
    let authority = Authority::new();
    let pair = authority.server("site", &["chat.test"]);
    let backend = HttpBackend::mirror().await;
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, proxy_protocol: [{BALANCER}], tls: {{ {} }} }}]\n\
         routes: [{{ upstream: {} }}]",
        pair.yaml(),
        backend.address()
    ))
    .await;
    let ca = authority.certificate().display().to_string();
    for header in [V1.into(), v2_over_ipv4()] {
        let balancer = Balancer::start(towpath.address(), header).await;
        let port = balancer.address().port();
        let url = format!("https://chat.test:{port}/");
        let resolve = format!("chat.test:{port}:127.0.0.1");
        for version in ["--http1.1", "--http2"] {
            let seen = curl(&["--cacert", &ca, "--resolve", &resolve, version, &url]).await;
            assert!(seen.contains("x-forwarded-for: 192.0.2.7\n"), "{seen}");
        }
    }
    // Who says nothing cannot even begin.
    let port = towpath.address().port();
    let (url, resolve) = (
        format!("https://chat.test:{port}/"),
        format!("chat.test:{port}:127.0.0.1"),
    );
    let own = [
        "--cacert",
        &ca,
        "--resolve",
        &resolve,
        "--interface",
        "127.0.0.2",
        &url,
    ];
    curl_fails(&own).await;
    // curl says it itself, for its own address.
    let seen = curl(&[&own[..], &["--haproxy-protocol"]].concat()).await;
    assert!(seen.contains("x-forwarded-for: 127.0.0.2\n"), "{seen}");
}

#[tokio::test]
async fn a_websocket_is_its_clients_to_the_end() {
    let peer = TungstenitePeer::start().await;
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, proxy_protocol: [{BALANCER}] }}]\n\
         routes: [{{ upstream: {} }}]",
        peer.address()
    ))
    .await;
    let balancer = Balancer::start(towpath.address(), v2_over_ipv4()).await;
    let mut socket = open(balancer.address(), "/echo").await;
    assert_eq!(echo(&mut socket, "hello").await, "hello");
    drop(socket);
    let line = towpath.access("tunnel", |_| true).await;
    assert_eq!(line["client"], "192.0.2.7");
}

/// What the client says of itself stays what a client says: believed if it is a trusted proxy, replaced otherwise.
#[tokio::test]
async fn the_client_may_be_a_trusted_proxy() {
    let (towpath, _backend) = behind_a_balancer("trusted_proxies: [192.0.2.7]").await;
    let claim = "GET / HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
    let mut connection = balancer(&towpath).await;
    connection.send([V1, claim].concat()).await;
    assert_eq!(told(&mut connection).await, "203.0.113.9, 192.0.2.7");
    let other = V1.replace("192.0.2.7", "192.0.2.8");
    let mut connection = balancer(&towpath).await;
    connection.send([&other, claim].concat()).await;
    assert_eq!(told(&mut connection).await, "192.0.2.8");
}

/// Toward servers: each connection begins by saying whose it is, and carries nobody else's requests.
#[tokio::test]
async fn servers_are_told_whose_a_connection_is() {
    let backend = harness::RawBackend::start().await;
    for version in ["v1", "v2"] {
        let towpath = Towpath::start(&format!(
            "upstreams: {{ app: {{ servers: [\"{}\"], proxy_protocol: {version} }} }}\n\
             routes: [{{ upstream: app }}]",
            backend.address()
        ))
        .await;
        for request in [GET.to_owned(), harness::handshake("/", "")] {
            let mut clients = [towpath.connect().await, towpath.connect().await];
            for client in &mut clients {
                client.send(&request).await;
                let mut server = backend.accept().await;
                let expected = header(version, client.local(), towpath.address());
                assert_eq!(server.bytes(expected.len()).await, expected, "{version}");
                let head = server.head().await;
                assert_eq!(head.value("x-forwarded-for"), Some("127.0.0.1"));
                server
                    .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await;
                assert_eq!(client.response().await.1, "ok");
            }
        }
    }
}

fn header(version: &str, client: std::net::SocketAddr, own: std::net::SocketAddr) -> Vec<u8> {
    let ports = [client.port().to_be_bytes(), own.port().to_be_bytes()].concat();
    match version {
        "v1" => format!(
            "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
            client.port(),
            own.port()
        )
        .into(),
        _ => v2(
            0x21,
            0x11,
            &[&[127, 0, 0, 1, 127, 0, 0, 1], &ports[..]].concat(),
        ),
    }
}
