// The parts of towpath.js and why they are as they are: the file itself has to stay small. Where its functions have
// defaults that no caller needs, they stand for types. Times are in milliseconds, Date.now()'s.

import type { Options as AllOptions, Status, Towpath, Transport } from "./module.js";
export type { Status, Towpath, Transport };

export type Options = Omit<AllOptions, "hosts">;

/** What is known of an origin. It is kept in memory and, where there is one, in localStorage, for 15 minutes. */
export interface Known {
  origin: string;
  /** Whether WebSockets get through. Nobody knows at first. */
  verdict?: "good" | "bad";
  cause?: string;
  /** Until when the verdict counts. */
  until?: number;
  /** Until when no stream is asked for. */
  noStream?: number;
  /** The longest poll that something on the way lets live. */
  wait?: number;
  rtt?: number;
  /** How many WebSockets in a row died young without the backend's doing. */
  deaths: number;
  /** A WebSocket brought a message in this page. */
  worked?: boolean;
  /** When to find out again whether what is bad is still bad. */
  probeAt?: number;
}

export type Raise = (name: string, message: string) => never;
/** Runs the function in a task of its own. A timer would do, but browsers slow it down. */
export type Task = (fn: () => void) => void;
export type Join = (...parts: (Uint8Array | number[])[]) => Uint8Array<ArrayBuffer>;
/** Unsigned LEB128, one after the other. */
export type Numbers = (...list: number[]) => number[];

/** A frame that is kept until it is acknowledged; then bufferedAmount falls by `size`. */
export interface Frame {
  bytes: Uint8Array;
  size: number;
}

/** A message (1 text, 2 binary) or close (8); those behind a Blob wait with it until it has been read. */
export interface Item {
  type: number;
  data?: Uint8Array<ArrayBuffer>;
}

/** A session has at most one request under way in each of its two lanes: polls, and what sends and acknowledges. */
export interface Lane {
  /** Failures in a row. */
  fails: number;
  /** Its loop is running. */
  busy?: boolean;
  /** When the request under way began. */
  since?: number;
  ctl?: AbortController;
  timer?: number;
  /** The deadline has passed. */
  late?: boolean;
  /** The request was cut by ourselves, to be made anew: no failure. */
  kicked?: boolean;
  /** Ends the pause between two requests. */
  wake?: (value?: unknown) => void;
}

/** Without a lane, the request outlives its page. */
export type Post = (url: string, body: any, lane?: Lane) => Promise<Response>;
/** Moves the deadline of the lane's request, or takes it away. */
export type Deadline = (lane: Lane, ms?: number) => void;
/** The proxy's answer; a number where HTTP says no for good; undefined where something else spoke. */
export type Ask = (url: string, body: object, lane: Lane, ms: number) => Promise<any>;

export type Recall = (origin: string) => Known;
/** Writes down what a later page may know: not that WebSockets are bad, if one has worked in this. */
export type Keep = (known: Known) => void;
export type Decide = (known: Known, verdict?: Known["verdict"], cause?: string) => void;
export type Verdict = (known: Known) => Known["verdict"];
/** Takes the time since then as a round trip. */
export type Measure = (known: Known, since: number) => void;
/** Four round trips, but at least so much. */
export type Trips = (known: Known, least: number) => number;

/** What became of the WebSocket attempt `cid`? */
export type Check = (known: Known, url: string, cid: string) => Promise<any>;
/** Finds out in the background whether WebSockets get through again, and live for more than a moment. */
export type Probe = (known: Known, url: string) => void;

/** What a session tells the WebSocket that it serves. */
export interface Up {
  open(protocol: string): void;
  message(data: string | ArrayBuffer): void;
  /** 1006: abnormally. */
  close(code: number, reason: string): void;
  /** That many bytes of messages were acknowledged. */
  acked(size: number): void;
  kind(kind: Transport): void;
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
export type Socket = (ws: EventTarget, u: URL, list: string[], plain: boolean, why?: string) => Core;
/** Calls the function at once, unless that would overtake something, or in a task of its own. */
export type Emit = (later: boolean, fn: () => void) => void;
export type Message = (later: boolean, data: string | ArrayBuffer | Blob) => void;
/** Tries a native WebSocket and, until it is clear whether those get through, asks the proxy what became of it. */
export type Dial = (Native: typeof WebSocket) => void;

/** What stands behind the attributes and methods of a WebSocket of ours. */
export interface Core {
  /** The event handlers, by type. */
  on: Record<string, { fn: any; handleEvent(e: Event): void }>;
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
export type Of = (ws: object) => Core;
export type Hosts = (list: Iterable<string>) => Set<string>;
