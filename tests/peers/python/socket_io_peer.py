"""python-socketio under uvicorn: the same server for its clients as node/socket_io/server.mjs, but for what it lacks.

Usage: python socket_io_peer.py [--polling]
"""

import asyncio
import json
import socket
import sys
from collections import defaultdict
from urllib.parse import parse_qs

import socketio
import uvicorn
from engineio.payload import Payload

# A request of a client that polls may have 16 packets, unless told otherwise; one with a WebSocket has no such limit.
Payload.max_decode_packets = 1000


class Records:
    """What was seen of each client, named by its query: ?id=I (node/socket_io/records.mjs)."""

    def __init__(self):
        self._records = defaultdict(lambda: {"polls": 0, "handshakes": [], "opened": [], "ended": []})
        self._changed = asyncio.Condition()

    def __getitem__(self, name):
        return self._records[name]

    async def end(self, name, reason):
        async with self._changed:
            self._records[name]["ended"].append(reason)
            self._changed.notify_all()

    async def once_ended(self, name, count):
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._records[name]["ended"]) >= count)
        return self._records[name]


class Watch:
    """The application that notes what comes, answers for the records, and leaves the rest to `inner`."""

    def __init__(self, records, inner):
        self._records = records
        self._inner = inner

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            query = parse_qs(scope["query_string"].decode())
            name = query.get("id", [""])[0]
            if scope["path"] == "/records":
                return await self._tell(await self._records.once_ended(name, int(query["ended"][0])), send)
            if scope["type"] == "websocket":
                self._records[name]["handshakes"].append(f"{scope['path']}?{scope['query_string'].decode()}")
            elif "transport" in query:
                self._records[name]["polls"] += 1
        await self._inner(scope, receive, send)

    @staticmethod
    async def _tell(record, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(record).encode()})


class Room(socketio.AsyncNamespace):
    """What the server does for its clients, as node/socket_io/behaviour.mjs does."""

    def __init__(self, name, records):
        super().__init__(name)
        self._records = records
        self._clients = {}
        self._numbers = defaultdict(list)

    async def on_connect(self, sid, environ, auth):
        query = parse_qs(environ["QUERY_STRING"])
        if (auth or {}).get("token") == "bad":
            raise socketio.exceptions.ConnectionRefusedError("not for you", {"why": "bad token"})
        name = query["id"][0]
        self._records[name]["opened"].append(self.namespace)
        headers = {key.decode(): value.decode() for key, value in environ["asgi.scope"]["headers"]}
        self._clients[sid] = {
            "name": name,
            "handshake": {"headers": headers, "query": {key: value[0] for key, value in query.items()}, "auth": auth},
        }

    async def on_disconnect(self, sid, reason):
        await self._records.end(self._clients.pop(sid)["name"], reason)

    async def on_ask(self, sid, question):
        return await self.call("question", question, to=sid)

    async def on_echo(self, _sid, *args):
        return args

    async def on_return(self, sid, *args):
        await self.emit("returned", args, to=sid)

    async def on_say(self, _sid, room, text):
        await self.emit("said", text, room=room)

    async def on_join(self, sid, room):
        await self.enter_room(sid, room)
        return room

    async def on_handshake(self, sid):
        return self._clients[sid]["handshake"]

    async def on_number(self, sid, number):
        self._numbers[sid].append(number)

    async def on_numbers(self, sid):
        return self._numbers[sid]

    async def on_farewell(self, sid, count):
        for number in range(count):
            await self.emit("number", number, to=sid)
        await self.disconnect(sid)

    async def on_leave(self, sid, _how):
        await self.disconnect(sid)


def main():
    records = Records()
    transports = ["polling", "websocket"] if "--polling" in sys.argv else ["websocket"]
    server = socketio.AsyncServer(
        async_mode="asgi",
        transports=transports,
        ping_interval=0.5,
        ping_timeout=20,
        max_http_buffer_size=2_000_000,
        cors_allowed_origins="*",
    )
    for name in ("/", "/chat"):
        server.register_namespace(Room(name, records))
    listener = socket.create_server(("127.0.0.1", 0))
    # The socket listens from here on; whoever connects early waits in its backlog.
    print(f"listening {listener.getsockname()[1]}", flush=True)
    app = Watch(records, socketio.ASGIApp(server))
    config = uvicorn.Config(app, ws="websockets-sansio", log_level="warning")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
