import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { ExecutorError, errorText } from "../errors/index.ts";
import type { ProxySettings } from "../http/index.ts";

/** Where the API server is and who we are; how a request is signed may change while we run. */
export interface KubeConnection {
  readonly server: URL;
  readonly namespace: string;
  readonly tls: {
    readonly ca?: string | Buffer | undefined;
    readonly cert?: string | Buffer | undefined;
    readonly key?: string | Buffer | undefined;
    readonly servername?: string | undefined;
    readonly rejectUnauthorized?: boolean | undefined;
  };
  readonly proxy?: ProxySettings | undefined;
  /** Sent with every request: whom it is made for (`--as`). */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** `--request-timeout`: until the head of an answer. */
  readonly requestTimeoutMs?: number | undefined;
  /** Read anew for each request: projected tokens rotate, exec plugins renew theirs. */
  authorization(): Promise<string | undefined>;
}

/** Flags and variables that decide about the connection (docs/contract/pod.md#1.1, #2.2, #6.1). */
export interface KubeSettings {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  /** Instead of those of the context. */
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly impersonation?: {
    readonly user: string | undefined;
    readonly uid: string | undefined;
    readonly groups: readonly string[];
  };
  readonly requestTimeoutMs?: number | undefined;
  /** `--proxy-url`. */
  readonly proxyUrl?: string | undefined;
  /** `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`. */
  readonly proxy?: ProxySettings;
  readonly insecureSkipTlsVerify?: boolean;
  readonly tlsServerName?: string | undefined;
  /** `--namespace`. */
  readonly namespace?: string | undefined;
  /** `POD_NAMESPACE`. */
  readonly podNamespace?: string | undefined;
  /** `KUBECONFIG`, `KUBERNETES_SERVICE_HOST` and `_PORT`, `HOME`. */
  readonly kubeconfigVariable?: string | undefined;
  readonly serviceHost?: string | undefined;
  readonly servicePort?: string | undefined;
  readonly home?: string | undefined;
  /** `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccountDir: string;
}

/**
 * Finds the API server in kubectl's order: `--kubeconfig`, an explicit `--server`, `KUBECONFIG`, the pod's service
 * account, `~/.kube/config`. Throws BadRequest naming what was looked for.
 */
export async function connectKube(settings: KubeSettings): Promise<KubeConnection> {
  const found = await find(settings);
  const { user, uid, groups = [] } = settings.impersonation ?? {};
  return {
    ...found,
    tls: { ...found.tls, ...(await ownCertificate(settings)) },
    proxy: settings.proxyUrl ? only(settings.proxyUrl) : (found.proxy ?? settings.proxy),
    requestTimeoutMs: settings.requestTimeoutMs,
    headers: {
      ...(user && { "impersonate-user": user }),
      ...(uid && { "impersonate-uid": uid }),
      ...(groups.length > 0 && { "impersonate-group": groups }),
    },
    authorization: async () => authorizationOf(settings) ?? (await found.authorization()),
  };
}

async function find(settings: KubeSettings): Promise<KubeConnection> {
  if (settings.kubeconfig) return fromKubeconfig(settings.kubeconfig, settings);
  if (settings.server) return fromFlags(settings.server, settings);
  if (settings.kubeconfigVariable) return fromKubeconfig(settings.kubeconfigVariable, settings);
  if (settings.serviceHost) return fromServiceAccount(settings.serviceHost, settings);
  const own = join(settings.home ?? "/", ".kube", "config");
  if (await isReadable(own)) return fromKubeconfig(own, settings);
  throw new ExecutorError(
    "BadRequest",
    "no Kubernetes API server is configured: give --kubeconfig or KUBECONFIG, or run in a pod with a service account " +
      "(KUBERNETES_SERVICE_HOST)",
  );
}

/** A token goes before a name and a password, as in client-go. */
function authorizationOf({ token, username, password }: KubeSettings): string | undefined {
  if (token) return `Bearer ${token}`;
  if (!username) return undefined;
  return `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
}

async function ownCertificate({ clientCertificate, clientKey, certificateAuthority }: KubeSettings) {
  const read = async (path: string | undefined, flag: string) => {
    if (!path) return undefined;
    return await readFile(path).catch((cause) => {
      throw new ExecutorError("BadRequest", `${flag} cannot be read: ${errorText(cause)}`, { cause });
    });
  };
  const [ca, cert, key] = [
    await read(certificateAuthority, "--certificate-authority"),
    await read(clientCertificate, "--client-certificate"),
    await read(clientKey, "--client-key"),
  ];
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

/** The proxy of a kubeconfig or flag is for every address: NO_PROXY is about those of the environment. */
function only(proxy: string): ProxySettings {
  return { httpProxy: proxy, httpsProxy: proxy, noProxy: undefined, isForAll: true };
}

async function fromFlags(server: string, settings: KubeSettings): Promise<KubeConnection> {
  return {
    server: parseServer(server),
    namespace: settings.namespace ?? (await podNamespace(settings)),
    tls: {
      servername: settings.tlsServerName,
      rejectUnauthorized: !settings.insecureSkipTlsVerify,
    },
    authorization: async () => undefined,
  };
}

async function fromServiceAccount(host: string, settings: KubeSettings): Promise<KubeConnection> {
  const literal = host.includes(":") ? `[${host}]` : host;
  return {
    server: parseServer(`https://${literal}:${settings.servicePort ?? "443"}`),
    namespace: settings.namespace ?? (await podNamespace(settings)),
    tls: { ca: await readCredential(join(settings.serviceAccountDir, "ca.crt")) },
    authorization: async () => {
      const token = await readCredential(join(settings.serviceAccountDir, "token"));
      return `Bearer ${token.toString("utf8").trim()}`;
    },
  };
}

/** A kubeconfig may name exec plugins, OIDC and client certificates: the client library knows them all. */
async function fromKubeconfig(path: string, settings: KubeSettings): Promise<KubeConnection> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (cause) {
    throw unusable("BadRequest", path, cause);
  }
  if (settings.context) config.setCurrentContext(settings.context);
  choose(config, settings);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new ExecutorError("BadRequest", `kubeconfig ${path} names no cluster in its current context`);
  const context = config.getContextObject(config.getCurrentContext());
  const readOptions = async () => {
    const fresh: Parameters<typeof config.applyToHTTPSOptions>[0] = {};
    try {
      await config.applyToHTTPSOptions(fresh);
    } catch (cause) {
      throw unusable("Unauthorized", path, cause);
    }
    return fresh;
  };
  const options = await readOptions();
  return {
    server: parseServer(settings.server ?? cluster.server),
    namespace: settings.namespace ?? context?.namespace ?? (await podNamespace(settings)),
    ...(cluster.proxyUrl && { proxy: only(cluster.proxyUrl) }),
    tls: {
      ca: options.ca as Buffer | undefined,
      cert: options.cert as Buffer | undefined,
      key: options.key as Buffer | undefined,
      servername: settings.tlsServerName ?? cluster.tlsServerName,
      rejectUnauthorized: !(settings.insecureSkipTlsVerify || cluster.skipTLSVerify),
    },
    authorization: async () => {
      const fresh = await readOptions();
      const headers = fresh.headers as Record<string, string> | undefined;
      return (
        headers?.Authorization ??
        (fresh.auth ? `Basic ${Buffer.from(fresh.auth).toString("base64")}` : undefined)
      );
    },
  };
}

/** `--cluster` and `--user` take the place of what the context names. */
function choose(config: KubeConfig, { cluster, user }: KubeSettings): void {
  if (cluster === undefined && user === undefined) return;
  const current = config.getContextObject(config.getCurrentContext());
  const name = "chosen by flags";
  const chosen = {
    ...(current?.namespace && { namespace: current.namespace }),
    cluster: cluster ?? current?.cluster ?? "",
    user: user ?? current?.user ?? "",
    name,
  };
  config.contexts = [...config.contexts.filter((each) => each.name !== name), chosen];
  config.setCurrentContext(name);
}

/** Of what the library says, the first line: below it the YAML parser quotes the file, tokens included. */
function unusable(code: "BadRequest" | "Unauthorized", path: string, cause: unknown): ExecutorError {
  return new ExecutorError(code, `kubeconfig ${path}: ${errorText(cause).split("\n", 1)[0]}`);
}

async function podNamespace(settings: KubeSettings): Promise<string> {
  if (settings.podNamespace) return settings.podNamespace;
  try {
    return (await readFile(join(settings.serviceAccountDir, "namespace"), "utf8")).trim() || "default";
  } catch {
    // Outside a pod there is no such file, and kubectl's default applies.
    return "default";
  }
}

async function readCredential(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ExecutorError(
      "Unauthorized",
      `the pod's service account has no ${path}: automountServiceAccountToken must not be false for the executor`,
      { cause },
    );
  }
}

function parseServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "https:" || url.protocol === "http:")) return url;
  throw new ExecutorError(
    "BadRequest",
    `the API server must be a URL such as https://10.0.0.1:443, not "${text}"`,
  );
}

async function isReadable(path: string): Promise<boolean> {
  if (!isAbsolute(path) || dirname(path) === path) return false;
  return readFile(path).then(
    () => true,
    () => false,
  );
}
