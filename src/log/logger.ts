import { writeSync } from "node:fs";
import { pino } from "pino";

/** One event a line: a fixed message, fields beside it. `info` answers a user's question, `debug` answers ours. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "text" | "json";

/** The names that controllers of Argo 3.5 to 4.1 pass (docs/contract/pod.md#1.1). */
const levelNames: Record<string, LogLevel> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  print: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  fatal: "error",
  panic: "error",
};

/** The level that a flag names in any case, or undefined. */
export function parseLogLevel(text: string): LogLevel | undefined {
  return levelNames[text.toLowerCase()];
}

export function parseLogFormat(text: string): LogFormat | undefined {
  const format = text.toLowerCase();
  return format === "text" || format === "json" ? format : undefined;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/**
 * Opens the log on standard error; every line carries `argo=true` (docs/contract/pod.md#1.4). The package that writes
 * lines is set up for the first of them: most pods have nothing to say.
 */
export function openLogger(level: LogLevel, format: LogFormat): Logger {
  let opened: Logger | undefined;
  const at = (own: LogLevel) => (fields: object, message: string) => {
    if (levels.indexOf(own) < levels.indexOf(level)) return;
    opened ??= openPino(level, format);
    opened[own](fields, message);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function openPino(level: LogLevel, format: LogFormat): Logger {
  const write = format === "json" ? writeLine : (line: string) => writeLine(textLine(line));
  return pino(
    {
      level,
      base: { argo: true },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    { write },
  );
}

/** `time=… level=INFO msg="…" key=value`, values quoted only where needed. */
function textLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries({ time, level, msg, ...fields });
  return `${pairs.map(([key, value]) => `${key}=${textValue(value)}`).join(" ")}\n`;
}

function textValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** Standard error may be a full pipe that does not block; a log line is worth waiting for. */
function writeLine(line: string): void {
  let bytes = Buffer.from(line);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(2, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
