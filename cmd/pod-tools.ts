import { readFile } from "node:fs/promises";
import type { DriverContext, DriverSettings } from "../src/artifacts/index.ts";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import type { KubeSettings } from "../src/kube/index.ts";
import { type Logger, openLogger } from "../src/log/index.ts";
import { type PodPaths, writeTerminationMessage } from "../src/podfiles/index.ts";
import { checkSecretSelector, parseGoDuration, type SecretSelector } from "../src/template/index.ts";
import type { WaitTools } from "../src/wait/index.ts";
import { type Environment, readApiBackoff, readDriverSettings, readProxies } from "./environment.ts";
import { type CommandLine, textFlag } from "./flags.ts";
import { programPath } from "./invocation.ts";
import { once } from "./once.ts";
import { catchTerm } from "./signals.ts";
import { version } from "./version.ts";

/** A request to the API server on which nothing comes for so long is repeated. */
const kubeIdleTimeoutMs = 60_000;
/** Where a container sees its own limits. */
const cgroupRoot = "/sys/fs/cgroup";

export interface PodToolsOptions {
  /** A connection to a plugin gets so long at least, whatever the artifact says. */
  readonly connectTimeoutMinMs?: number;
  /** Goes before `EXECUTOR_RETRY_BACKOFF_*`. */
  readonly retry?: Partial<DriverSettings["retry"]>;
}

export interface PodTools extends WaitTools {
  /** As drivers get them. */
  readonly settings: DriverSettings;
}

/** Builds what init, wait and supervisor work with; nothing is connected or loaded before it is used. */
export async function podTools(
  line: CommandLine,
  env: Environment,
  paths: PodPaths,
  options: PodToolsOptions = {},
): Promise<PodTools> {
  const log = openLogger(line.logLevel, line.logFormat);
  const read = await readDriverSettings(env);
  const settings = { ...read, retry: { ...read.retry, ...options.retry } };
  const openKube = async () => {
    const { connectKube, KubeClient } = await import("../src/kube/index.ts");
    return new KubeClient(await connectKube(kubeSettings(line, env)), {
      userAgent: `argoexec/${version} argo-workflows/${version} argo-executor`,
      idleTimeoutMs: kubeIdleTimeoutMs,
      transientPattern: settings.transientPattern,
    });
  };
  const openContext = once(async (): Promise<DriverContext> => {
    const { memoryBudget, readMemoryLimit, TransferSession } = await import("../src/transfer/index.ts");
    const memoryBytes = memoryBudget(await readMemoryLimit(cgroupRoot));
    return {
      readSecret: (selector) => readSecret(paths, selector),
      async readConfigMap({ name = "", key = "" }, signal) {
        const { readConfigMapKey } = await import("../src/kube/index.ts");
        const { exponential } = await import("../src/retry/index.ts");
        await using kube = await openKube();
        return await readConfigMapKey(kube, { name, key }, exponential(readApiBackoff(env)), signal);
      },
      settings,
      transfers: new TransferSession({ retry: settings.retry, memoryBytes }),
      log,
      plugins: {
        sockets: paths.plugins,
        staging: paths.staging,
        connections: new Map(),
        containers: paths.containers,
        ...(options.connectTimeoutMinMs === undefined
          ? {}
          : { connectTimeoutMinMs: options.connectTimeoutMinMs }),
      },
    };
  });
  return {
    log,
    program: programPath(),
    listenForTerm: () => catchTerm().stop,
    explain: (text) => explain(paths, log, text),
    openDriver: async (location) => {
      const { openDriver } = await import("../src/artifacts/index.ts");
      return openDriver(location, await openContext());
    },
    openKube,
    settings,
  };
}

function explain(paths: PodPaths, log: Logger, text: string): void {
  try {
    writeTerminationMessage(paths.terminationLog, text);
  } catch (error) {
    log.warn({ error: errorText(error) }, "the termination message could not be written");
  }
}

/** Secrets are mounted by the controller; they are never read through the API (docs/contract/artifacts.md#4). */
async function readSecret(paths: PodPaths, selector: SecretSelector): Promise<Uint8Array> {
  const { name, key } = checkSecretSelector(selector);
  try {
    return await readFile(paths.secret(name, key));
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const why = isMissing ? "no such file or directory" : errorText(cause);
    throw new ExecutorError("BadRequest", `open /argo/secret/${name}/${key}: ${why}`, { cause });
  }
}

function kubeSettings({ flags }: CommandLine, env: Environment): KubeSettings {
  return {
    kubeconfig: textFlag(flags, "kubeconfig"),
    context: textFlag(flags, "context"),
    server: textFlag(flags, "server"),
    token: textFlag(flags, "token"),
    username: textFlag(flags, "username"),
    password: textFlag(flags, "password"),
    certificateAuthority: textFlag(flags, "certificate-authority"),
    clientCertificate: textFlag(flags, "client-certificate"),
    clientKey: textFlag(flags, "client-key"),
    cluster: textFlag(flags, "cluster"),
    user: textFlag(flags, "user"),
    impersonation: {
      user: textFlag(flags, "as"),
      uid: textFlag(flags, "as-uid"),
      groups: [flags["as-group"] ?? []].flat().map(String),
    },
    requestTimeoutMs: readRequestTimeout(textFlag(flags, "request-timeout")),
    proxyUrl: textFlag(flags, "proxy-url"),
    proxy: readProxies(env),
    insecureSkipTlsVerify: flags["insecure-skip-tls-verify"] === true,
    tlsServerName: textFlag(flags, "tls-server-name"),
    namespace: textFlag(flags, "namespace"),
    podNamespace: env.POD_NAMESPACE || undefined,
    kubeconfigVariable: env.KUBECONFIG || undefined,
    serviceHost: env.KUBERNETES_SERVICE_HOST || undefined,
    servicePort: env.KUBERNETES_SERVICE_PORT || undefined,
    home: env.HOME,
    serviceAccountDir: "/var/run/secrets/kubernetes.io/serviceaccount",
  };
}

/** `0` and absent: none; a bare number is seconds, as kubectl has it (docs/contract/pod.md#1.1). */
function readRequestTimeout(text: string | undefined): number | undefined {
  if (text === undefined || text === "" || /^0+$/.test(text)) return undefined;
  return /^\d+$/.test(text) ? Number(text) * 1000 : parseGoDuration(text, "--request-timeout");
}
