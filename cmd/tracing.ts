import { closeSync, constants, openSync, readFileSync, readSync, statSync } from "node:fs";
import { containerFiles, type PodPaths } from "../src/podfiles/index.ts";
import { type Attributes, span } from "../src/tracing/index.ts";
import type { ContainerSpan, Tracing } from "../src/tracing/start.ts";
import type { PhaseEnd, PhaseStart } from "../src/wait/index.ts";
import { type Environment, readProxies } from "./environment.ts";
import { version } from "./version.ts";

type Log = Parameters<typeof import("../src/tracing/start.ts").startTracing>[0]["log"];

/** Tracing is on where an endpoint exists, be it empty (docs/contract/roles.md#6.1). */
const endpointVariables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/** Starts to record spans, where the environment asks for it; nothing is loaded elsewhere. */
export async function openTracing(env: Environment, log: Log): Promise<Tracing | undefined> {
  if (!endpointVariables.some((name) => env[name] !== undefined)) return undefined;
  const { startTracing } = await import("../src/tracing/start.ts");
  return startTracing({ env, version, proxy: readProxies(env), log });
}

/** Runs all of a command in one span, whose parent is the controller's, and sends what was recorded. */
export async function traced<T>(
  name: string,
  env: Environment,
  log: Log,
  work: () => Promise<T>,
): Promise<T> {
  await using _tracing = await openTracing(env, log);
  return await span(name, containerAttributes(env), work);
}

export interface TracedContainer {
  readonly name: "wait" | "supervisor";
  readonly env: Environment;
  readonly log: Log;
  readonly paths: PodPaths;
  /** Containers whose emissaries leave what their spans are to say. */
  readonly mains: readonly string[];
}

/**
 * Runs a phase of the auxiliary container: its span begins in the first and is recorded in the last, and the state says
 * which it is in between. What was recorded is sent before the process is replaced.
 */
export async function tracedPhase(
  { name, env, log, paths, mains }: TracedContainer,
  start: PhaseStart,
  run: () => Promise<PhaseEnd>,
): Promise<PhaseEnd> {
  await using tracing = await openTracing(env, log);
  if (tracing === undefined) return await run();
  const own = tracing.container("state" in start ? start.state.trace : "");
  const finish = () => {
    const attributes = containerAttributes(env);
    for (const main of mains) recordEmissary(own, paths, main, attributes);
    own.end(name === "wait" ? "runWaitContainer" : "runSupervisorContainer", attributes, "waitWorkload");
  };
  try {
    const end = await own.run(run);
    if (end.kind === "sleep") {
      own.sleeps();
      return { ...end, state: { ...end.state, trace: own.token } };
    }
    finish();
    return end;
  } catch (error) {
    finish();
    throw error;
  }
}

/**
 * An emissary exports nothing by itself: it leaves its span's identity and start (native/README.md), and its command's
 * exit code says when it ended. Main can write both, so that they are taken for no more than they look like.
 */
function recordEmissary(own: ContainerSpan, paths: PodPaths, name: string, attributes: Attributes): void {
  try {
    const spanText = readSmallFile(paths.containerFile(name, containerFiles.span));
    const [, traceParent = "", start = ""] = /^(\S{55}) (\d{10,16})\n?$/.exec(spanText) ?? [];
    const endMs = Math.min(statSync(paths.containerFile(name, containerFiles.exitCode)).mtimeMs, Date.now());
    const startMs = Math.min(Number(start), endMs);
    if (traceParent !== "") {
      own.foreign({ name: "runMainContainer", traceParent, attributes, startMs, endMs });
    }
  } catch {
    // No span was asked for there, or the command never ended.
  }
}

function readSmallFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(128);
    return bytes.toString("latin1", 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/** Which workflow a container works for, and where. */
export function containerAttributes(env: Environment): Attributes {
  return { name: env.ARGO_WORKFLOW_NAME ?? "", namespace: env.POD_NAMESPACE || ownNamespace() };
}

function ownNamespace(): string {
  try {
    return readFileSync("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "utf8").trim();
  } catch {
    // Containers of users may have no service account.
    return "";
  }
}
