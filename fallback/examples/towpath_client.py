"""A client of towpath/1, to be read beside ../PROTOCOL.md, whose sections the § name. Standard library only.

    socket = connect("ws://localhost:8080/chat", protocols=["chat.v1"])
    socket.send("hello")
    print(socket.recv())
    socket.close()

Streams (§7) and `check` (§8) are left out; a client may do without.
"""

import base64
import http.client
import json
import os
import random
import threading
import time
from collections import deque
from urllib.parse import urlsplit

TEXT, BINARY, LAST, CLOSE, FRAGMENT = 1, 2, 5, 8, 2  # types of frames; TEXT + FRAGMENT is a text's fragment
OK, SUPERSEDED, STALE, RESEND, THROTTLED, CLOSED, GONE, PROTOCOL, TOO_LARGE, MOVED = range(10)
BUDGET, WAITING = 256 << 10, 1000  # bytes we take in one answer; frames or messages that may wait, either way


class Closed(Exception):
    """The conversation is over, by a WebSocket's code and reason."""

    def __init__(self, code, reason=""):
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Unanswered(Exception):
    """Nothing came, or what came is not the proxy's: no verdict (§1), so the request is made again."""


def connect(url, protocols=(), origin=None):
    """Opens a session for a ws: or wss: URL."""
    return Socket(url, protocols, origin)


class Socket:
    """A WebSocket's conversation. `protocol` is what the backend chose."""

    def __init__(self, url, protocols, origin):
        path = urlsplit(url).path or "/"
        base, slash = (path[:-1], "/") if path.endswith("/") else (path, "")  # §1
        query = urlsplit(url).query and "?" + urlsplit(url).query
        self._io_path = f"{base}/~towpath/1/io{slash}"
        self._changed = threading.Condition()  # guards all that follows
        self._serial = self._acked = self._accepted = 0  # the last of: our requests, our frames, their frames
        self._unacked, self._inbox, self._message = deque(), deque(), b""
        self._end, self._over, self._closing = None, False, False
        self._heard, self._resume = time.monotonic(), 60
        poller, sender = Http(url, origin), Http(url, origin)
        opened = self._open(poller, f"{base}/~towpath/1/open{slash}{query}", list(protocols))
        self.protocol, self._token = opened["protocol"], opened["token"].encode()
        self._wait, self._resume = opened["wait"] / 1000, opened["resume"] / 1000
        self._room, self._credit = opened["max_body"] - 512, opened["buffer"]  # 512: more than what precedes frames
        threading.Thread(target=self._poll, args=[poller], daemon=True).start()
        threading.Thread(target=self._send, args=[sender], daemon=True).start()

    def send(self, message):
        """Takes a str or bytes. Returns when it has its place in the queue, which may be before it is sent."""
        kind, data = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, bytes(message))
        size = min(65536, self._room - 8)
        parts = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        kinds = [kind] if len(parts) == 1 else [kind + FRAGMENT] * (len(parts) - 1) + [LAST]
        with self._changed:
            self._changed.wait_for(lambda: len(self._unacked) < WAITING or self._end)
            if self._end or self._closing:
                raise self._end or Closed(1006)
            self._put(*map(frame, kinds, parts))

    def recv(self):
        """The next message, a str or bytes. After the last one it raises Closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._inbox or self._end)
            if not self._inbox:
                raise self._end
            self._changed.notify_all()
            return self._inbox.popleft()

    def close(self, code=1000, reason=""):
        """Closes after all that was sent, and waits for the other side to do the same (§9). recv() says how it ended."""
        with self._changed:
            if not self._end and not self._closing:
                self._closing = True
                self._put(frame(CLOSE, b"\0" + code.to_bytes(2, "big") + reason.encode()))
            self._changed.wait_for(lambda: self._over)

    def _put(self, *frames):
        self._unacked.extend(frames)  # the first has the number acked + 1 (§4)
        self._changed.notify_all()

    def _open(self, line, path, protocols):
        nonce = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")  # the same in each retry (§2)
        body = json.dumps({"towpath": 1, "nonce": nonce, "protocols": protocols}).encode()
        while True:
            opened = self._persist(lambda: opening(line.post(path, body, 20, (403, 404))))
            if opened["status"] == "ok":
                return opened
            if opened["status"] != "busy":
                raise ConnectionError(f"not opened: {opened}")
            time.sleep(opened["retry_after"] / 1000)

    def _poll(self, line):
        while not self._over:
            with self._changed:  # who does not read, does not poll
                self._changed.wait_for(lambda: len(self._inbox) < WAITING or self._over)
            self._request(line, lambda: 0 if self._end else self._wait, lambda: [])

    def _send(self, line):
        while not self._over:
            with self._changed:
                self._changed.wait_for(lambda: self._unacked or self._over)
            self._request(line, lambda: 0, self._due)

    def _due(self):
        """What is sent next: all frames from acked + 1 that there is credit for (§6), but one in any case."""
        frames, left = [], min(self._credit, self._room)
        for each in self._unacked:
            if frames and len(each) > left:
                break
            frames.append(each)
            left -= len(each)
        return frames

    def _request(self, line, wait, frames):
        def attempt():
            with self._changed:  # a new serial and the newest ack each time (§5)
                self._serial += 1
                hold, due = wait(), frames()
                numbers = self._serial, self._accepted, int(hold * 1000), BUDGET, self._acked + 1 if due else 0
            head = b"TP1\0" + varint(len(self._token)) + self._token + b"".join(map(varint, numbers))
            answer = Answer(line.post(self._io_path, head + b"".join(due), hold + 5))
            with self._changed:
                self._take(answer)
                self._changed.notify_all()
            return answer.advice / 1000

        try:
            time.sleep(self._persist(attempt))
        except Exception as error:  # nobody else would hear of it
            with self._changed:
                self._end, self._over = self._end or Closed(1006, str(error)), True
                self._changed.notify_all()

    def _persist(self, attempt):
        """Tries until the proxy itself has answered, or was not heard of for so long that the session is lost (§5)."""
        pause = 0.25
        while not self._over:
            try:
                result = attempt()
                self._heard = time.monotonic()
                return result
            except Unanswered:
                if time.monotonic() - self._heard > self._resume:
                    raise Closed(1006, "not reachable")
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, 8)
        return 0

    def _take(self, answer):
        if answer.status in (GONE, PROTOCOL, TOO_LARGE):
            raise Closed(1006, f"status {answer.status}")
        self._over = answer.status == CLOSED
        if self._over:
            self._end = self._end or Closed(1006)
        if answer.ack >= self._acked:  # not one that was overtaken
            for _ in range(answer.ack - self._acked):
                self._unacked.popleft()
            self._acked, self._credit = answer.ack, answer.credit
        for number, kind, payload in answer.frames:
            if number == self._accepted + 1:  # neither a repetition nor after a gap (§4)
                self._accepted = number
                self._accept(kind, payload)

    def _accept(self, kind, payload):
        if kind == CLOSE:
            code = 1006 if payload[0] & 1 else int.from_bytes(payload[1:3], "big") or 1005
            self._end = Closed(code, payload[3:].decode())
        elif kind in (TEXT + FRAGMENT, BINARY + FRAGMENT):
            self._message, self._kind = self._message + payload, kind - FRAGMENT
        else:
            kind, payload, self._message = (self._kind if kind == LAST else kind), self._message + payload, b""
            self._inbox.append(payload.decode() if kind == TEXT else payload)


class Answer:
    """The bytes of an answer to io (§3)."""

    def __init__(self, data):
        if data[:3] != b"TP1":
            raise Unanswered
        try:
            self.status, at = data[3], 4
            (serial, self.ack, self.credit, self.advice, number), at = numbers(data, at, 5)
            self.frames = []
            while at < len(data):
                kind, (length,), at = data[at], *numbers(data, at + 1, 1)
                if at + length > len(data):
                    raise Unanswered
                if kind not in (0, 6):  # padding, which has no number, and the end of a stream
                    self.frames.append((number, kind, data[at : at + length]))
                    number += 1
                at += length
        except IndexError:  # it ends early
            raise Unanswered


def opening(data):
    try:
        answer = json.loads(data)
        if answer["towpath"] == 1:
            return answer
    except (ValueError, KeyError, TypeError):
        pass
    raise Unanswered


def frame(kind, payload):
    return bytes([kind]) + varint(len(payload)) + payload


def varint(number):
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def numbers(data, at, count):
    found = []
    for _ in range(count):
        number = shift = 0
        while data[at] & 128:
            number, shift, at = number | (data[at] & 127) << shift, shift + 7, at + 1
        found.append(number | data[at] << shift)
        at += 1
    return found, at


class Http:
    """POSTs one after another, on a connection that is kept while it works."""

    def __init__(self, url, origin):
        kinds = {"ws": http.client.HTTPConnection, "wss": http.client.HTTPSConnection}
        self._line = kinds[urlsplit(url).scheme](urlsplit(url).netloc)
        self._headers = {"Origin": origin} if origin else {}

    def post(self, path, body, timeout, final=(403,)):
        try:
            self._line.timeout = timeout
            if self._line.sock:
                self._line.sock.settimeout(timeout)
            self._line.request("POST", path, body, self._headers)
            answer = self._line.getresponse()
            status, data = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._line.close()
            raise Unanswered from error
        if status in final:
            raise ConnectionError(f"{status}: not allowed here, or not spoken")
        if status != 200:
            raise Unanswered
        return data
