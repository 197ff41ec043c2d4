import { ExecutorError } from "../../../../errors/index.ts";

/** What a krb5.conf says that we go by. */
export interface KerberosConfiguration {
  /** `host:port` of the key distribution centres of a realm. */
  kdcsOf(realm: string): readonly { readonly host: string; readonly port: number }[];
  /** The realm of a host, or the given one where none is said. */
  realmOf(host: string, otherwise: string): string;
}

const defaultPort = 88;

/** Reads a krb5.conf (MIT's krb5.conf(5)): `[realms]` and `[domain_realm]`; includes and DNS are not followed. */
export function readConfiguration(content: string): KerberosConfiguration {
  const kdcs = new Map<string, { host: string; port: number }[]>();
  const realms = new Map<string, string>();
  let section = "";
  let realm = "";
  for (const line of content.split(/\r?\n/).map((each) => each.replace(/^\s*[#;].*/, "").trim())) {
    const heading = /^\[(\w+)\]/.exec(line)?.[1];
    const opening = /^(\S+)\s*=\s*\{$/.exec(line)?.[1];
    const [, name = "", value = ""] = /^(\S+?)\s*=\s*(.+?)$/.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    else if (opening !== undefined) realm = opening;
    else if (line === "}") realm = "";
    else if (section === "realms" && realm !== "" && name === "kdc") {
      kdcs.set(realm, [...(kdcs.get(realm) ?? []), parseKdc(value)]);
    } else if (section === "domain_realm" && value !== "") realms.set(name.toLowerCase(), value);
  }
  return {
    kdcsOf(wanted) {
      const known = kdcs.get(wanted) ?? [];
      if (known.length > 0) return known;
      const text = `hdfs.krbConfigConfigMap: [realms] of the krb5.conf names no kdc of ${wanted}`;
      throw new ExecutorError("BadRequest", text);
    },
    realmOf(host, otherwise) {
      const labels = host.toLowerCase().split(".");
      const parents = labels.map((_, index) => `.${labels.slice(index + 1).join(".")}`);
      const named = [host.toLowerCase(), ...parents].find((each) => realms.has(each));
      return named === undefined ? otherwise : (realms.get(named) ?? otherwise);
    },
  };
}

/** `host`, `host:port`, `[address]:port`, or a URL of tcp; proxies by https are not spoken. */
function parseKdc(value: string): { host: string; port: number } {
  const found = /^(?:tcp\/|tcp:\/\/)?(\[[0-9a-f:.]+\]|[^:/\s]+)(?::(\d{1,5}))?$/i.exec(value);
  if (found === null) {
    const text = `hdfs.krbConfigConfigMap: the kdc ${JSON.stringify(value.slice(0, 100))} is not host or host:port`;
    throw new ExecutorError("BadRequest", text);
  }
  const [, host = "", port] = found;
  return { host: host.replace(/^\[|\]$/g, ""), port: port === undefined ? defaultPort : Number(port) };
}
