// The parts of towpath.js and why they are as they are: the file itself has to stay small. Where its functions have
// defaults that no caller needs, they stand for types. Times are in milliseconds, Date.now()'s.

import type { Options as AllOptions, Status, Towpath, Transport } from "./module.js";
export type { Status, Towpath, Transport };

export type Options = Omit<AllOptions, "hosts">;

/** What is known of an origin. It is kept in memory and, where there is one, in localStorage, for 15 minutes. */
export interface Known {
  origin: string;
  /** Whether WebSockets get through: "good", "bad", or "" where nobody knows. */
  verdict: string;
  cause: string;
  /** Until when the verdict counts. */
  until: number;
  /** Until when no stream is asked for. */
  noStream: number;
  /** The longest poll that something on the way lets live; 0 if nothing shortens them. */
  wait: number;
  /** 0 while nothing was measured. */
  rtt: number;
  /** How many WebSockets in a row died young without the backend's doing. */
  deaths: number;
  /** When to find out again whether what is bad is still bad. */
  probeAt: number;
  /** A WebSocket brought a message in this page. */
  worked: boolean;
  /** Sessions of this page, and polls of theirs that are held. Browsers have six connections to a host, and some must
   * stay free for what is sent: among more than three sessions, at most three poll at a time, and briefly. */
  crowd: number;
  held: number;
}

/** A frame that is kept until it is acknowledged; then bufferedAmount falls by `size`. */
export interface Frame {
  bytes: Uint8Array;
  size: number;
}

/** What a session tells the WebSocket that it serves. */
export interface Up {
  open(protocol: string): void;
  message(data: string | ArrayBuffer): void;
  /** 1006: abnormally. */
  close(code: number, reason: string): void;
  /** That many bytes of messages were acknowledged. */
  acked(size: number): void;
  carry(by: Transport): void;
}

/** Opens a towpath/1 session: what PROTOCOL.md says of a client, without the face of a WebSocket. */
export type Open = (url: string, protocols: string[], known: Known, up: Up) => Session;

export interface Session {
  /** A message or a close, behind all earlier ones. */
  send(type: number, data: Uint8Array<ArrayBuffer> | Blob): void;
  /** Code 0: none. */
  close(code: number, reason: string): void;
  /** Tries now rather than after a pause; `anew` also gives up what is under way, as after a change of network. */
  kick(anew?: boolean): void;
  /** For a page that goes away: says everything in a last request and waits for nothing. */
  leave(): void;
  /** No more requests, and nothing told. */
  stop(): void;
}

/** `plain`: a native WebSocket, nobody asked. `why`: no native WebSocket, for this cause. */
export type Socket = (ws: EventTarget, u: URL, list: string[], plain: boolean, why: string) => Core;

/** What stands behind the attributes and methods of a WebSocket of ours. */
export interface Core {
  url: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: BinaryType;
  send(data: any): void;
  close(code?: number, reason?: string): void;
  [name: string]: any;
}
