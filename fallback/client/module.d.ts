/** What carries a socket. */
export type Transport = "connecting" | "websocket" | "polling" | "streaming";

export interface Options {
  /** Hosts (with a port, unless it is the default) whose WebSockets may fall back. Default: the page's own. */
  hosts?: Iterable<string>;
  /** Whether native WebSockets are tried at all. Default: true. */
  native?: boolean;
  /** Whether responses without end may be used where they get through. Default: true. */
  stream?: boolean;
  /** For tests and demonstrations: always the fallback, or never. */
  force?: "fallback" | "native" | undefined;
}

export interface Status {
  url: string;
  transport: Transport;
  /** Why this socket fell back: "blocked", "mute", "cut", "configured" or "no WebSocket here"; "" if it did not. */
  cause: string;
  /** Milliseconds; 0 while nothing was measured. */
  rtt: number;
}

export interface Verdict {
  /** Whether WebSockets get through to the origin: "good", "bad", or "" where nobody knows. */
  verdict: string;
  cause: string;
  /** Until when that counts, in milliseconds since 1970. */
  until: number;
}

export interface Towpath {
  readonly version: string;
  /** Sets what is named, and leaves the rest as it is. For sockets that are made from now on. */
  configure(options: Options): void;
  /** Forgets whether WebSockets get through to an origin ("wss://example.com"): the next socket finds out anew. */
  forget(origin: string): void;
  /** The sockets that are not closed, with the verdicts by origin ("wss://example.com"). */
  status(): Status[] & { verdicts: Record<string, Verdict> };
}

/** The global WebSocket, for the configured hosts with a fallback. */
declare const Installed: typeof globalThis.WebSocket & { readonly towpath: Towpath };
export { Installed as WebSocket };

export declare const towpath: Towpath;

declare global {
  interface WindowEventMap {
    /** A socket's transport was decided, or has changed. */
    towpath: CustomEvent<Status>;
  }
}
