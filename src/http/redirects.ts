import { ExecutorError } from "../errors/index.ts";
import { discardBody } from "./body.ts";
import type { Payload } from "./payload.ts";
import type { HttpResponse } from "./request.ts";

export interface HopField {
  readonly name: string;
  readonly value: string | readonly string[];
  /** It must not travel to another server. */
  readonly isCredential: boolean;
}

/** A request as it goes to one server. */
export interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly HopField[];
  readonly payload: Payload | undefined;
}

/** What is the caller's to decide. */
export interface RedirectRules {
  /** Whether headers that carry credentials may go from the first server to this one. */
  keepsCredentials(first: URL, next: URL): boolean;
  /** Throws where the content must not be dropped (301, 302, 303) or cannot be sent again (307, 308). */
  checkContent?(status: number, from: Hop): void;
  /** Adds what belongs to the new target. */
  complete?(next: Hop): Hop;
  /** How a URL is named in errors. */
  show(url: URL): string;
}

const redirectsMax = 10;
const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const stallTimeoutMs = 10_000;

/**
 * Sends the request and follows up to ten redirects (RFC 9110 section 15.4; docs/contract/scenarios.md#S9): 307 and 308
 * repeat it, after any other one a GET, or HEAD, follows without what describes the content. Headers that carry
 * credentials are dropped where the rules say so, and stay dropped.
 */
export async function followRedirects(
  first: Hop,
  send: (hop: Hop) => Promise<HttpResponse>,
  rules: RedirectRules,
): Promise<HttpResponse> {
  let hop = first;
  for (let count = 0; ; count += 1) {
    const response = await send(hop);
    const { location } = response.headers;
    if (!statuses.has(response.status) || location === undefined || location === "") return response;
    const options = { during: `redirect of ${rules.show(hop.url)}`, stallTimeoutMs };
    // Its text is nobody's, nor is its failure; what is left of it is not waited for.
    await discardBody(response.body, options).catch(() => {});
    if (count === redirectsMax) {
      throw new ExecutorError(
        "BadRequest",
        `${rules.show(first.url)}: stopped after ${redirectsMax} redirects`,
      );
    }
    if (hop.payload !== undefined) rules.checkContent?.(response.status, hop);
    hop = nextHop(hop, first.url, { status: response.status, location }, rules);
  }
}

function nextHop(
  from: Hop,
  first: URL,
  { status, location }: { readonly status: number; readonly location: string },
  rules: RedirectRules,
): Hop {
  const url = targetOf(location, from.url, rules);
  const keepsContent = status === 307 || status === 308;
  const method = keepsContent || from.method === "HEAD" ? from.method : "GET";
  const isRelative = !/^([a-z][a-z\d+.-]*:)?\/\//i.test(location);
  const keepsCredentials = rules.keepsCredentials(first, url);
  const headers = from.headers.filter(({ name, isCredential }) => {
    const lower = name.toLowerCase();
    return (
      (lower !== "host" || isRelative) &&
      (!isCredential || keepsCredentials) &&
      (keepsContent || !(lower.startsWith("content-") || lower === "idempotency-key"))
    );
  });
  const next = { method, url, headers, payload: keepsContent ? from.payload : undefined };
  return rules.complete?.(next) ?? next;
}

function targetOf(location: string, from: URL, rules: RedirectRules): URL {
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  // For port 0 the system's default would be taken.
  if (url === undefined || url.port === "0") {
    const text = `${rules.show(from)}: failed to parse Location header of the redirect`;
    throw new ExecutorError("BadRequest", text);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const scheme = JSON.stringify(url.protocol.slice(0, -1));
    throw new ExecutorError(
      "BadRequest",
      `${rules.show(from)}: redirected to unsupported protocol scheme ${scheme}`,
    );
  }
  return url;
}
