// What an import from npm gives: the file's side effect, and names for it that have types.
import "./towpath.js";

/** @type {any} */
const Installed = globalThis.WebSocket;

export { Installed as WebSocket };
export const towpath = Installed.towpath;
