/** Names of HTTP fields and methods, in the forms that Go's net/http gives them (docs/contract/roles.md#1.8). */

/** content-type becomes Content-Type; a name with characters that no header has stays as it is. */
export function canonicalName(name: string): string {
  if (!/^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** Repeating such a request has the effect of sending it once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].includes(method.toUpperCase());
}

/** How messages begin: `Get "http://host/path"`, a password masked. */
export function requestTitle(method: string, url: string): string {
  const verb = method === "" ? "GET" : method;
  const shown = url.replace(/^([a-z][a-z\d+.-]*:\/\/[^/?#@:]*):[^/?#@]*@/i, "$1:***@");
  return `${verb.charAt(0)}${verb.slice(1).toLowerCase()} ${JSON.stringify(shown)}`;
}

/**
 * Whether a header may carry a credential. Such headers do not follow a redirect to another server; more names than the
 * reference knows, for API keys have no standard name.
 */
export function isCredentialName(name: string): boolean {
  return /auth|token|secret|api-?key|cookie|credential|password|session|signature/i.test(name);
}
