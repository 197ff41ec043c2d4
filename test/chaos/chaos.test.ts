import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runCase } from "./case.ts";
import { allCases, titleOf } from "./cases.ts";
import { desk } from "./desk-pod.ts";

/** The short form; `npm run test:chaos` runs every fault in both layouts, again and again. */
describe("a pod ends within its bound and loses nothing that was complete", { concurrency: 6 }, () => {
  for (const one of allCases(false).filter(({ isUsual }) => isUsual)) {
    it(titleOf(one), { skip: one.skip ?? false }, async () => {
      const { breaches, log } = await runCase(one, desk);

      assert.deepEqual(breaches, [], log);
    });
  }
});
