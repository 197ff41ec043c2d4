import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runCase } from "../chaos/case.ts";
import { allCases, titleOf } from "../chaos/cases.ts";
import { clusterStage } from "../chaos/cluster-pod.ts";
import { reach } from "../chaos/phases.ts";
import { everything } from "../chaos/verdict.ts";
import { openGate } from "../chaos/workload.ts";
import { connectCluster } from "./connect.ts";

const kubeconfig = process.env.KUBECONFIG;
const image = process.env.OUTRIDER_IMAGE ?? "localhost/outrider:test";
assert.ok(kubeconfig, "KUBECONFIG must name the cluster that the pods run in");
const { kube } = await connectCluster(kubeconfig);
after(() => kube[Symbol.asyncDispose]());
const stage = await clusterStage({ kube, kubeconfig, image });

/** What a real kubelet may do otherwise than the desk's: ends of containers, deletion, volumes; `npm run test:chaos:cluster` runs all. */
const usual = [
  "SIGKILL of Node in init",
  "legacy, upload: SIGKILL of Node in wait",
  "init-less, upload: SIGKILL of Node in supervisor",
  "legacy, standby: SIGKILL of wait's first process",
  "init-less, standby: SIGKILL of supervisor's first process",
  "legacy, upload: SIGKILL of the whole container wait",
  "init-less, report: SIGKILL of the whole container supervisor",
  "loading inputs: SIGKILL of supervisor's first process",
  "command: SIGKILL of main's emissary",
  "legacy, command: SIGKILL of the whole container main",
  "TERM with 15 s of grace",
  "legacy, upload: disk full",
  "disk full: the executor's own volume",
];

describe("faults in a real kubelet", { concurrency: 3 }, () => {
  const chosen = allCases(false).filter((one) => usual.some((words) => titleOf(one).includes(words)));
  for (const one of chosen) {
    it(titleOf(one), { skip: one.skip ?? false }, async () => {
      const { breaches, log } = await runCase(one, stage);

      assert.deepEqual(breaches, [], log);
    });
  }
});

describe("a real API server that is away", () => {
  it("S4: stands still for 10 s while main ends: everything is reported when it goes on", async () => {
    const server = Number(
      readFileSync(join(dirname(dirname(kubeconfig ?? "")), "log/apiserver.pid"), "utf8"),
    );
    const isHealthy = { main: 0, init: 0, wait: 0 };

    const { breaches, log } = await runCase(
      {
        fault: "API server stands still",
        phase: "report",
        layout: "legacy",
        isUsual: true,
        expected: {
          codes: isHealthy,
          saved: everything,
          hasParameter: true,
          isCompleted: true,
          withinSeconds: 100,
        },
        told: "",
        strike: async (pod) => {
          await reach(pod, "legacy", "standby");
          process.kill(server, "SIGSTOP");
          try {
            await openGate(pod);
            await pod.servers.store.waitForRequest(({ method }) => method === "PUT");
            await sleep(10_000);
          } finally {
            process.kill(server, "SIGCONT");
          }
        },
      },
      stage,
    );

    assert.deepEqual(breaches, [], log);
  });
});
