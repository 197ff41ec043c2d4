import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PodPaths } from "../../src/podfiles/index.ts";
import {
  decodeState,
  initialState,
  isStandbyEvent,
  standbyArguments,
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

/** The sleeping program's flags, and the command it becomes. */
function sleepOf(changes: Partial<WaitConfig>, state: Partial<WaitState>) {
  const args = standbyArguments({ ...config, ...changes }, { ...initialState, ...state }, [
    "argoexec",
    "wait",
  ]);
  const dashes = args.indexOf("--");
  return { flags: args.slice(1, dashes).join(" "), command: args.slice(dashes + 1), name: args[0] };
}

describe("the sleep of wait", () => {
  it("watches every main container, the deadline and the progress file", () => {
    const { name, flags, command } = sleepOf({}, { progressSeen: "1/2" });

    assert.equal(name, "standby");
    const folder = "/root-of-the-test/var/run/argo/ctr";
    assert.equal(
      flags,
      `--container ${folder}/main --container ${folder}/post --deadline 1900000000000 ` +
        "--watch /var/run/argo/progress --tick 60000 --seen 1/2",
    );
    assert.deepEqual(command.slice(0, 2), ["argoexec", "wait"]);
  });

  it("has no deadline where there is none, where it is over, and once the pod is ending", () => {
    for (const [changes, state] of [
      [{ deadlineMs: undefined }, {}],
      [{}, { isDeadlineOver: true }],
      [{}, { isTerminating: true }],
    ] as const) {
      assert.doesNotMatch(sleepOf(changes, state).flags, /--deadline/);
    }
  });

  it("ends by itself where something has to be done then", () => {
    const limit = { atMs: 1234.5, reason: "kill" } as const;

    assert.match(sleepOf({ progress: undefined }, { limit }).flags, / --limit 1235$/);
  });

  it("brings back what was known before it", () => {
    const known: WaitState = {
      ...initialState,
      taskResult: "exists",
      isAnnounced: true,
      errors: ["first", "second with ünïcode\nand a line break"],
      limit: { atMs: 99, reason: "collect" },
    };

    const { command } = sleepOf({}, known);

    assert.equal(command.at(-2), "--state");
    assert.deepEqual(decodeState(command.at(-1) ?? ""), known);
  });

  it("refuses a state that no phase wrote, and an event that no sleep ends with", () => {
    assert.throws(() => decodeState("%%%"), { code: "BadRequest" });
    assert.ok(isStandbyEvent("ended"));
    assert.ok(!isStandbyEvent("bored"));
  });
});
