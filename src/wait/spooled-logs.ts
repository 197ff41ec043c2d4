import type { SpooledLog } from "../outputs/index.ts";
import { logBytesMax, segmentName, spoolSegmentBytes } from "../podfiles/index.ts";
import { mainContainerNames, savesLogs, type Template } from "../template/index.ts";
import type { WaitState } from "./state.ts";

/** What was taken of each main container's log, in the template's order. */
export function spooledLogs(template: Template, { spools }: WaitState): readonly SpooledLog[] {
  return mainContainerNames(template).map(
    (container) =>
      spools.find((one) => one.container === container) ?? {
        container,
        partStarts: [],
        endBytes: 0,
        isOver: false,
      },
  );
}

/**
 * The file in the container's folder whose being there means that something should be taken: half of what the log may take
 * up has been filled behind what was taken. Undefined: nothing is to be taken.
 */
export function spoolMark(template: Template, { endBytes, isOver }: SpooledLog): string | undefined {
  const segmentBytes = savesLogs(template) && !isOver ? spoolSegmentBytes(template) : 0;
  if (segmentBytes === 0) return undefined;
  const segments = Math.floor(logBytesMax(template) / segmentBytes / 2);
  return segmentName(endBytes + segments * segmentBytes);
}
