"""The reference client of fallback/examples against an echo: all that a WebSocket carries, and a close at the end.

Usage: python fallback_client.py ws://HOST:PORT/echo
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "fallback/examples"))

from towpath_client import Closed, connect  # noqa: E402


def main(url: str) -> None:
    socket = connect(url, protocols=["chat.v1", "chat.v2"], origin="http://chat.test")
    assert socket.protocol == "chat.v1", socket.protocol
    for message in ("hello", "", "grüße 👋", os.urandom(300), "ß" * 100_000, os.urandom(1 << 20)):
        socket.send(message)
        assert socket.recv() == message
    numbers = [str(number) for number in range(3000)]
    for number in numbers:
        socket.send(number)
    assert [socket.recv() for _ in numbers] == numbers
    socket.close(4002, "so long")
    try:
        raise AssertionError(socket.recv())
    except Closed as end:
        assert (end.code, end.reason) == (4002, "so long"), end
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
