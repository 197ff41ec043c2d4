import type { IncomingHttpHeaders } from "node:http";
import { FaultScript } from "../fault-script.ts";

/** Which requests a fault strikes; what is left out matches everything. */
export interface FaultMatch {
  readonly method?: string;
  readonly bucket?: string;
  readonly key?: string | RegExp;
  /** A query parameter that must be present, such as `uploads` or `uploadId`. */
  readonly query?: string;
  /** The number of an uploaded part. */
  readonly part?: number;
  /** The value of `x-amz-content-sha256`. */
  readonly payload?: string;
}

/** What goes wrong. Amounts are bytes of the body, times are milliseconds. */
export type FaultEffect =
  /** Answers with an error document, or with `body` as it stands (a proxy's HTML page), instead of doing the work. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly code?: string;
      readonly body?: string;
      readonly contentType?: string;
      readonly retryAfter?: string | number;
    }
  /** Resets the connection (RST) once so much of the request has arrived, or of the response has been sent. */
  | { readonly kind: "reset"; readonly of?: "request" | "response"; readonly afterBytes?: number }
  /** Sends nothing for a while, after so much of the response's body; without a body, before the response. */
  | { readonly kind: "stall"; readonly ms: number; readonly afterBytes?: number }
  /** Announces the whole length and closes the connection in order after so much of it. */
  | { readonly kind: "truncate"; readonly afterBytes?: number }
  /** Flips all bits of one byte of the response's body. */
  | { readonly kind: "corrupt"; readonly at?: number }
  /** Limits the body of the request and of the response. */
  | { readonly kind: "slow"; readonly bytesPerSecond: number }
  /** Waits before the work begins. */
  | { readonly kind: "delay"; readonly ms: number };

/** One scripted mishap; `times` is how many requests it strikes (all, if left out). */
export type Fault = { readonly match?: FaultMatch; readonly times?: number } & FaultEffect;

interface FaultTarget {
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
}

/** The faults that are still due. */
export class ObjectFaultScript extends FaultScript<Fault, FaultTarget> {
  constructor() {
    super(matches);
  }
}

function matches({ match = {} }: Fault, { method, bucket, key, query, headers }: FaultTarget): boolean {
  if (match.payload !== undefined && match.payload !== headers["x-amz-content-sha256"]) return false;
  if (match.method !== undefined && match.method !== method) return false;
  if (match.bucket !== undefined && match.bucket !== bucket) return false;
  if (match.query !== undefined && query[match.query] === undefined) return false;
  if (match.part !== undefined && query.partNumber !== String(match.part)) return false;
  if (match.key === undefined) return true;
  if (key === undefined) return false;
  return typeof match.key === "string" ? match.key === key : match.key.test(key);
}
