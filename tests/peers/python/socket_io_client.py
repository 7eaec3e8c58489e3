"""What python-socketio's client must find the same through the proxy as without it.

Usage: python socket_io_client.py BASE SERVER default|polling
"""

import asyncio
import json
import sys
import traceback
from urllib.parse import quote
from urllib.request import urlopen

import socketio
from engineio.payload import Payload

# An answer to a poll may have 16 packets, unless told otherwise, which is the fewest that servers care about.
Payload.max_decode_packets = 1000

DEADLINE = 15
base, server, transport = sys.argv[1:]
names = []


class Client:
    """A connection; what it hears is kept by the event's name, from the start."""

    def __init__(self):
        self.name = f"{transport} {len(names)}"
        names.append(self.name)
        self._heard = asyncio.Queue()
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on("*", lambda event, *args: self._heard.put_nowait([event, *args]))
        self.sio.on("disconnect", lambda reason: self._heard.put_nowait(["disconnect", reason]))
        self.sio.on("question", lambda question: (f"{question}!", 42))

    @classmethod
    async def open(cls, **options):
        client = cls()
        url = f"{base}?id={quote(client.name)}"
        transports = None if transport == "default" else [transport]
        await client.sio.connect(url, transports=transports, wait_timeout=DEADLINE, **options)
        return client

    async def ask(self, event, *args):
        return await self.sio.call(event, args, timeout=DEADLINE)

    async def hear(self):
        return await asyncio.wait_for(self._heard.get(), DEADLINE)


async def record(name, ended):
    def read():
        with urlopen(f"{server}/records?id={quote(name)}&ended={ended}", timeout=DEADLINE) as answer:
            return json.load(answer)

    return await asyncio.to_thread(read)


def alike(got, expected):
    assert got == expected, f"expected {str(expected)[:200]}, got {str(got)[:200]}"


def octets(size):
    return bytes(((n * 7) ^ (n >> 8)) & 255 for n in range(size))


async def events():
    client = await Client.open()
    for args in (["grüße 👋", {"nested": [1, -2.5, None, True]}], ["\u001e\u0000", "b4", "4"], ["ß" * 100_000]):
        await client.sio.emit("return", tuple(args))
        alike(await client.hear(), ["returned", *args])
    await client.sio.disconnect()


async def acknowledgements():
    client = await Client.open()
    alike(await client.ask("echo", 1, "two", [3]), (1, "two", [3]))
    alike(await client.ask("ask", "really?"), ("really?!", 42))
    await client.sio.disconnect()


async def binary():
    client = await Client.open()
    for size in (1, 1024, 900_000):
        alike(await client.ask("echo", octets(size)), octets(size))
    alike((await client.ask("echo", {"one": octets(7), "list": ["text", octets(300)]}))["list"], ["text", octets(300)])
    await client.sio.disconnect()


async def burst():
    client = await Client.open()
    for number in range(500):
        await client.sio.emit("number", number)
    alike(await client.ask("numbers"), list(range(500)))
    await client.sio.emit("farewell", 500)
    alike([await client.hear() for _ in range(500)], [["number", number] for number in range(500)])
    return await client.hear()


async def told():
    headers = {"Cookie": "flavour=oat", "Authorization": "Bearer abc", "X-Custom": "one, two"}
    client = await Client.open(headers=dict(headers), auth={"token": "good"})
    seen = await client.ask("handshake")
    await client.sio.disconnect()
    return [{name.lower(): seen["headers"].get(name.lower()) for name in headers}, seen["auth"]]


async def refused():
    try:
        await Client.open(auth={"token": "bad"})
    except socketio.exceptions.ConnectionError as error:
        return str(error)
    raise AssertionError("let in")


async def ends():
    one, other = await Client.open(), await Client.open()
    await one.sio.disconnect()
    await other.sio.emit("leave", "connection")
    # What a server calls it depends on whether the farewell and the close come in one request.
    for client in (one, other):
        await record(client.name, 1)
    return [await client.hear() for client in (one, other)]


async def carried():
    client = await Client.open()
    transport = client.sio.transport()
    await client.sio.disconnect()
    return transport


async def records():
    return [{"opens": 1, **await record(name, 0)} for name in names]


async def main():
    for check in (events, acknowledgements, binary, burst, told, refused, ends, carried, records):
        try:
            report = {"ok": True, "seen": await check()}
        except Exception:
            report = {"ok": False, "seen": traceback.format_exc()}
        print(json.dumps({"check": check.__name__, **report}), flush=True)
        if not report["ok"]:
            return  # what waits in vain waits long


if __name__ == "__main__":
    asyncio.run(main())
