import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { toHtml } from "./html.ts";
import { toPrometheus } from "./prometheus.ts";
import type { ReportSnapshot } from "./report.ts";

type Format = (snapshot: ReportSnapshot) => string | Promise<string>;

const formats: Readonly<Record<string, Format>> = {
  json: (snapshot) => `${JSON.stringify(snapshot, undefined, 2)}\n`,
  prom: toPrometheus,
  html: toHtml,
};

/** Throws BadRequest for a file whose ending names no format, before any work is done for it. */
export function checkReportPath(path: string): void {
  formatOf(path);
}

/** Writes the report in the format that the file's ending names, whole or not at all. */
export async function writeReport(path: string, snapshot: ReportSnapshot): Promise<void> {
  const text = await formatOf(path)(snapshot);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new ExecutorError("BadRequest", `the report ${path} cannot be written: ${errorText(cause)}`, {
      cause,
    });
  }
}

function formatOf(path: string): Format {
  const ending = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  const format = Object.hasOwn(formats, ending) ? formats[ending] : undefined;
  if (format !== undefined) return format;
  const known = Object.keys(formats).map((name) => `.${name}`);
  throw new ExecutorError("BadRequest", `--report ${path}: its ending must be one of ${known.join(", ")}`);
}
