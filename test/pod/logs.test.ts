import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shell, startPod } from "./desk.ts";

describe("the log of a step", () => {
  it("R32: keeps its end where the pod's ephemeral storage is limited, and says what is missing", async (t) => {
    const limits = { "ephemeral-storage": "4Mi" };
    // 500,000 lines of 9 bytes.
    const template = shell("seq -f %08.0f 500000", { container: { resources: { limits } } });

    const pod = await startPod(t, template);

    assert.deepEqual(await pod.codes(), { init: 0, wait: 0, main: 0 });
    const log = (await pod.stored("main-logs")).toString();
    const [notice = "", leftOut] =
      /^argoexec: the first (\d+) bytes of this log were left out .*\n/.exec(log) ?? [];
    assert.equal(Number(leftOut) + log.length - notice.length, 4_500_000);
    assert.ok(log.length <= 2 ** 20 + notice.length);
    assert.match(log, /\n00500000\n$/);
  });
});
