"""Django Channels on daphne, under the contract of tests/peers/README.md.

Daphne answers a refused handshake with a 403 of its own, so `/refuse` has neither our body nor our header;
it tells a consumer the close code but not the reason; it does not negotiate permessage-deflate; and it sends no empty
messages.
"""

import json
from urllib.parse import parse_qs

import daphne.server
import django
from django.conf import settings

settings.configure(SECRET_KEY="of no importance here", ALLOWED_HOSTS=["*"])
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import path  # noqa: E402

witnesses: set[AsyncWebsocketConsumer] = set()


class Echo(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept("chat.v1" if "chat.v1" in self.scope["subprotocols"] else None)

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)

    async def disconnect(self, code):
        for witness in witnesses:
            await witness.send(json.dumps({"code": code, "reason": ""}))


class Closes(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        witnesses.add(self)
        await self.send("watching")

    async def disconnect(self, code):
        witnesses.discard(self)


class Close(AsyncWebsocketConsumer):
    async def connect(self):
        query = parse_qs(self.scope["query_string"].decode())
        await self.accept()
        await self.close(int(query["code"][0]), query["reason"][0])


class Headers(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        headers = {name.decode(): value.decode() for name, value in self.scope["headers"]}
        await self.send(json.dumps(headers))


class Refuse(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close()


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(
            [
                path("echo", Echo.as_asgi()),
                path("closes", Closes.as_asgi()),
                path("close", Close.as_asgi()),
                path("headers", Headers.as_asgi()),
                path("refuse", Refuse.as_asgi()),
            ]
        ),
    }
)


def main() -> None:
    server = daphne.server.Server(
        application,
        endpoints=["tcp:port=0:interface=127.0.0.1"],
        signal_handlers=False,
        ready_callable=lambda: print(f"listening {server.listening_addresses[0][1]}", flush=True),
    )
    server.run()


if __name__ == "__main__":
    main()
