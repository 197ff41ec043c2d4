import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readDeleteRetry, readDriverSettings } from "../../cmd/environment.ts";

describe("variables of operators", () => {
  for (const [name, value, accepted] of [
    ["ARTIFACT_S3_UPLOAD_THREADS", "many", "a whole number from 1 to 1000"],
    ["ARTIFACT_S3_UPLOAD_THREADS", "0", "a whole number from 1 to 1000"],
    ["ARTIFACT_S3_UPLOAD_THREADS", "4.5", "a whole number from 1 to 1000"],
    ["ARTIFACT_S3_UPLOAD_PART_SIZE_MIB", "4", "a whole number from 5 to 5120"],
    ["ARTIFACT_S3_UPLOAD_PART_SIZE_MIB", "64Mi", "a whole number from 5 to 5120"],
    ["TRANSIENT_ERROR_PATTERN", "(", "a regular expression as RE2 has them"],
    // What only a backtracking engine can do is none.
    ["TRANSIENT_ERROR_PATTERN", "(?=x)y", "a regular expression as RE2 has them"],
    ["TRANSIENT_ERROR_PATTERN", "(a)\\1", "a regular expression as RE2 has them"],
  ] as const) {
    it(`say which one is wrong, and what would be right: ${name}=${value}`, async () => {
      await assert.rejects(readDriverSettings({ [name]: value }), (error: Error) =>
        error.message.startsWith(`${name} must be ${accepted}, not ${JSON.stringify(value)}`),
      );
    });
  }

  it("have their defaults where they are empty", async () => {
    const settings = await readDriverSettings({
      ARTIFACT_S3_UPLOAD_THREADS: "",
      ARTIFACT_S3_UPLOAD_PART_SIZE_MIB: "",
      TRANSIENT_ERROR_PATTERN: "",
    });

    assert.equal(settings.uploadThreads, 4);
    assert.equal(settings.partSizeBytes, undefined);
    assert.equal(settings.transientPattern, undefined);
  });

  it("TRANSIENT_ERROR_PATTERN is RE2: flags inside, classes, and linear time", async () => {
    const matches = async (pattern: string, text: string) =>
      (await readDriverSettings({ TRANSIENT_ERROR_PATTERN: pattern })).transientPattern?.test(text);

    assert.equal(await matches("(?i)throttl(ed|ing)", "Request THROTTLED by proxy"), true);
    assert.equal(await matches("^code [[:digit:]]{3}\\z", "code 599"), true);
    assert.equal(await matches("^code [[:digit:]]{3}\\z", "code 599\n"), false);
    assert.equal(await matches("\\pL+ über", "ganz über"), true);
    // A backtracking engine would not come back from this.
    assert.equal(await matches("(a+)+$", `${"a".repeat(50_000)}b`), false);
  });

  it("RETRY_BACKOFF_* are those of artifact delete, each where it is set", () => {
    assert.deepEqual(readDeleteRetry({}), {});
    assert.deepEqual(readDeleteRetry({ RETRY_BACKOFF_STEPS: "2", RETRY_BACKOFF_DURATION: "20ms" }), {
      attempts: 2,
      durationMs: 20,
    });
    assert.deepEqual(readDeleteRetry({ RETRY_BACKOFF_FACTOR: "3" }), { factor: 3 });
    assert.throws(() => readDeleteRetry({ RETRY_BACKOFF_STEPS: "many" }), {
      code: "BadRequest",
      message: /^RETRY_BACKOFF_STEPS must be a number such as 5/,
    });
  });
});
