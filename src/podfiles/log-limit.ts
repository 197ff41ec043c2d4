import {
  type Container,
  locationKinds,
  locationType,
  mainContainerNames,
  quantityBytes,
  type Template,
} from "../template/index.ts";
import { containerFiles } from "./paths.ts";

/**
 * The kubelet keeps its own copy of the same output (50 MiB by default), and the step wants most of its room for
 * itself.
 */
const logShare = 1 / 4;
const logBytesMin = 65_536;

/**
 * A part of a log that is taken to the store has so long, retries included; the emissary holds its command back as long
 * without one being taken.
 */
export const spoolPatienceMs = 60_000;
const segmentBytesMax = 33_554_432;
const segmentsMin = 8;

/**
 * How many bytes each captured log may take up on the pod's volume; 0: any number. The kubelet evicts a pod whose
 * volumes, logs and writable layers together are larger than the sum of its containers' `ephemeral-storage` limits,
 * and asks nothing of a pod where none has one (Kubernetes, "Local ephemeral storage").
 */
export function logBytesMax(template: Template): number {
  const limit = storageLimits(template).reduce((sum, bytes) => sum + bytes, 0);
  if (limit === 0) return 0;
  return Math.max(logBytesMin, Math.floor((limit * logShare) / mainContainerNames(template).length));
}

/**
 * How long the segments of a captured log are that the collector takes to the store while the step runs, so that a log
 * larger than its share of the volume is kept whole; 0: nothing is taken.
 */
export function spoolSegmentBytes(template: Template): number {
  const bytesMax = logBytesMax(template);
  const type = locationType(template.archiveLocation);
  if (bytesMax === 0 || type === undefined || !locationKinds[type].takesLogParts) return 0;
  return Math.min(segmentBytesMax, Math.floor(bytesMax / segmentsMin));
}

/** The file of a captured log that begins behind `start` bytes of output (native/README.md, "The plan"). */
export function segmentName(start: number): string {
  return start === 0 ? containerFiles.log : `${containerFiles.log}.${start}`;
}

function storageLimits(template: Template): readonly number[] {
  const mains = template.containerSet?.containers ?? [template.container, template.script];
  const containers: readonly (Container | undefined)[] = [...mains, ...(template.sidecars ?? [])];
  return containers.map((container) => {
    const limit = container?.resources?.limits?.["ephemeral-storage"];
    return limit === undefined ? 0 : (quantityBytes(String(limit)) ?? 0);
  });
}
