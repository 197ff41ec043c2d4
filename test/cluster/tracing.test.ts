// The spans of whole pods, as a receiver gets them that decodes OTLP with the classes of opentelemetry-proto.
import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import { type CollectedSpan, collectorPython, TraceCollector } from "../servers/trace-collector.ts";
import { connectCluster } from "./connect.ts";
import { type Recording, type RecordingGroup, readRecordings } from "./recorded-pod.ts";
import { type RunOptions, runRecording } from "./run-recording.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
assert.ok(kubeconfig, "KUBECONFIG must name the cluster that the pods run in");
const { kube, kubectl } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());
const python = await collectorPython();

type Pod = Recording["pods"][number]["pod"];
type Variables = Readonly<Record<string, string>>;

/** The configuration of the controller that turns tracing on: `executor.env` and `mainContainer.env`. */
function traced(pod: Pod, variables: Variables): Pod {
  const more = Object.entries(variables).map(([name, value]) => ({ name, value }));
  const add = <T extends { readonly env?: readonly object[] }>(container: T) => ({
    ...container,
    env: [...(container.env ?? []), ...more],
  });
  const { containers, initContainers = [] } = pod.spec;
  const spec = { ...pod.spec, containers: containers.map(add), initContainers: initContainers.map(add) };
  return { ...pod, spec } as Pod;
}

interface Traced {
  readonly spans: readonly CollectedSpan[];
  /** `parent > name` of each span of the last pod, `controller` for the span that its environment names. */
  readonly paths: readonly string[];
  readonly pod: Pod;
}

/** Runs the pods of a recording, the last of them traced, and waits for the span that comes last. */
async function traceLast(
  t: TestContext,
  [group, name, last]: readonly [RecordingGroup, string, string],
  variables: (traces: TraceCollector) => Variables,
  from = -1,
): Promise<Traced> {
  const traces = await TraceCollector.start(t, "program" in python ? python.program : "");
  const recorded = readRecordings(group).find((one) => one.name === name);
  const target = recorded?.pods.at(from)?.pod;
  assert.ok(recorded && target, `${group}/${name} was recorded`);
  const upTo = recorded.pods.findIndex(({ pod }) => pod === target) + 1;
  const change = (pod: Pod) =>
    pod.metadata.name === target.metadata.name ? traced(pod, variables(traces)) : pod;

  const runs = await runRecording(
    kube,
    { ...recorded, pods: recorded.pods.slice(0, upTo) },
    { image, stop: undefined, kubectl, change: change as RunOptions["change"] & {} },
  );

  assert.equal(runs.at(-1)?.phase, "Succeeded", JSON.stringify(runs.at(-1)?.containers));
  const spans = await traces.waitFor(last);
  return { spans, paths: pathsOf(spans, parentOf(target)), pod: target };
}

/** What the controller put into the pod's environment: the trace, and the span that the pod belongs to. */
function parentOf(pod: Pod) {
  const text = JSON.stringify(pod.spec);
  const [, traceId = "", spanId = ""] = /"00-([0-9a-f]{32})-([0-9a-f]{16})-01"/.exec(text) ?? [];
  return { traceId, spanId };
}

function pathsOf(
  spans: readonly CollectedSpan[],
  controller: { readonly spanId: string },
): readonly string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  names.set(controller.spanId, "controller");
  const found = spans.map(({ parentSpanId, name }) => `${names.get(parentSpanId) ?? "nobody"} > ${name}`);
  return [...new Set(found)].sort();
}

const overGrpc = ({ grpcPort }: TraceCollector) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${grpcPort}`,
});
const overHttp = ({ httpPort }: TraceCollector) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${httpPort}`,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
});

/** Wait's and the supervisor's own, the same in both layouts. */
const waits = (container: string) => [
  "archiveArtifact > HTTP PUT",
  `${container} > createTaskResult`,
  `${container} > patchTaskResult`,
  `${container} > saveArtifacts`,
  `${container} > saveLogs`,
  `${container} > waitWorkload`,
];

describe("the spans of a pod in a real kubelet", {
  skip: "missing" in python ? python.missing : false,
}, () => {
  for (const [protocol, variables] of [
    ["gRPC", overGrpc],
    ["http/protobuf", overHttp],
  ] as const) {
    it(`arrive whole over ${protocol}: init, main and wait below the controller's span`, {
      timeout: 300_000,
    }, async (t) => {
      const { spans, paths, pod } = await traceLast(
        t,
        ["legacy", "artifact-over-input", "runWaitContainer"],
        variables,
      );

      for (const path of [
        "controller > runInitContainer",
        "runInitContainer > stageFiles",
        "runInitContainer > loadArtifacts",
        "loadArtifacts > loadArtifact",
        "controller > runMainContainer",
        "controller > runWaitContainer",
        "createTaskResult > HTTP POST",
        "patchTaskResult > HTTP PATCH",
        "saveArtifacts > saveArtifact",
        "saveLogs > saveContainerLogs",
        ...waits("runWaitContainer"),
      ])
        assert.ok(paths.includes(path), `${path} is missing from:\n${paths.join("\n")}`);
      assert.deepEqual(
        paths.filter((path) => path.startsWith("nobody")),
        [],
      );
      assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([parentOf(pod).traceId]));
      const put = spans.find(({ attributes }) => attributes["s3.operation"] === "PutObject");
      assert.equal(put?.attributes["s3.bucket"], "my-bucket");
      assert.deepEqual(new Set(spans.map(({ resource }) => resource["service.name"])), new Set(["argoexec"]));
    });
  }

  it("arrive whole from a pod without init containers", { timeout: 300_000 }, async (t) => {
    const { paths } = await traceLast(
      t,
      ["init-less", "artifact-over-input", "runSupervisorContainer"],
      overGrpc,
    );

    for (const path of [
      "controller > runSupervisorContainer",
      "controller > runMainContainer",
      "runSupervisorContainer > stageFiles",
      "runSupervisorContainer > loadArtifacts",
      "loadArtifacts > loadArtifact",
      ...waits("runSupervisorContainer"),
    ])
      assert.ok(paths.includes(path), `${path} is missing from:\n${paths.join("\n")}`);
  });

  it("show what a resource template did, inside the emissary's span", { timeout: 300_000 }, async (t) => {
    const { spans, paths, pod } = await traceLast(
      t,
      ["legacy", "resource-create-wait", "runWaitContainer"],
      overGrpc,
      0,
    );

    for (const path of [
      "controller > runMainContainer",
      "runMainContainer > stageFiles",
      "runMainContainer > actOnResource",
      "runMainContainer > readOutputParameters",
      "actOnResource > HTTP POST",
      "runWaitContainer > saveLogs",
    ])
      assert.ok(paths.includes(path), `${path} is missing from:\n${paths.join("\n")}`);
    const post = spans.find(({ attributes }) => attributes["k8s.kind"] === "configmaps");
    assert.equal(post?.attributes["k8s.verb"], "Create");
    await kubectl(
      "delete",
      "configmap",
      "-n",
      "argo",
      `made-${pod.metadata.labels?.["workflows.argoproj.io/workflow"]}`,
    );
  });

  it("show what a data template listed, in both layouts", { timeout: 600_000 }, async (t) => {
    for (const group of ["legacy", "init-less"] as const) {
      const { spans, paths } = await traceLast(t, [group, "data", "patchTaskResultLabels"], overGrpc, 3);

      assert.ok(paths.includes("processDataTemplate > listArtifacts"), paths.join("\n"));
      assert.ok(paths.includes("listArtifacts > HTTP GET"), paths.join("\n"));
      assert.equal(spans.find(({ name }) => name === "listArtifacts")?.attributes.keys, 3);
    }
  });
});
