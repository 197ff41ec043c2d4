import { writeFileSync } from "node:fs";
import { errorText } from "../../errors/index.ts";
import type { ProgressDisplay, ProgressState } from "./progress.ts";

interface ProgressLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

const lineEveryMs = 10_000;
const fileEveryMs = 3_000;
const barEveryMs = 200;

/** A line of the log now and then. */
export function progressLines(log: ProgressLog, everyMs = lineEveryMs): ProgressDisplay {
  const show = ({ elapsedMs, ...counts }: ProgressState) =>
    log.info({ ...counts, seconds: Math.round(elapsedMs / 1000) }, "Syncing");
  return { everyMs, show, end: show };
}

/** `N/M` in the file that the executor watches in a step (`ARGO_PROGRESS_FILE`). */
export function progressFile(path: string, log: ProgressLog): ProgressDisplay {
  let isWritable = true;
  const show = ({ objectsDone, objectsFound }: ProgressState) => {
    // Nothing found says nothing, and Argo takes no 0/0.
    if (objectsFound === 0 || !isWritable) return;
    try {
      writeFileSync(path, `${objectsDone}/${objectsFound}\n`);
    } catch (error) {
      isWritable = false;
      log.warn({ path, error: errorText(error) }, "the progress file could not be written");
    }
  };
  return { everyMs: fileEveryMs, show, end: show };
}

/** A bar with bytes, objects, rate and the time left. */
export async function progressBar(stream: NodeJS.WriteStream): Promise<ProgressDisplay> {
  const { progress } = await import("./vendor.ts");
  const bar = new progress.SingleBar({
    stream,
    format: "{bar} {percentage}% {bytes} {objects} {rate} {left}",
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    autopadding: true,
  });
  bar.start(
    1,
    0,
    textsOf({ objectsDone: 0, objectsFound: 0, bytesDone: 0, bytesFound: 0, isListed: false, elapsedMs: 0 }),
  );
  const show = (state: ProgressState) => {
    // Objects without bytes are work, too.
    bar.setTotal(Math.max(1, state.bytesFound + state.objectsFound));
    bar.update(state.bytesDone + state.objectsDone, textsOf(state));
  };
  return {
    everyMs: barEveryMs,
    show,
    end(state) {
      show(state);
      bar.stop();
    },
  };
}

function textsOf(state: ProgressState): Readonly<Record<string, string>> {
  const { objectsDone, objectsFound, bytesDone, bytesFound, isListed, elapsedMs } = state;
  const more = isListed ? "" : "+";
  const rate = elapsedMs > 0 ? (bytesDone * 1000) / elapsedMs : 0;
  const leftSeconds = rate > 0 && isListed ? Math.ceil((bytesFound - bytesDone) / rate) : undefined;
  return {
    bytes: `${sizeText(bytesDone)}/${sizeText(bytesFound)}${more}`,
    objects: `${objectsDone}/${objectsFound}${more} objects`,
    rate: `${sizeText(rate)}/s`,
    left: leftSeconds === undefined ? "" : `${leftSeconds} s left`,
  };
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** As people read sizes: `1.5 GiB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
