import {
  cleanArtifactPath,
  containerNode,
  hasOutput,
  mainContainerNames,
  outputSource,
  parseGoDuration,
  savesLogs,
  sidecarNames,
  type Template,
  volumeMounts,
} from "../template/index.ts";
import { logBytesMax, spoolSegmentBytes } from "./log-limit.ts";
import { containerFiles } from "./paths.ts";

/** The script result's limit, in bytes at the end of standard output (docs/contract/pod.md#5.6 step 4). */
export const resultBytesMax = 262_144;

export interface PlanContext {
  /** `ARGO_INCLUDE_SCRIPT_OUTPUT`. */
  readonly includesResult: boolean;
  /** The init-less layout: the emissary places inputs itself. */
  readonly isInitless: boolean;
  /** The container that collects outputs, or undefined where the pod has none. */
  readonly collector: string | undefined;
}

/** The plans of every container that the template names: main containers and sidecars (native/README.md, "The plan"). */
export function containerPlans(template: Template, context: PlanContext): ReadonlyMap<string, string> {
  const names = [...mainContainerNames(template), ...sidecarNames(template)];
  return new Map(names.map((name) => [name, containerPlan(template, name, context)]));
}

function containerPlan(template: Template, name: string, context: PlanContext): string {
  const isMain = mainContainerNames(template).includes(name);
  const directives = [
    ...(isMain ? captures(template, name, context) : []),
    ...(containerNode(template, name)?.dependencies ?? []).map((dependency) => ["dependency", dependency]),
    ...attempts(template),
    ...(isMain ? [] : mainContainerNames(template).map((main) => ["ends-with", main])),
    ...(name === "main" ? mainFiles(template, context) : []),
  ];
  return ["plan 1", ...directives.map(planLine), ""].join("\n");
}

/** Logs need both streams, a result only the end of main's standard output; files that nobody reads are not written. */
function captures(template: Template, name: string, context: PlanContext): string[][] {
  const directives: string[][] = [];
  if (name === "main" && context.includesResult && hasOutput(template)) {
    directives.push(["capture", containerFiles.result, String(resultBytesMax + 1)]);
  }
  if (!savesLogs(template)) return directives;
  directives.push(["capture", containerFiles.log, String(logBytesMax(template))]);
  const segmentBytes = context.collector === undefined ? 0 : spoolSegmentBytes(template);
  if (segmentBytes > 0) directives.push(["spool", String(segmentBytes)]);
  return directives;
}

/**
 * Argo runs a container-set member `retries` times in all; nonsense counts as one run (docs/contract/pod.md#defect-4).
 */
function attempts(template: Template): string[][] {
  const strategy = template.containerSet?.retryStrategy;
  if (strategy?.retries === undefined) return [];
  const retries = Number.parseInt(String(strategy.retries), 10);
  if (strategy.duration === undefined || strategy.duration === "") {
    return [["attempts", String(Math.max(1, retries || 1))]];
  }
  try {
    const pauseMs = parseGoDuration(strategy.duration, "containerSet.retryStrategy.duration");
    if (pauseMs < 0) return [["fail", "containerSet.retryStrategy.duration must not be negative"]];
    return [
      ["attempts", String(Math.max(1, retries || 1))],
      ["pause", String(Math.ceil(pauseMs))],
    ];
  } catch (error) {
    return [["fail", (error as Error).message]];
  }
}

/** What only the container named main has: outputs to serve, and in the init-less layout inputs to place. */
function mainFiles(template: Template, context: PlanContext): string[][] {
  const directives: string[][] = [];
  if (context.collector !== undefined) {
    const outputs = servedOutputs(template, context.isInitless).map((path) => ["output", path]);
    directives.push(["collector", context.collector], ...outputs);
  }
  if (context.isInitless) {
    for (const { name, path } of template.inputs?.artifacts ?? []) {
      if (path) directives.push(["input", name, path]);
    }
    for (const { mountPath } of volumeMounts(template)) directives.push(["mount", mountPath]);
  }
  return directives;
}

/**
 * Output paths whose bytes only main can read; the paths are those that the collector asks for, in the order in which
 * they are handed over where there is no socket to ask on.
 */
export function servedOutputs(template: Template, isInitless: boolean): readonly string[] {
  const parameters = (template.outputs?.parameters ?? []).flatMap(({ valueFrom }) => valueFrom?.path || []);
  const artifacts = (template.outputs?.artifacts ?? []).flatMap((artifact) => {
    try {
      return [cleanArtifactPath(artifact)];
    } catch {
      // An unusable path is the collector's error to report; main runs all the same.
      return [];
    }
  });
  const paths = [...new Set([...parameters, ...artifacts])];
  return paths.filter((path) => outputSource(template, path, isInitless) === "base layer");
}

function planLine(directive: readonly string[]): string {
  const [word = "", ...args] = directive;
  return [word, ...args.map(encodeArgument)].join(" ");
}

/** Percent-encodes an argument of a plan or of a request on the outputs socket. */
export function encodeArgument(text: string): string {
  if (text === "") return "%";
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9_.~/-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
