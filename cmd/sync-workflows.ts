import { readFile } from "node:fs/promises";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import { KubeClient } from "../src/kube/index.ts";
import type { InventorySources } from "../src/sync/inventory/index.ts";
import { commaList, type Environment, readPattern, readProxies } from "./environment.ts";
import { type FlagValues, textFlag, textsFlag } from "./flags.ts";
import type { SyncCall } from "./sync-call.ts";
import { version } from "./version.ts";

/** Where workflows are read. */
export const workflowFlags = {
  workflows: { type: "string", multiple: true },
  "argo-server": { type: "string" },
  "argo-token-file": { type: "string" },
  "without-cluster": { type: "boolean" },
  "without-archive": { type: "boolean" },
} as const;

const idleTimeoutMs = 60_000;

/** Sources of workflows, whose connections end with them. */
export interface OpenSources extends AsyncDisposable {
  readonly sources: InventorySources;
}

/** Opens what the flags name: the cluster unless it is left out, the archive where a server is named, files. */
export async function openSources(call: SyncCall): Promise<OpenSources> {
  const { flags } = call.line;
  const files = textsFlag(flags, "workflows");
  const cluster = flags["without-cluster"] === true ? undefined : await call.openKube();
  const archive = await openArchive(flags, call.env);
  return {
    sources: { cluster, archive, files, namespaces: commaList(textFlag(flags, "namespace")) },
    async [Symbol.asyncDispose]() {
      await archive?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * The Argo server, as the variables of the `argo` command name it (`ARGO_SERVER`, `ARGO_TOKEN`, `ARGO_SECURE`,
 * `ARGO_INSECURE_SKIP_VERIFY`, `ARGO_BASE_HREF`). A token is never a flag: command lines can be seen.
 */
async function openArchive(flags: FlagValues, env: Environment): Promise<KubeClient | undefined> {
  const text = textFlag(flags, "argo-server") ?? env.ARGO_SERVER ?? "";
  if (flags["without-archive"] === true || text === "") return undefined;
  const scheme = env.ARGO_SECURE === "false" ? "http" : "https";
  const address = /^https?:\/\//.test(text) ? text : `${scheme}://${text}${env.ARGO_BASE_HREF ?? ""}`;
  const server = URL.canParse(address) ? new URL(address) : undefined;
  if (server === undefined) {
    throw new ExecutorError("BadRequest", "--argo-server must be a URL such as https://argo-server:2746");
  }
  const file = textFlag(flags, "argo-token-file");
  const connection = {
    server,
    namespace: "",
    tls: { rejectUnauthorized: env.ARGO_INSECURE_SKIP_VERIFY !== "true" },
    proxy: readProxies(env),
    // Projected tokens are exchanged while we run.
    authorization: async () => bearer(file === undefined ? env.ARGO_TOKEN : await readToken(file)),
  };
  return new KubeClient(connection, {
    userAgent: `argoexec/${version}`,
    idleTimeoutMs,
    transientPattern: await readPattern(env.TRANSIENT_ERROR_PATTERN),
  });
}

/** `argo auth token` prints the scheme, too. */
function bearer(token: string | undefined): string | undefined {
  const text = (token ?? "").trim();
  if (text === "") return undefined;
  return /^(Bearer|Basic) /i.test(text) ? text : `Bearer ${text}`;
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutorError("Unauthorized", `--argo-token-file cannot be read: ${errorText(cause)}`, {
      cause,
    });
  }
}
