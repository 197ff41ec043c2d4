/** Whether a target is reached without a proxy. */
export type ProxyBypass = (url: URL) => boolean;

interface Target {
  readonly host: string;
  readonly family: 4 | 6 | undefined;
  readonly port: string;
}

type Matcher = (target: Target) => boolean;

/**
 * Reads NO_PROXY by the rules of Go (golang.org/x/net/http/httpproxy): entries separated by commas, each a name that
 * stands for itself and its subdomains, `.name` or `*.name` for subdomains alone, an address, each of them with an
 * optional port, a CIDR block, or `*`. This host, by name or address, never lies behind a proxy.
 */
export function parseNoProxy(noProxy: string | undefined): ProxyBypass {
  const entries = (noProxy ?? "").split(",").map((entry) => entry.trim().toLowerCase());
  const matchers = entries.flatMap((entry) => (entry === "" ? [] : [parseEntry(entry)]));
  return (url) => {
    const target = targetOf(url);
    return isOwnHost(target) || matchers.some((matches) => matches(target));
  };
}

function targetOf({ hostname, port, protocol }: URL): Target {
  const host = bare(hostname.toLowerCase());
  return { host, family: ipFamily(host), port: port || (protocol === "https:" ? "443" : "80") };
}

function isOwnHost({ host, family }: Target): boolean {
  return host === "localhost" || (family !== undefined && /^(127\.|::1$|::ffff:7f..:)/.test(host));
}

function parseEntry(entry: string): Matcher {
  if (entry === "*") return () => true;
  const [, network = "", prefix = ""] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const bits = ipFamily(network) === 6 ? 128 : 32;
  if (ipFamily(network) !== undefined && Number(prefix) <= bits) return matchesBlock(network, Number(prefix));
  return parseHost(entry);
}

function parseHost(entry: string): Matcher {
  const [, host = entry, port = ""] = /^(\[.*\]|[^:]*):(\d*)$/.exec(entry) ?? [];
  const family = ipFamily(bare(host));
  const matches =
    family === undefined ? matchesName(host) : matchesBlock(bare(host), family === 6 ? 128 : 32);
  return (target) => (port === "" || port === target.port) && matches(target);
}

function matchesName(pattern: string): Matcher {
  const isSubdomainsOnly = /^\*?\./.test(pattern);
  const plain = pattern.replace(/^\*?\./, "");
  const name = process.getBuiltinModule("node:url").domainToASCII(plain) || plain;
  if (name === "") return () => false;
  return ({ host }) => host.endsWith(`.${name}`) || (!isSubdomainsOnly && host === name);
}

/** Compares addresses as such: IPv6 has many spellings, and may hold an IPv4 address. */
function matchesBlock(network: string, prefix: number): Matcher {
  const list = new (process.getBuiltinModule("node:net").BlockList)();
  list.addSubnet(network, prefix, familyName(ipFamily(network)));
  return ({ host, family }) => family !== undefined && list.check(host, familyName(family));
}

function familyName(family: 4 | 6 | undefined): "ipv4" | "ipv6" {
  return family === 6 ? "ipv6" : "ipv4";
}

function ipFamily(host: string): 4 | 6 | undefined {
  const family = process.getBuiltinModule("node:net").isIP(host);
  return family === 4 || family === 6 ? family : undefined;
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}
