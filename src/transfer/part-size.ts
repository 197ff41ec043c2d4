import { ExecutorError } from "../errors/index.ts";
import type { StoreLimits } from "./object-store.ts";

const mib = 1024 * 1024;
const defaultPartBytes = 16 * mib;

export interface PartPlan {
  /** The size of the part that starts at `offset`, the last one excepted. Throws TooLarge where the parts run out. */
  sizeAt(offset: number, number: number): number;
}

/**
 * Cuts an object into parts. A known size gives equal parts: the configured size, else 16 MiB or what the store's
 * number of parts demands. An unknown size starts with small parts that grow with the offset, in steps of a MiB.
 * `memoryBytes` is the budget that the parts in flight live in.
 * @throws BadRequest where the configured size needs more parts than the store accepts (docs/contract/artifacts.md#D-2).
 */
export function planParts(
  sizeBytes: number | undefined,
  configuredBytes: number | undefined,
  limits: StoreLimits,
  memoryBytes: number,
): PartPlan {
  if (sizeBytes === undefined) return growingParts(configuredBytes, limits, memoryBytes);
  // A part larger than the file would be the whole file in memory (docs/contract/artifacts.md#4: such a size is ignored).
  if (configuredBytes !== undefined && configuredBytes > sizeBytes) {
    return planParts(sizeBytes, undefined, limits, memoryBytes);
  }
  if (configuredBytes !== undefined && sizeBytes > configuredBytes * limits.partsMax) {
    const text =
      `${sizeBytes} bytes in parts of ${configuredBytes / mib} MiB make more than ${limits.partsMax} parts; ` +
      "raise ARTIFACT_S3_UPLOAD_PART_SIZE_MIB or leave it out";
    throw new ExecutorError("BadRequest", text);
  }
  const needed = roundUp(Math.ceil(sizeBytes / limits.partsMax));
  const wanted =
    configuredBytes ?? Math.max(needed, Math.min(defaultPartBytes, Math.floor(memoryBytes / 4 / mib) * mib));
  const partBytes = Math.min(Math.max(wanted, limits.partBytesMin), limits.partBytesMax);
  return { sizeAt: () => partBytes };
}

/**
 * Each part is a hundredth of what lies before it, and at least 8 MiB: 10,000 parts make 45 TiB, the largest object of
 * S3, where memory lets the parts grow so far. A part has to be in memory before it is sent, because its length and
 * checksum go ahead of it: one part takes a quarter of the budget, and half of it once half of the parts are used up.
 * With 32 MiB that ends at 117 GiB, told as TooLarge.
 */
function growingParts(configured: number | undefined, limits: StoreLimits, memoryBytes: number): PartPlan {
  return {
    sizeAt(offset, number) {
      if (number > limits.partsMax) {
        const text =
          `more than ${limits.partsMax} parts after ${Math.floor(offset / 2 ** 30)} GiB of a stream of unknown size; ` +
          "give the executor more memory, so that parts can be larger, or store the artifact with archive: none";
        throw new ExecutorError("TooLarge", text);
      }
      const share = number > limits.partsMax / 2 ? memoryBytes / 2 : memoryBytes / 4;
      const grown = Math.min(
        Math.max(configured ?? 8 * mib, roundUp(offset / 100)),
        Math.floor(share / mib) * mib,
      );
      return Math.min(Math.max(grown, limits.partBytesMin), limits.partBytesMax);
    },
  };
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / mib) * mib;
}
