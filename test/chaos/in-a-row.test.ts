import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { buildPod, podNames } from "../../desk/index.ts";
import { DeskPod } from "../../desk/kubelet/index.ts";
import { keepDeskRow, writePage } from "../cluster/in-a-row/page.ts";
import { program, shell } from "../pod/desk.ts";
import { location, type Servers, secrets, startServers, temporary, token } from "../pod/servers.ts";

const isFull = process.env.FULL === "1";
const pods = isFull ? 1000 : 20;
const rows = isFull ? 4 : 1;
/** The first ones fill caches, and open what is kept open. */
const warmUp = 3;

describe(`${pods} pods of \`true\` in a row, of both layouts in turn`, () => {
  it("leave no files, processes or sockets on the node, and the servers as they were", {
    timeout: isFull ? 3_600_000 : 120_000,
  }, async (t) => {
    const folder = mkdtempSync(join(temporary, "row-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const servers = await startServers(t);
    for (let number = 0; number < warmUp; number++) await runTrue(servers, folder, number);
    const before = ownState();
    const overheadsMs: number[] = [];

    let begun = 0;
    const row = async () => {
      while (begun < pods) overheadsMs.push(await runTrue(servers, folder, warmUp + begun++));
    };
    await Promise.all(Array.from({ length: rows }, row));

    assert.deepEqual(readdirSync(folder), []);
    assert.deepEqual(processesOf(folder), []);
    assert.deepEqual(socketsOf(folder), []);
    // Connections that the last pod has just closed may still be here; more than a pod has would be a leak.
    const after = ownState();
    assert.ok(after.descriptors <= before.descriptors + 4, `${before.descriptors} -> ${after.descriptors}`);
    overheadsMs.sort((a, b) => a - b);
    const at = (share: number) => Math.round(overheadsMs[Math.floor(overheadsMs.length * share)] ?? 0);
    t.diagnostic(`from the start of init to the end of the pod: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
    t.diagnostic(`this process, with both servers: ${before.residentMiB} -> ${after.residentMiB} MiB`);
    if (!isFull) return;
    keepDeskRow({
      pods,
      rows,
      p50: at(0.5) / 1000,
      p99: at(0.99) / 1000,
      descriptors: after.descriptors - before.descriptors,
      memoryMiB: after.residentMiB - before.residentMiB,
    });
    writePage("docs/reliability.md");
  });
});

/** Returns how long the pod took; its command takes nothing. */
async function runTrue(servers: Servers, folder: string, number: number): Promise<number> {
  const template = { name: "step", ...shell("true") };
  const manifest = {
    template,
    workflow: { metadata: { name: `wf-${number}` }, spec: {} },
    isEntrypoint: true,
    readsResult: false,
    secrets,
    configMaps: {},
  };
  const repository = { s3: location(servers.store) };
  const names = podNames(manifest);
  const pod = buildPod({ manifest, template, names, repository, isInitless: number % 2 === 1 });
  await using desk = await DeskPod.prepare({
    pod,
    program,
    temporary: folder,
    baseEnv: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/" },
    executorArgs: ["--server", servers.api.url, "--token", token, "--namespace", "argo"],
    secrets,
    configMaps: {},
  });
  const startedMs = performance.now();
  const { phase } = await desk.run();
  const tookMs = performance.now() - startedMs;
  assert.equal(phase, "Succeeded", `pod ${number}`);
  return tookMs;
}

/** Whatever a container starts has its root in the environment, and that is below the folder. */
function processesOf(folder: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`ARGOEXEC_ROOT=${folder}/`);
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
      return false;
    }
  });
}

function socketsOf(folder: string): readonly string[] {
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));
}

function ownState() {
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    residentMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
  };
}
