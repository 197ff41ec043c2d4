import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { PluginServer } from "../../src/artifact-plugin-init/plugin-server.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";

/** Not so for what has ended and is not reaped yet. @param status its `/proc/PID/stat` */
function isAlive(status: string): boolean {
  try {
    return !readFileSync(status, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

describe("the server of a plugin in an init container", () => {
  it("is named where its command cannot be started", async () => {
    await assert.rejects(PluginServer.start("store", ["/nowhere/at/all"]), {
      code: "BadRequest",
      message: /^the command of plugin store cannot be started: .*ENOENT/,
    });
  });

  it("says how it ended, in the place of what its callers met", async () => {
    await using server = await PluginServer.start("store", ["sh", "-c", "exit 3"]);
    if (!server.gone.aborted) await once(server.gone, "abort");

    const told = await server.explain(new Error("the connection broke"));

    assert.match(
      String(told),
      /plugin store ended with exit code 3 before its artifacts were loaded.*: the connection broke$/,
    );
  });

  it("ends with all that it started when nobody needs it any more", async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, "pid");
    const written = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!existsSync(file)) return;
        watcher.close();
        resolve();
      });
    });
    const script = `sleep 600 & echo $! > "$1.new"; mv "$1.new" "$1"; wait`;
    {
      await using server = await PluginServer.start("store", ["sh", "-c", script, "sh", file]);
      await written;
      assert.equal(server.gone.aborted, false);
    }

    const status = `/proc/${readFileSync(file, "utf8").trim()}/stat`;
    while (isAlive(status)) await nextTurn();
  });
});
