"""uWebSockets, by way of socketify, under the contract of tests/peers/README.md."""

import gc
import json

from socketify import App, AppListenOptions, CompressOptions, OpCode

# socketify 0.0.31 frees some of what Python's cycle collector frees, too; one run in three of the checklist ended in a
# double free, with or without a proxy. A peer lives too shortly to need the collector.
gc.disable()

def upgrade(response, request, context):
    """Remembers what the room wants to know of the handshake, then accepts it."""
    key = request.get_header("sec-websocket-key")
    extensions = request.get_header("sec-websocket-extensions")
    offered = [name.strip() for name in (request.get_header("sec-websocket-protocol") or "").split(",")]
    facts = {"headers": request.get_headers(), "query": request.get_queries()}
    response.upgrade(key, "chat.v1" if "chat.v1" in offered else "", extensions, context, facts)


def watch(socket):
    socket.subscribe("closes")
    socket.send("watching", OpCode.TEXT)


def close(socket):
    query = socket.get_user_data()["query"]
    socket.end(int(query["code"][0]), query["reason"][0])


def refuse(response, _request):
    response.write_status("403 Forbidden").write_header("X-Refused-By", "peer").end("not for you\n")


def room(**handlers):
    return {
        "compression": CompressOptions.SHARED_COMPRESSOR,
        "max_payload_length": 4 << 20,
        "max_backpressure": 8 << 20,
        "upgrade": upgrade,
        **handlers,
    }


def main() -> None:
    app = App()

    def echo_closed(_socket, code, reason):
        app.publish("closes", json.dumps({"code": code, "reason": (reason or b"").decode()}), OpCode.TEXT)

    app.ws("/echo", room(message=lambda socket, text, opcode: socket.send(text, opcode), close=echo_closed))
    app.ws("/closes", room(open=watch))
    app.ws("/close", room(open=close))
    app.ws(
        "/headers",
        room(open=lambda socket: socket.send(json.dumps(socket.get_user_data()["headers"]), OpCode.TEXT)),
    )
    app.any("/refuse", refuse)
    app.listen(
        AppListenOptions(host="127.0.0.1", port=0),
        lambda listening: print(f"listening {listening.port}", flush=True),
    )
    app.run()


if __name__ == "__main__":
    main()
