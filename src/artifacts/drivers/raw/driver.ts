import { ExecutorError } from "../../../errors/index.ts";
import { byteStream } from "../../../streams/index.ts";
import type { RawLocation } from "../../../template/index.ts";
import type { ArtifactDriver } from "../../driver.ts";
import { unsupportedDeletion, unsupportedListing } from "../../unsupported.ts";

/** Content that stands in the template itself; input only (docs/contract/artifacts.md#5.9). */
export function openRawDriver(location: RawLocation): ArtifactDriver {
  const unsupportedSaving = async (): Promise<never> => {
    throw new ExecutorError("BadRequest", "Raw output artifacts unsupported");
  };
  return {
    async open(artifact) {
      const bytes = Buffer.from(artifact.raw?.data ?? location.data ?? "");
      return {
        kind: "file",
        sizeBytes: bytes.byteLength,
        openStream: () => byteStream(bytes.byteLength === 0 ? [] : [bytes]),
      };
    },
    saveFile: unsupportedSaving,
    saveTree: unsupportedSaving,
    ...unsupportedDeletion,
    list: unsupportedListing,
    async [Symbol.asyncDispose]() {},
  };
}
