import type { OnReadOpts, Socket } from "node:net";

/** A connection for one request. */
export interface Connection {
  readonly socket: Socket;
  /** True: `onread` reads the socket; false: its owner has to. */
  readonly isReadInto: boolean;
  /** Ends it; an answer that was read to its end leaves a connection that can serve the next request. */
  release(isComplete: boolean): void;
}

/** Who reads output files for us: main's emissary, or the static program where main's volumes are mounted here. */
export interface OutputServer {
  /** What it is called in messages. */
  readonly name: string;
  connect(signal: AbortSignal, onread?: OnReadOpts): Promise<Connection>;
}
