import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { temporaryFolder } from "../desk/object-client.ts";
import { noise } from "../drivers/surroundings.ts";
import { program, s3Side, sync } from "./sync.ts";

const terminal = "/usr/bin/script";

describe("argoexec sync within limits", { concurrency: 2 }, () => {
  it("sends no more requests a second than it may, to both stores together", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (let index = 0; index < 20; index += 1) await source.put(`k${index}`, "x");
    source.server.clearRequests();
    target.server.clearRequests();

    const { status } = await sync(["run", source.url(), target.url(), "--requests-per-second", "50"]);

    assert.equal(status, 0);
    const times = [...source.server.requests, ...target.server.requests]
      .map(({ atMs }) => atMs)
      .sort((a, b) => a - b);
    const tookMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
    // A tenth of a second's worth may come at once.
    assert.ok(
      times.length >= 42 && tookMs >= ((times.length - 1) / 50) * 1000 - 200,
      `${times.length} in ${tookMs} ms`,
    );
  });

  it("reads no more bytes a second than it may", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (let index = 0; index < 6; index += 1) await source.put(`k${index}`, noise(512 * 1024));
    source.server.clearRequests();

    const { status } = await sync(["run", source.url(), target.url(), "--bandwidth", "2M"]);

    assert.equal(status, 0);
    const reads = source.server.requests.filter(({ method, key }) => method === "GET" && key !== undefined);
    const times = reads.map(({ atMs }) => atMs).sort((a, b) => a - b);
    // Five quarters of a second lie between the first and the sixth half MiB.
    assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) >= 1000, String(times));
  });

  it("tells a step how far it is, and machines in lines of JSON", async (t) => {
    const [source, target] = [await s3Side(t), await s3Side(t)];
    for (const key of ["a", "b", "c"]) await source.put(key, "12");
    const file = join(await temporaryFolder(t), "progress");

    const args = ["run", source.url(), target.url(), "--log-format", "json"];
    const { status, stderr } = await sync(args, { ARGO_PROGRESS_FILE: file });

    assert.equal(status, 0);
    assert.equal(await readFile(file, "utf8"), "3/3\n");
    const lines = stderr
      .trim()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const last = lines.filter(({ msg }) => msg === "Syncing").at(-1);
    assert.deepEqual([last?.objectsDone, last?.bytesDone, last?.isListed], [3, 6, true]);
  });

  it("shows a bar on a terminal, and the last line below it", {
    skip: !existsSync(terminal) && "no script(1)",
  }, async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["from", "to"]) await mkdir(join(folder, name));
    for (let index = 0; index < 20; index += 1)
      await writeFile(join(folder, `from/${index}`), "x".repeat(1000));
    const command = `${program} sync run file://${folder}/from file://${folder}/to --report ${folder}/report.json`;

    const { stdout } = await promisify(execFile)(terminal, ["-qec", command, "/dev/null"], {
      env: { PATH: process.env.PATH ?? "", TERM: "xterm", TMPDIR: folder },
    });

    assert.match(stdout, /={24} 100% 19\.5 KiB\/19\.5 KiB 20\/20 objects [\d.]+ [KM]?i?B\/s/);
    assert.match(stdout, /done: 20 copied, 0 were equal\s*$/);
  });
});
