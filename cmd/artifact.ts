import { collectGarbage } from "../src/artifact-delete/index.ts";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import { GcTasks } from "../src/kube/index.ts";
import { endContainers } from "../src/podfiles/index.ts";
import { commaList, podPaths, readDeleteRetry, readGracePeriod } from "./environment.ts";
import { parseCommandLine } from "./flags.ts";
import type { Invocation } from "./invocation.ts";
import { podTools } from "./pod-tools.ts";
import { catchTerm } from "./signals.ts";
import { traced } from "./tracing.ts";

/** The API server may be away for a while; the job must end all the same, for nothing else ends it. */
const patienceMs = 10 * 60_000;
/**
 * The controller hands a driver's connection timeout to steps only, and here several plugins start at once
 * (docs/contract/roles.md#D-20).
 */
const connectTimeoutMinMs = 30_000;

/**
 * `argoexec artifact delete`: the artifact GC job. Of its environment only `ARGO_ARTIFACT_POD_NAME` is sure to be
 * there, and without it there is nothing to do (docs/contract/roles.md#4.1).
 */
export async function artifactCommand({ args, env }: Invocation): Promise<number> {
  const { stop } = catchTerm();
  const line = parseCommandLine(args, {});
  if (line.positionals[0] !== "delete") {
    throw new ExecutorError(
      "BadRequest",
      `unknown command "${line.positionals[0] ?? ""}" for "argoexec artifact"`,
    );
  }
  const podLabel = env.ARGO_ARTIFACT_POD_NAME;
  if (!podLabel) return 0;
  const paths = podPaths(env);
  const tools = await podTools(
    line,
    { ...env, POD_NAMESPACE: env.ARGO_NAMESPACE || env.POD_NAMESPACE },
    paths,
    {
      connectTimeoutMinMs,
      retry: readDeleteRetry(env),
    },
  );
  const plugins = commaList(env.ARGO_ARTIFACT_PLUGIN_NAMES);
  const work = async () => {
    await using kube = await tools.openKube();
    const tasks = new GcTasks(kube, {
      patienceMs,
      onRetry: (error) => tools.log.warn({ error: errorText(error) }, "asking the API server again"),
    });
    const abort = new AbortController().signal;
    await collectGarbage({ tasks, openDriver: tools.openDriver, log: tools.log }, podLabel, { stop, abort });
  };
  try {
    await traced("runArtifactDeleteContainer", env, tools.log, work);
  } finally {
    if (plugins.length > 0) {
      const gracePeriodMs = readGracePeriod(env.ARGO_TERMINATION_GRACE_PERIOD_SECONDS);
      await endContainers(paths, plugins, gracePeriodMs, tools.log, new AbortController().signal);
    }
  }
  return 0;
}
