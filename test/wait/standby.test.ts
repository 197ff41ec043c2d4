import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PodPaths } from "../../src/podfiles/index.ts";
import {
  decodeState,
  encodeState,
  initialState,
  isStandbyEvent,
  standbyRequest,
  type WaitConfig,
  type WaitState,
} from "../../src/wait/index.ts";

const config: WaitConfig = {
  template: { containerSet: { containers: [{ name: "main" }, { name: "post" }] } },
  identity: {
    nodeId: "wf-1",
    podName: "wf-1",
    podUid: "p",
    workflowName: "wf",
    workflowUid: "u",
    instanceId: undefined,
    readsPodAnnotations: false,
  },
  paths: new PodPaths("/root-of-the-test"),
  includesResult: false,
  isInitless: false,
  deadlineMs: 1_900_000_000_000,
  gracePeriodMs: 30_000,
  progress: { file: "/var/run/argo/progress", tickMs: 60_000 },
  pluginContainers: [],
};

/** What the static program is asked to sleep for, a directive an element. */
function sleepOf(changes: Partial<WaitConfig>, state: Partial<WaitState>): readonly string[] {
  const request = standbyRequest({ ...config, ...changes }, { ...initialState, ...state });
  return request.trimEnd().split("\n");
}

describe("the sleep of wait", () => {
  it("watches every main container, main's failure, the deadline and the progress file", () => {
    assert.deepEqual(sleepOf({}, { progressSeen: "1/2" }), [
      "container main",
      "container post",
      "deadline 1900000000000",
      "held main",
      "watch /var/run/argo/progress 60000 1/2",
      "sleep",
    ]);
  });

  it("has no deadline where there is none, where it is over, and once the pod is ending", () => {
    for (const [changes, state] of [
      [{ deadlineMs: undefined }, {}],
      [{}, { isDeadlineOver: true }],
      [{}, { isTerminating: true }],
    ] as const) {
      assert.doesNotMatch(sleepOf(changes, state).join(), /deadline/);
    }
  });

  it("does not watch main's failure where main is alone, or the others were told to end", () => {
    assert.doesNotMatch(sleepOf({ template: { container: {} } }, {}).join(), /held/);
    assert.doesNotMatch(sleepOf({}, { hasMainFailed: true }).join(), /held/);
  });

  it("ends by itself where something has to be done then", () => {
    const limit = { atMs: 1234.5, reason: "kill" } as const;

    assert.ok(sleepOf({ progress: undefined }, { limit }).includes("limit 1235"));
  });

  it("waits for half a log's share of the volume behind what was taken, unless taking it has ended", () => {
    const container = { name: "main", resources: { limits: { "ephemeral-storage": "4Mi" } } };
    const template = { container, archiveLocation: { archiveLogs: true, s3: { key: "k" } } };
    const spool = { container: "main", partStarts: [0], endBytes: 1_048_576, isOver: false };
    const marks = (state: Partial<WaitState>, changes: Partial<WaitConfig> = { template }) =>
      sleepOf(changes, state).filter((line) => line.startsWith("spool"));

    assert.deepEqual(marks({}), ["spool main combined.524288"]);
    assert.deepEqual(marks({ spools: [spool] }), ["spool main combined.1572864"]);
    assert.deepEqual(marks({ spools: [{ ...spool, isOver: true }] }), []);
    assert.deepEqual(marks({ isTerminating: true }), []);
    for (const archiveLocation of [{ s3: { key: "k" } }, { archiveLogs: true, http: { url: "http://x" } }]) {
      assert.deepEqual(marks({}, { template: { container, archiveLocation } }), []);
    }
  });

  it("says that a signal was obeyed, and has nothing of foreign length in it", () => {
    const lines = sleepOf({}, { isTerminating: true, errors: ["x".repeat(200_000)] });

    assert.ok(lines.includes("terminating"));
    assert.ok(lines.join("").length < 1000);
  });

  it("brings back what was known before it, however long", () => {
    const known: WaitState = {
      ...initialState,
      taskResult: "exists",
      isAnnounced: true,
      errors: ["first", "x".repeat(200_000), "ünïcode\nand a line break"],
      limit: { atMs: 99, reason: "collect" },
    };

    assert.deepEqual(decodeState(encodeState(known)), known);
  });

  it("refuses a state that no phase wrote, and an event that no sleep ends with", () => {
    assert.throws(() => decodeState("%%%"), { code: "Internal" });
    assert.ok(isStandbyEvent("ended"));
    assert.ok(!isStandbyEvent("bored"));
  });
});
