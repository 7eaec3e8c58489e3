"""WebSockets over one HTTP/2 connection, by h2 and wsproto. Usage: h2_client.py http://HOST:PORT"""

import socket
import sys
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.settings
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, TextMessage

url = urlsplit(sys.argv[1])
sock = socket.create_connection((url.hostname, url.port), timeout=15)
connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
connection.initiate_connection()
sock.sendall(connection.data_to_send())
sockets, statuses, heard, closes, ended = {}, {}, {}, {}, set()


def turn():
    """Receives once, and answers what is to be answered."""
    data = sock.recv(65536)
    assert data, "the connection has ended"
    for event in connection.receive_data(data):
        if isinstance(event, h2.events.ResponseReceived):
            statuses[event.stream_id] = dict(event.headers)[b":status"]
        elif isinstance(event, h2.events.DataReceived):
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.data:  # nothing is what the end of a stream comes with
                sockets[event.stream_id].receive_data(event.data)
                take(event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            ended.add(event.stream_id)
        elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
            raise AssertionError(event)
    sock.sendall(connection.data_to_send())


def take(stream):
    for event in sockets[stream].events():
        if isinstance(event, TextMessage):
            heard.setdefault(stream, []).append(event.data)
        elif isinstance(event, CloseConnection):
            closes[stream] = event.code


def say(stream, event):
    connection.send_data(stream, sockets[stream].send(event))
    sock.sendall(connection.data_to_send())


def open_websocket():
    stream = connection.get_next_available_stream_id()
    fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/echo"),
        (":authority", url.netloc),
        ("sec-websocket-version", "13"),
    ]
    connection.send_headers(stream, fields)
    sockets[stream] = Connection(ConnectionType.CLIENT)
    sock.sendall(connection.data_to_send())
    return stream


ANNOUNCED = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
while not connection.remote_settings.get(ANNOUNCED):
    turn()
streams = [open_websocket() for _ in range(5)]
while len(statuses) < len(streams):
    turn()
assert set(statuses.values()) == {b"200"}, statuses
for number in range(10):
    for stream in streams:
        say(stream, TextMessage(f"{stream} {number}"))
while any(len(heard.get(stream, [])) < 10 for stream in streams):
    turn()
for stream in streams:
    assert heard[stream] == [f"{stream} {number}" for number in range(10)], heard[stream]
    say(stream, CloseConnection(code=4000, reason="done"))
while set(closes) != set(streams):
    turn()
assert set(closes.values()) == {4000}, closes
for stream in streams:
    connection.end_stream(stream)
sock.sendall(connection.data_to_send())
while ended != set(streams):
    turn()
print("ok")
