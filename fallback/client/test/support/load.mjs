// Loads the client anew, with the surroundings that a test wants.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const file = new URL("../../towpath.js", import.meta.url);
let loaded = 0;

/** @param {{ native?: any, hosts?: string[], options?: object }} [surroundings] */
export async function load({ native, hosts = ["app.example"], options = {} } = {}) {
  if (native) globalThis.WebSocket = native;
  else delete globalThis.WebSocket;
  await import(`${file}?${++loaded}`);
  const WebSocket = /** @type {any} */ (globalThis.WebSocket);
  WebSocket.towpath.configure({ hosts, stream: false, ...options });
  return WebSocket;
}

/** As a classic script, which has no module's rights. */
export const runAsScript = () => vm.runInThisContext(readFileSync(file, "utf8"));

/** The next event of that type. @param {EventTarget} target @param {string} type @returns {Promise<any>} */
export const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

/** All events of a socket as short texts, up to its close. */
export function story(ws) {
  const events = [];
  const done = new Promise((resolve) => {
    ws.addEventListener("open", () => events.push(`open ${ws.protocol}`.trim()));
    ws.addEventListener("message", (e) => events.push(`message ${e.data}`));
    ws.addEventListener("error", () => events.push("error"));
    ws.addEventListener("close", (e) => {
      events.push(`close ${e.code} ${e.reason} ${e.wasClean ? "clean" : "unclean"}`.replace("  ", " "));
      resolve(events);
    });
  });
  return { events, done };
}
