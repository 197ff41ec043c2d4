import { ExecutorError } from "../../../errors/index.ts";
import type { HdfsLocation, SecretSelector } from "../../../template/index.ts";

/** An hdfs location, checked (docs/contract/artifacts.md#5.5). */
export interface HdfsConfig {
  /** The name nodes' RPC ports, in the order in which they are tried; empty: WebHDFS is spoken. */
  readonly nameNodes: readonly NameNodeAddress[];
  /** The least protection of what data nodes send and get by RPC; undefined: they believe everybody. */
  readonly protection: "auth" | "auth-int" | "auth-conf" | undefined;
  /** `http://host:port`, in the order in which they are tried; one of them is active. */
  readonly origins: readonly string[];
  readonly path: string;
  /** A name that is believed; undefined: Kerberos proves who we are. */
  readonly user: string | undefined;
  /** Replace what is there. */
  readonly isForced: boolean;
}

export interface NameNodeAddress {
  readonly host: string;
  readonly port: number;
}

/** `dataTransferProtection`, as SASL names it; a cluster that protects more than is asked for has its way. */
const protections: Readonly<Record<string, HdfsConfig["protection"]>> = {
  "": "auth",
  authentication: "auth",
  integrity: "auth-int",
  privacy: "auth-conf",
};
/** Ports at which a name node, or HttpFS, speaks WebHDFS; any other port is taken for its RPC port. */
const webPorts: Readonly<Record<string, string>> = {
  "9870": "http",
  "50070": "http",
  "14000": "http",
  "9871": "https",
  "50470": "https",
};
const addressForm = /^(?:(https?):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i;
/** `fs.defaultFS` without a port. */
const rpcDefault = 8020;
/** Where WebHDFS is by default (`dfs.namenode.http-address`, `dfs.namenode.https-address`): Hadoop 3, then 2. */
const plainDefaults = ["http:9870", "http:50070"];
const tlsDefaults = ["https:9871", "https:50470"];

/** @throws BadRequest naming the field that is wrong. */
export function readHdfsConfig(location: HdfsLocation): HdfsConfig {
  const { addresses = [], path = "", hdfsUser = "", dataTransferProtection = "" } = location;
  if (addresses.length === 0) throw new ExecutorError("BadRequest", "hdfs.addresses is required");
  if (path === "") throw new ExecutorError("BadRequest", "hdfs.path is required");
  checkPath(path);
  const hasKerberos = usesKerberos(location);
  if (!hasKerberos && hdfsUser === "") {
    throw new ExecutorError(
      "BadRequest",
      "either hdfs.hdfsUser, hdfs.krbCCacheSecret or hdfs.krbKeytabSecret is required",
    );
  }
  const isProtected = ["integrity", "privacy"].includes(dataTransferProtection);
  if (!isProtected && !["", "authentication"].includes(dataTransferProtection)) {
    const text = `hdfs.dataTransferProtection must be authentication, integrity or privacy, not ${JSON.stringify(dataTransferProtection)}`;
    throw new ExecutorError("BadRequest", text);
  }
  const origins = [...new Set(addresses.flatMap((address) => originsOf(address, isProtected)))];
  const rpc = addresses.flatMap((address) => nameNodeOf(address) ?? []);
  // Without tickets data nodes have nothing to prove tokens with: only TLS protects then.
  const isWeb = rpc.length < addresses.length || (!hasKerberos && dataTransferProtection !== "");
  return {
    origins,
    nameNodes: isWeb ? [] : rpc,
    protection: hasKerberos ? protections[dataTransferProtection] : undefined,
    path,
    user: hasKerberos ? undefined : hdfsUser,
    isForced: location.force === true,
  };
}

export function usesKerberos({ krbKeytabSecret, krbCCacheSecret }: HdfsLocation): boolean {
  return isGiven(krbKeytabSecret) || isGiven(krbCCacheSecret);
}

export function isGiven(selector: SecretSelector | undefined): selector is SecretSelector {
  return selector?.name !== undefined && selector.name !== "";
}

/** A path of HDFS as the driver takes it. */
export function checkPath(path: string): void {
  const isPlain = !path.split("/").some((part) => part === "." || part === "..");
  if (path.startsWith("/") && isPlain && !/[:\p{Cc}]/u.test(path)) return;
  const text = `hdfs.path must be a absolute file path, without colons and "..", not ${JSON.stringify(path)}`;
  throw new ExecutorError("BadRequest", text);
}

/** The RPC port that an address names; undefined for one of WebHDFS. */
function nameNodeOf(address: string): NameNodeAddress | undefined {
  const [, host = "", port] = addressForm.exec(address.trim())?.slice(1) ?? [];
  if (address.includes("://") || webPorts[port ?? ""] !== undefined) return undefined;
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? rpcDefault) };
}

/** Real users give the name nodes' RPC ports; a URL, or a port that is WebHDFS', is taken as it is. */
function originsOf(address: string, isProtected: boolean): readonly string[] {
  const found = addressForm.exec(address.trim());
  if (found === null || Number(found[3] ?? 1) > 65_535 || Number(found[3] ?? 1) === 0) {
    const text = `hdfs.addresses must be host:port, or a URL such as https://host:9871, not ${JSON.stringify(address)}`;
    throw new ExecutorError("BadRequest", text);
  }
  const [, scheme, host = "", port] = found;
  const known = scheme?.toLowerCase() ?? webPorts[port ?? ""];
  if (known !== undefined) {
    if (isProtected && known !== "https") {
      const text = `hdfs.dataTransferProtection asks for TLS: give ${address} as https://host:9871 in hdfs.addresses`;
      throw new ExecutorError("BadRequest", text);
    }
    return [`${known}://${host}${port === undefined ? "" : `:${port}`}`];
  }
  const places = isProtected ? tlsDefaults : [...plainDefaults, ...tlsDefaults];
  return places.map((place) => place.replace(":", `://${host}:`));
}
