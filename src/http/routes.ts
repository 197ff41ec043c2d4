import { ExecutorError } from "../errors/index.ts";
import type { Route } from "./dial.ts";
import { type ProxyBypass, parseNoProxy } from "./proxy-bypass.ts";

/** As in the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY; Go's rules say what they mean. */
export interface ProxySettings {
  readonly httpProxy: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly noProxy: string | undefined;
  /** It is for this very server, whatever its address; NO_PROXY's rules do not apply. */
  readonly isForAll?: boolean;
}

/** The way to each origin, worked out once. */
export class Routes {
  readonly #proxy: ProxySettings | undefined;
  readonly #bypassesProxy: ProxyBypass;
  readonly #known = new Map<string, Route>();

  constructor(proxy: ProxySettings | undefined) {
    this.#proxy = proxy;
    this.#bypassesProxy = parseNoProxy(proxy?.noProxy);
  }

  /** Throws BadRequest for what is no origin, and for a proxy that is no URL; neither is quoted with credentials. */
  to(origin: string): Route {
    const known = this.#known.get(origin);
    if (known) return known;
    const url = parse(origin, "the origin of a request");
    const route = { ...endpointOf(url), authority: url.host, proxy: this.#proxyFor(url) };
    this.#known.set(origin, route);
    return route;
  }

  #proxyFor(url: URL): Route["proxy"] {
    const proxy = url.protocol === "https:" ? this.#proxy?.httpsProxy : this.#proxy?.httpProxy;
    if (proxy === undefined || proxy === "") return undefined;
    if (this.#proxy?.isForAll !== true && this.#bypassesProxy(url)) return undefined;
    // Without a scheme it is "host:port".
    const target = parse(proxy.includes("://") ? proxy : `http://${proxy}`, "the proxy of the environment");
    const { username, password } = target;
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const hasCredentials = username !== "" || password !== "";
    const authorization = hasCredentials ? `Basic ${Buffer.from(pair).toString("base64")}` : undefined;
    return { ...endpointOf(target), authorization };
  }
}

function endpointOf({ protocol, hostname, port }: URL) {
  const isTls = protocol === "https:";
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (isTls ? 443 : 80) : Number(port),
    isTls,
  };
}

function parse(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new ExecutorError("BadRequest", `${what} must be a URL such as http://host:port`);
}
