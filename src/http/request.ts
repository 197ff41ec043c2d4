import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Payload } from "./payload.ts";
import type { RequestHeaders } from "./request-head.ts";

export interface HttpRequest {
  readonly method: string;
  /** `https://host:port`, nothing after it. */
  readonly origin: string;
  /** Path and query exactly as they go on the wire; never normalised, because object keys may hold `..` and `//`. */
  readonly path: string;
  readonly headers: RequestHeaders;
  readonly payload?: Payload | undefined;
  /** It may be sent twice. Default: what its method says (RFC 9110 section 9.2.2). */
  readonly isRepeatable?: boolean;
  /** Names the request in errors. Default: method and URL without the query, where signatures and tokens live. */
  readonly during?: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value as they came. */
  readonly rawHeaders: readonly string[];
  /** Must be read to its end or destroyed; until then it holds the connection. The request's signal ends it, too. */
  readonly body: Readable;
}

/** An answer whose body is in the sink, or else still to be read. */
export interface Received extends HttpResponse {
  readonly isInSink: boolean;
}
