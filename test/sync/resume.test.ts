import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { noise } from "../drivers/surroundings.ts";
import { outcomeOf, s3Side, startSync, sync } from "./sync.ts";

const rounds = process.env.FULL ? 100 : 10;
const objects = 40;

describe("argoexec sync, killed", () => {
  it(`goes on after SIGKILL at any point, copies nothing twice and leaves nothing half (${rounds} times)`, async (t) => {
    const source = await s3Side(t);
    const large = noise(6 * 1024 * 1024);
    for (let index = 0; index < objects; index += 1) {
      await source.put(`k/${String(index).padStart(4, "0")}`, `content ${index}`);
    }
    await source.put("k/0020-large", large);
    const expected = await source.contents();
    for (let round = 0; round < rounds; round += 1) {
      const target = await s3Side(t);
      // After so many requests of whatever kind the process is gone.
      const killAfter = randomInt(1, objects + 12);
      const child = startSync(["run", source.url(), target.url(), "--transfers", "8"]);
      const ended = outcomeOf(child);
      let seen = 0;
      await Promise.race([
        ended,
        target.server.waitForRequest(({ isDone }) => {
          seen += Number(isDone);
          return seen >= killAfter;
        }),
      ]);
      child.kill("SIGKILL");
      await ended;
      const half = await target.contents();
      for (const [key, content] of Object.entries(half)) {
        assert.equal(content, expected[key], `${key} after a kill at request ${killAfter}`);
      }
      target.server.clearRequests();
      source.server.clearRequests();

      const { status, lastLine } = await sync(["run", source.url(), target.url()]);

      const context = `killed at request ${killAfter}`;
      assert.equal(status, 0, `${context}: ${lastLine}`);
      assert.deepEqual(await target.contents(), expected, context);
      const again = [...target.objectRequests("PUT", "POST"), ...source.objectRequests("GET", "HEAD")];
      const twice = again.filter((request) => Object.hasOwn(half, request.replace(/^\w+ /, "")));
      assert.deepEqual(twice, [], context);
      await target.server[Symbol.asyncDispose]();
    }
  });
});
