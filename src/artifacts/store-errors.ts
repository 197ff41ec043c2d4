import { type ErrorCode, ExecutorError } from "../errors/index.ts";
import type { Refusal } from "./store-requests.ts";

/** What a store's error document says. */
export interface StoreFault {
  /** The store's own word for it; empty where the answer is not the store's, such as a proxy's web page. */
  readonly code: string;
  readonly message: string;
}

/** Codes of one store: ours for it, and our words where the store's help nobody. */
export type FaultCodes = Readonly<Record<string, readonly [ErrorCode, string?]>>;

const byStatus: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  401: ["Unauthorized", "the store does not accept these credentials"],
  403: ["Forbidden", "Access Denied."],
  404: ["NotFound", "The specified key does not exist."],
  405: ["Unsupported", "the store does not know this operation"],
  407: [
    "BadRequest",
    "the proxy wants credentials; give them in HTTPS_PROXY as http://user:password@host:port",
  ],
  409: ["Conflict", "somebody else changes the object at the same time"],
  412: ["Conflict", "the object was replaced meanwhile"],
  413: ["TooLarge", "the object is larger than the store accepts"],
  416: ["Conflict", "the object has become shorter meanwhile"],
  501: ["Unsupported", "the store does not know this operation"],
};

/** The one translation of refusals, from the store's code if it is known, else from the status. */
export function refusalError(refusal: Refusal, fault: StoreFault, codes: FaultCodes): ExecutorError {
  const { status, retryAfterMs } = refusal;
  const [known, ownText] = codes[fault.code] ?? [];
  const [byStatusCode, statusText] = byStatus[status] ?? [];
  const isPassing = refusal.isTransient(refusal.body) || (known === undefined && isTransientStatus(status));
  const code = isPassing ? "Transient" : (known ?? byStatusCode ?? "BadRequest");
  const said = ownText ?? (fault.message || statusText);
  const text = said ?? `the store answered with status ${status}`;
  return new ExecutorError(code, withCode(text, fault.code || (isPassing ? String(status) : "")), {
    retryAfterMs,
  });
}

/** A 5xx of any shape may pass, that of a proxy with a web page too; 501 is an answer and no failure. */
export function isTransientStatus(status: number): boolean {
  return (status >= 500 && status !== 501) || status === 429 || status === 408 || status === 499;
}

/** For signatures that are refused because the clocks differ (docs/contract/scenarios.md#S13): says by how much. */
export function clockError(refusal: Refusal, message: string): ExecutorError {
  const skewMs = clockSkewMs(refusal.header("date"));
  const skew =
    skewMs === undefined ? "the node's clock is wrong; set the clock of the node" : skewText(skewMs);
  return new ExecutorError("Unauthorized", `${message}: ${skew}`);
}

/** Words for a clock that is so far from the server's. */
export function skewText(skewMs: number): string {
  const minutes = Math.round(skewMs / 60_000);
  const where = minutes > 0 ? "ahead of" : "behind";
  return `the node's clock is ${Math.abs(minutes)} minutes ${where} the store's; set the clock of the node`;
}

/** How far the node's clock is from the server's, in milliseconds; undefined where the answer has no date. */
export function clockSkewMs(dateText: string | undefined, nowMs: number = Date.now()): number | undefined {
  const serverMs = Date.parse(dateText ?? "");
  return Number.isNaN(serverMs) ? undefined : nowMs - serverMs;
}

function withCode(text: string, code: string): string {
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}
