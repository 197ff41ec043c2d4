import { ExecutorError } from "../../../errors/index.ts";
import type { HdfsLocation } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";
import { type HdfsConfig, isGiven, usesKerberos } from "./config.ts";
import type { KerberosClient, KerberosIdentity } from "./kerberos/index.ts";
import type { RpcIdentity } from "./native/index.ts";

/**
 * The Kerberos identity of a location (docs/contract/artifacts.md#5.5), whose code is loaded by pods that have one, and by
 * no others; undefined for `hdfsUser`. A keytab goes before a credential cache.
 * @throws BadRequest naming the field that is missing.
 */
export async function openKerberos(
  location: HdfsLocation,
  context: DriverContext,
): Promise<KerberosClient | undefined> {
  if (!usesKerberos(location)) return undefined;
  const { krbConfigConfigMap: configMap } = location;
  if (!isGiven(configMap)) throw missing("krbConfigConfigMap", "it holds the krb5.conf");
  const readConfiguration = async (signal: AbortSignal) => {
    if (context.readConfigMap) return await context.readConfigMap(configMap, signal);
    throw new ExecutorError("Unsupported", "hdfs.krbConfigConfigMap: config maps are not supported here");
  };
  const { KerberosClient } = await import("./kerberos/index.ts");
  return new KerberosClient(identityOf(location, context), readConfiguration);
}

/** Who asks a name node by RPC. @throws BadRequest where its principal is not named, which a ticket is asked for */
export async function rpcIdentity(
  { krbServicePrincipalName = "" }: HdfsLocation,
  { user = "" }: HdfsConfig,
  kerberos: KerberosClient | undefined,
): Promise<RpcIdentity> {
  if (kerberos === undefined) return { user: async () => user };
  const [, service, own] = /^([^/@]+)\/([^/@]+)(?:@.*)?$/.exec(krbServicePrincipalName) ?? [];
  if (service === undefined || own === undefined)
    throw missing("krbServicePrincipalName", "the principal of the name nodes, such as nn/_HOST");
  const { GssContext, showPrincipal } = await import("./kerberos/index.ts");
  return {
    user: async (signal) => showPrincipal(await kerberos.client(signal)),
    begin: async (host, signal) =>
      new GssContext(await kerberos.ticketFor(service, own === "_HOST" ? host : own, signal)),
  };
}

function identityOf(location: HdfsLocation, context: DriverContext): KerberosIdentity {
  const { krbKeytabSecret: keytab, krbCCacheSecret: ccache, krbUsername = "", krbRealm = "" } = location;
  if (!isGiven(keytab)) {
    return { kind: "ccache", read: async () => Buffer.from(await context.readSecret(ccache ?? {})) };
  }
  if (krbUsername === "") throw missing("krbUsername", "a keytab may hold the keys of several");
  if (krbRealm === "") throw missing("krbRealm", "a keytab may hold the keys of several");
  const principal = { names: krbUsername.split("/"), realm: krbRealm };
  return { kind: "keytab", principal, read: async () => Buffer.from(await context.readSecret(keytab)) };
}

function missing(field: string, why: string): ExecutorError {
  return new ExecutorError("BadRequest", `hdfs.${field} is required with Kerberos: ${why}`);
}
