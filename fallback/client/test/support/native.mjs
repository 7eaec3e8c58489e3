// A native WebSocket whose network is the test: it opens, speaks and dies when told.
import { busy } from "./clock.mjs";

/** @param {(socket: any) => void} [made] sees each new socket */
export function nativeStub(made = () => {}) {
  return class StubWebSocket extends EventTarget {
    static made = [];
    readyState = 0;
    protocol = "";
    extensions = "";
    bufferedAmount = 0;
    binaryType = "blob";
    sent = [];

    constructor(url, protocols = []) {
      super();
      this.url = String(url);
      this.protocols = protocols;
      StubWebSocket.made.push(this);
      made(this);
    }
    send(data) {
      this.sent.push(data);
    }
    close(...args) {
      this.closed = args;
      if (this.readyState < 2) this.readyState = 2;
    }

    /** The handshake succeeds. */
    accept(protocol = "") {
      if (this.readyState) return;
      this.readyState = 1;
      this.protocol = protocol;
      this.fire(new Event("open"));
    }
    message(data) {
      if (this.readyState == 1) this.fire(new MessageEvent("message", { data }));
    }
    /** The connection ends, or never comes to be. */
    die(code = 1006, reason = "") {
      if (this.readyState == 3) return;
      this.readyState = 3;
      if (code == 1006) this.fire(new Event("error"));
      this.fire(Object.assign(new Event("close"), { code, reason, wasClean: code != 1006 }));
    }
    fire(event) {
      busy();
      this[`on${event.type}`]?.(event);
      this.dispatchEvent(event);
    }
  };
}
