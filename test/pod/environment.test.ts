import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readDriverSettings } from "../../cmd/environment.ts";

describe("variables of operators", () => {
  for (const [name, value, accepted] of [
    ["ARTIFACT_S3_UPLOAD_THREADS", "many", "a whole number from 1 to 1000"],
    ["ARTIFACT_S3_UPLOAD_THREADS", "0", "a whole number from 1 to 1000"],
    ["ARTIFACT_S3_UPLOAD_THREADS", "4.5", "a whole number from 1 to 1000"],
    ["ARTIFACT_S3_UPLOAD_PART_SIZE_MIB", "4", "a whole number from 5 to 5120"],
    ["ARTIFACT_S3_UPLOAD_PART_SIZE_MIB", "64Mi", "a whole number from 5 to 5120"],
    ["TRANSIENT_ERROR_PATTERN", "(", "a regular expression"],
  ] as const) {
    it(`say which one is wrong, and what would be right: ${name}=${value}`, () => {
      assert.throws(
        () => readDriverSettings({ [name]: value }),
        (error: Error) =>
          error.message.startsWith(`${name} must be ${accepted}, not ${JSON.stringify(value)}`),
      );
    });
  }

  it("have their defaults where they are empty", () => {
    const settings = readDriverSettings({
      ARTIFACT_S3_UPLOAD_THREADS: "",
      ARTIFACT_S3_UPLOAD_PART_SIZE_MIB: "",
      TRANSIENT_ERROR_PATTERN: "",
    });

    assert.equal(settings.uploadThreads, 4);
    assert.equal(settings.partSizeBytes, undefined);
    assert.equal(settings.transientPattern, undefined);
  });
});
