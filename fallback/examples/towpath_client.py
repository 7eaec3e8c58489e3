"""A client of towpath/1, to be read beside ../PROTOCOL.md, whose sections the § name. Standard library only.

    socket = connect("ws://localhost:8080/chat", protocols=["chat.v1"])
    socket.send("hello")
    print(socket.recv())
    socket.close()

Left out, since a client may do without: streams (§7), `check` (§8), and a shorter `wait` where polls are cut (§5).
"""

import base64
import http.client
import io
import json
import os
import random
import threading
import time
from collections import deque
from urllib.parse import urlsplit

TEXT, BINARY, LAST, CLOSE, PART = 1, 2, 5, 8, 2  # types of frames; TEXT + PART is a fragment of a text
CLOSED, GONE, PROTOCOL, TOO_LARGE = 5, 6, 7, 8  # the statuses after which nothing is asked any more
BUDGET = 256 << 10  # the bytes of frames that we take in one answer
MANY = 1000  # messages that may wait to be read, frames that may wait to be acknowledged


class Closed(Exception):
    """The conversation is over, with a WebSocket's code and reason."""

    def __init__(self, code, reason=""):
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Unanswered(Exception):
    """No answer, or none of the proxy's (§1): that is no verdict, and the request is made again."""


def connect(url, protocols=(), origin=None):
    """Opens a session for a ws: or wss: URL."""
    return Socket(url, protocols, origin)


class Socket:
    """A WebSocket's conversation. `protocol` is the subprotocol that the backend chose."""

    def __init__(self, url, protocols=(), origin=None):
        url = urlsplit(url)
        path, slash = (url.path[:-1], "/") if url.path.endswith("/") or not url.path else (url.path, "")  # §1
        nonce = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")  # the same in each retry (§2)
        body = json.dumps({"towpath": 1, "nonce": nonce, "protocols": list(protocols)}).encode()
        opener, poller, sender = (Line(url, origin) for _ in range(3))
        opened = opener.open(f"{path}/~towpath/1/open{slash}" + (url.query and "?" + url.query), body)
        self.protocol, self._token = opened["protocol"], opened["token"].encode()
        self._path, self._resume = f"{path}/~towpath/1/io{slash}", opened["resume"] / 1000
        self._wait, self._room = opened["wait"] / 1000, opened["max_body"] - 512  # 512: more than precedes the frames

        self._changed = threading.Condition()  # guards all that follows
        self._serial = 0  # of our latest request
        self._acked = self._accepted = 0  # the last of our frames that they have, and of theirs that we have
        self._credit = opened["buffer"]
        self._unacked, self._inbox = deque(), deque()  # frames from number acked + 1 on; messages not read yet
        self._kind, self._parts = None, b""  # the message that is under way in fragments
        self._closing, self._end, self._over = False, None, False  # by us, by them, and nothing more to ask
        self._heard = time.monotonic()
        for line, polls in (poller, True), (sender, False):
            threading.Thread(target=self._run, args=[line, polls], daemon=True).start()

    def send(self, message):
        """Takes a str or bytes. Returns when it has its place in the queue, which may be before it is sent."""
        kind, data = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, bytes(message))
        size = min(65536, self._room - 8)
        *parts, last = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        frames = [frame(kind + PART, part) for part in parts] + [frame(LAST if parts else kind, last)]
        with self._changed:
            self._changed.wait_for(lambda: len(self._unacked) < MANY or self._end)
            if self._end or self._closing:
                raise self._end or Closed(1006, "closing")
            self._push(frames)

    def recv(self):
        """The next message, a str or bytes. After the last one it raises Closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._inbox or self._end)
            if not self._inbox:
                raise self._end
            self._changed.notify_all()
            return self._inbox.popleft()

    def close(self, code=1000, reason=""):
        """Closes after all that was sent, and waits until the other side has, too (§9). recv() says how it ended."""
        with self._changed:
            if not self._end and not self._closing:
                self._closing = True
                self._push([frame(CLOSE, b"\0" + code.to_bytes(2, "big") + reason.encode())])
            self._changed.wait_for(lambda: self._over)

    def _push(self, frames):
        self._unacked.extend(frames)
        self._changed.notify_all()

    def _run(self, line, polls):
        """Polls, or sends: one request after another (§5), each made anew, with a new serial and the newest ack."""
        pause = 0.25
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._over or (self._may_poll() if polls else self._unacked))
                if self._over:
                    return
                wait = self._wait if polls and not self._end else 0
                body = self._request(wait, [] if polls else self._due())
            try:
                status, _, ack, credit, advice, frames = parse(line.post(self._path, body, wait + 5))
                with self._changed:
                    self._heard = time.monotonic()
                    self._take(status, ack, credit, frames)
                    self._changed.notify_all()
                time.sleep(advice / 1000)
                pause = 0.25
            except Unanswered:
                with self._changed:
                    if time.monotonic() - self._heard > self._resume:
                        self._finish(Closed(1006, "not reachable"))
                pause = back_off(pause)

    def _may_poll(self):
        return len(self._inbox) < MANY or self._closing  # who does not read holds the backend up

    def _due(self):
        """All frames from acked + 1 on that there is credit and room for (§6), but one in any case."""
        due, left = [], min(self._credit, self._room)
        for each in self._unacked:
            left -= len(each)
            if due and left < 0:
                break
            due.append(each)
        return due

    def _request(self, wait, frames):
        self._serial += 1
        first = self._acked + 1 if frames else 0
        fields = self._serial, self._accepted, int(wait * 1000), BUDGET, first
        return b"TP1\0" + varint(len(self._token)) + self._token + b"".join(map(varint, fields)) + b"".join(frames)

    def _take(self, status, ack, credit, frames):
        if ack >= self._acked and status <= CLOSED:  # not an answer that was overtaken by another
            for _ in range(ack - self._acked):
                self._unacked.popleft()
            self._acked, self._credit = ack, credit
        for number, kind, payload in frames:
            if number == self._accepted + 1:  # neither a repetition nor after a gap (§4)
                self._accepted = number
                self._accept(kind, payload)
        if status in (CLOSED, GONE, PROTOCOL, TOO_LARGE):
            self._finish(Closed(1006, f"status {status}"))

    def _accept(self, kind, payload):
        if kind == CLOSE:
            code = 1006 if payload[0] & 1 else int.from_bytes(payload[1:3], "big") or 1005
            self._end = Closed(code, payload[3:].decode())
        elif kind in (TEXT + PART, BINARY + PART):
            self._kind, self._parts = kind - PART, self._parts + payload
        else:
            kind, data, self._parts = self._kind if kind == LAST else kind, self._parts + payload, b""
            self._inbox.append(data.decode() if kind == TEXT else data)

    def _finish(self, end):
        self._end, self._over = self._end or end, True
        self._changed.notify_all()


class Line:
    """POSTs, one after another, on a connection that is kept while it works."""

    def __init__(self, url, origin):
        kinds = {"ws": http.client.HTTPConnection, "wss": http.client.HTTPSConnection}
        self._connection = kinds[url.scheme](url.netloc)
        self._headers = {"Origin": origin} if origin else {}

    def post(self, path, body, timeout, final=()):
        try:
            self._connection.timeout = timeout
            if self._connection.sock:
                self._connection.sock.settimeout(timeout)
            self._connection.request("POST", path, body, self._headers)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unanswered from error
        if response.status in final:
            raise ConnectionError(f"{response.status} {response.reason}")
        if response.status != 200:
            raise Unanswered
        return data

    def open(self, path, body):
        started, pause = time.monotonic(), 0.25
        while time.monotonic() - started < 60:
            try:
                answer = json.loads(self.post(path, body, 20, final=(403, 404)))
                if answer["towpath"] == 1 and answer["status"] == "ok":
                    return answer
                if answer["towpath"] == 1 and answer["status"] != "busy":
                    raise ConnectionError(f"not opened: {answer}")
                time.sleep(answer["retry_after"] / 1000)
            except (Unanswered, ValueError, KeyError, TypeError):  # not the proxy's own words
                pause = back_off(pause)
        raise ConnectionError("not reachable")


def back_off(pause):
    time.sleep(pause * random.uniform(0.5, 1))
    return min(2 * pause, 8)


def frame(kind, payload):
    return bytes([kind]) + varint(len(payload)) + payload


def varint(number):
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def parse(data):
    """An answer to io (§3): status, serial, ack, credit, advice, and the frames as (number, type, payload)."""
    stream, frames = io.BytesIO(data), []
    if stream.read(3) != b"TP1":
        raise Unanswered
    try:
        status = stream.read(1)[0]
        *fields, number = [read_varint(stream) for _ in range(5)]
        while kind := stream.read(1):
            length = read_varint(stream)
            payload = stream.read(length)
            if len(payload) < length:
                raise Unanswered
            if kind[0] not in (0, 6):  # padding and a stream's end have no number
                frames.append((number, kind[0], payload))
                number += 1
    except IndexError as error:  # it ends early
        raise Unanswered from error
    return status, *fields, frames


def read_varint(stream):
    number = shift = 0
    while True:
        byte = stream.read(1)[0]
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number
