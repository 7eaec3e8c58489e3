"""The `websockets` client against an echo, for a second opinion beside the `ws` client of checklist.mjs.

Usage: python echo_client.py ws://HOST:PORT/echo
"""

import os
import sys

from websockets.sync.client import connect


def main(url: str) -> None:
    with connect(url, max_size=4 << 20, open_timeout=15, close_timeout=15) as socket:
        for message in ("hello", "grüße 👋", os.urandom(300), os.urandom(1 << 20)):
            socket.send(message)
            assert socket.recv(timeout=15) == message
        socket.send(["one ", "two ", "three"])
        assert socket.recv(timeout=15) == "one two three"
        socket.ping().wait(15)
    assert socket.close_code == 1000, socket.close_code
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
