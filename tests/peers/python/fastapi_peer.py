"""FastAPI on uvicorn's WebSocket implementation (`websockets`), under the contract of tests/peers/README.md."""

import asyncio
import socket

import uvicorn
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect

app = FastAPI()
witnesses: set[WebSocket] = set()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol="chat.v1" if "chat.v1" in offered else None)
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            break
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])
    for witness in witnesses:
        await witness.send_json({"code": message["code"], "reason": message.get("reason") or ""})


@app.websocket("/closes")
async def closes(websocket: WebSocket) -> None:
    await websocket.accept()
    witnesses.add(websocket)
    await websocket.send_text("watching")
    try:
        await websocket.receive_text()
    except WebSocketDisconnect:
        witnesses.discard(websocket)


@app.websocket("/close")
async def close(websocket: WebSocket, code: int, reason: str) -> None:
    await websocket.accept()
    await websocket.close(code, reason)


@app.websocket("/headers")
async def headers(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(dict(websocket.headers))
    try:
        await websocket.receive_text()
    except WebSocketDisconnect:
        pass


@app.websocket("/refuse")
async def refuse(websocket: WebSocket) -> None:
    await websocket.send_denial_response(
        Response("not for you\n", status_code=403, headers={"X-Refused-By": "peer"})
    )


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    # The socket listens from here on; whoever connects early waits in its backlog.
    print(f"listening {listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, ws="websockets-sansio", log_level="warning")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
