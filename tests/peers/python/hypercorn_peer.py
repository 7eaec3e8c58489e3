"""FastAPI on hypercorn, which takes WebSockets over HTTP/2 (RFC 8441), and says so on /over."""

import asyncio
import socket

from fastapi import WebSocket, WebSocketDisconnect
from hypercorn.asyncio import serve
from hypercorn.config import Config

from fastapi_peer import app


@app.websocket("/over")
async def over(websocket: WebSocket) -> None:
    """The version of HTTP, and the connection."""
    await websocket.accept()
    await websocket.send_json([websocket.scope["http_version"], websocket.client.port])
    try:
        await websocket.receive_text()
    except WebSocketDisconnect:
        pass


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening {listener.getsockname()[1]}", flush=True)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
