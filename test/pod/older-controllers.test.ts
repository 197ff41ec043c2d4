import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Pod } from "../../desk/kubelet/index.ts";
import { type RecordingGroup, readRecordings } from "../cluster/recorded-pod.ts";
import { runManifest, startServers } from "./desk.ts";

const pods = { group: "", version: "v1", resource: "pods", namespace: "argo" };
const prefix = "workflows.argoproj.io/";

interface Surroundings {
  /** Task results are forbidden, and the pod may be patched. */
  readonly isWithoutTaskResults: boolean;
  readonly change: (json: string) => string;
}

/** Runs the recorded pod `hello` of a controller, changed by the test. */
async function runHello(
  t: TestContext,
  group: RecordingGroup,
  { isWithoutTaskResults, change }: Surroundings,
) {
  const rules = isWithoutTaskResults ? { rules: [{ verbs: ["patch"], resources: ["pods"] }] } : {};
  const servers = await startServers(t, rules);
  const recorded = readRecordings(group).find(({ name }) => name === "hello")?.pods[0]?.pod;
  assert.ok(recorded, `there is no recording ${group}/hello`);
  const { name } = recorded.metadata;
  servers.api.create(pods, { metadata: { name } });
  const json = change(JSON.stringify(recorded).replaceAll("127.0.0.1:9000", servers.store.endpoint));
  const pod = await runManifest(t, JSON.parse(json) as Pod, servers);
  const codes = await pod.codes();
  const annotations = servers.api.find({ ...pods, name })?.metadata.annotations ?? {};
  return { pod, codes, annotations, message: await pod.message("wait") };
}

describe("the controller's version", { concurrency: 2 }, () => {
  it("is 3.5 by ARGO_TEMPLATE in wait's environment, though executor.args add --gloglevel: pod annotations are written", async (t) => {
    const { codes, annotations } = await runHello(t, "v3.5.15", {
      isWithoutTaskResults: true,
      change: (json) => {
        assert.doesNotMatch(json, /gloglevel/);
        return json.replaceAll('"--log-format","text"', '"--log-format","text","--gloglevel","6"');
      },
    });

    assert.deepEqual(codes, { init: 0, wait: 0, main: 0 });
    assert.equal(annotations[`${prefix}report-outputs-completed`], "true");
    assert.match(annotations[`${prefix}outputs`] ?? "", /"name":"main-logs"/);
  });

  it("is not 3.5 by a missing --gloglevel, which 3.6.0 does not pass either: no pod is patched", async (t) => {
    const { pod, codes, annotations, message } = await runHello(t, "v3.6.19", {
      isWithoutTaskResults: true,
      change: (json) => json.replaceAll(',"--gloglevel","0"', ""),
    });

    assert.deepEqual(codes, { init: 0, wait: 64, main: 0 });
    assert.deepEqual(annotations, {});
    assert.deepEqual(
      pod.servers.api.requests.filter(({ path }) => path.includes("/pods/")),
      [],
    );
    assert.match(message, /grant the pod's service account "create" and "patch"/);
  });

  it("is 3.5.0 or 3.5.1 where no ARGO_WORKFLOW_UID is set: the pod owns the task result", async (t) => {
    const { pod, codes } = await runHello(t, "v3.5.15", {
      isWithoutTaskResults: false,
      change: (json) => json.replaceAll(/\{"name":"ARGO_WORKFLOW_UID","value":"[^"]+"\},/g, ""),
    });

    assert.deepEqual(codes, { init: 0, wait: 0, main: 0 });
    assert.ok(pod.isCompleted());
    const [owner, ...others] = pod.taskResult()?.metadata.ownerReferences ?? [];
    assert.deepEqual([owner?.kind, owner?.name, others], ["Pod", pod.nodeId, []]);
    assert.ok(owner?.uid, "the API server refuses an owner without a uid");
  });

  it("3.5 gives wait the template in its environment, which goes before a file that an init container of the user's rewrote", async (t) => {
    const evil = JSON.stringify({
      name: "evil",
      container: {},
      outputs: { parameters: [{ name: "stolen", valueFrom: { path: "/none", default: "x" } }] },
    });
    const { pod, codes } = await runHello(t, "v3.5.15", {
      isWithoutTaskResults: false,
      change: (json) => {
        const recorded = JSON.parse(json) as Pod;
        const rewriting = {
          name: "theirs",
          image: "busybox",
          command: ["sh", "-c"],
          args: [`rm /var/run/argo/template; echo '${evil}' > /var/run/argo/template; echo rewritten`],
          volumeMounts: [{ name: "var-run-argo", mountPath: "/var/run/argo" }],
        };
        const initContainers = [...(recorded.spec.initContainers ?? []), rewriting];
        return JSON.stringify({ ...recorded, spec: { ...recorded.spec, initContainers } });
      },
    });

    assert.deepEqual(codes, { init: 0, theirs: 0, wait: 0, main: 0 });
    assert.equal(pod.printed("theirs"), "rewritten\n");
    assert.deepEqual(pod.saved(), ["main-logs"]);
    assert.deepEqual(pod.parameters(), {});
  });
});
