import { parseArgs } from "node:util";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import { type LogFormat, type LogLevel, parseLogFormat, parseLogLevel } from "../src/log/index.ts";

/** The flags that every subcommand takes, before or after its name (docs/contract/pod.md#1.1). */
const globalOptions = {
  loglevel: { type: "string" },
  "log-format": { type: "string" },
  gloglevel: { type: "string" },
  kubeconfig: { type: "string" },
  namespace: { type: "string", short: "n" },
  server: { type: "string", short: "s" },
  "certificate-authority": { type: "string" },
  "client-certificate": { type: "string" },
  "client-key": { type: "string" },
  cluster: { type: "string" },
  context: { type: "string" },
  user: { type: "string" },
  username: { type: "string" },
  password: { type: "string" },
  token: { type: "string" },
  "tls-server-name": { type: "string" },
  "proxy-url": { type: "string" },
  as: { type: "string" },
  "as-uid": { type: "string" },
  "as-group": { type: "string", multiple: true },
  "insecure-skip-tls-verify": { type: "boolean" },
  "disable-compression": { type: "boolean" },
  "request-timeout": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

type OptionSpec = {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
};
export type FlagValues = Readonly<
  Record<string, string | boolean | readonly (string | boolean)[] | undefined>
>;

export interface CommandLine {
  readonly positionals: readonly string[];
  readonly flags: FlagValues;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/**
 * Reads a command line; a later occurrence of a flag wins. Throws BadRequest in cobra's words for what is unknown.
 * @param args without the program's name
 * @param own the subcommand's own flags
 */
export function parseCommandLine(args: readonly string[], own: Record<string, OptionSpec>): CommandLine {
  const parsed = parse(args, { ...globalOptions, ...own });
  const level = String(parsed.values.loglevel ?? "info");
  const format = String(parsed.values["log-format"] ?? "text");
  const logLevel = parseLogLevel(level);
  if (!logLevel) {
    throw new ExecutorError("BadRequest", `--loglevel must be debug, info, warn or error, not "${level}"`);
  }
  const logFormat = parseLogFormat(format);
  if (!logFormat) throw new ExecutorError("BadRequest", `--log-format must be text or json, not "${format}"`);
  return {
    positionals: parsed.positionals,
    flags: parsed.values as FlagValues,
    logLevel,
    logFormat,
  };
}

/** The index of the command's name, or the arguments' number: global flags may stand before it. */
export function findCommand(args: readonly string[]): number {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (!arg.startsWith("-")) return index;
    if (takesNextArgument(arg)) index += 1;
  }
  return args.length;
}

function takesNextArgument(arg: string): boolean {
  return Object.entries<OptionSpec>(globalOptions).some(
    ([name, { type, short }]) => type === "string" && (arg === `--${name}` || arg === `-${short}`),
  );
}

export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const flags = end === -1 ? args : args.slice(0, end);
  return switches(flags, globalOptions).some((arg) => arg === "--help" || arg === "-h");
}

function parse(args: readonly string[], options: Record<string, OptionSpec>) {
  try {
    return parseArgs({
      args: switches(args, options),
      options,
      allowPositionals: true,
      strict: true,
      allowNegative: false,
    });
  } catch (cause) {
    const unknown = /Unknown option '([^']+)'/.exec(errorText(cause))?.[1];
    const text = unknown ? `unknown flag: ${unknown}; --help lists those there are` : errorText(cause);
    throw new ExecutorError("BadRequest", text, { cause });
  }
}

export function textFlag(flags: FlagValues, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const spellingsOfTrue = ["1", "t", "T", "TRUE", "true", "True"];
const spellingsOfFalse = ["0", "f", "F", "FALSE", "false", "False"];

/**
 * Go's flags take `--switch=true` and `--switch=false`, in each spelling of strconv.ParseBool, where Node's parser takes
 * `--switch` alone. A switch that is false is as good as not there.
 */
function switches(args: readonly string[], options: Record<string, OptionSpec>): string[] {
  const end = args.indexOf("--");
  return args.flatMap((arg, index) => {
    if (end !== -1 && index > end) return [arg];
    const [, name = "", value = ""] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
    if (options[name]?.type !== "boolean") return [arg];
    if (spellingsOfTrue.includes(value)) return [`--${name}`];
    if (spellingsOfFalse.includes(value)) return [];
    throw new ExecutorError("BadRequest", `--${name} must be true or false, not ${JSON.stringify(value)}`);
  });
}

/** The values of a flag that may be repeated. */
export function textsFlag(flags: FlagValues, name: string): readonly string[] {
  return [flags[name] ?? []].flat().map(String);
}

/** A number above zero. */
export function numberFlag(flags: FlagValues, name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new ExecutorError("BadRequest", `--${name} must be a number above zero, not ${JSON.stringify(text)}`);
}

/** A whole number, which may be zero. */
export function wholeFlag(flags: FlagValues, name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined || /^\d{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new ExecutorError("BadRequest", `--${name} must be a whole number, not ${JSON.stringify(text)}`);
}

const units: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** Bytes, as `500K`, `50M`, `50MiB` or a number. */
export function sizeFlag(flags: FlagValues, name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const [, number, unit = ""] = /^(\d{1,12}(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Number(number) * (units[unit.toUpperCase()] ?? Number.NaN);
  if (bytes > 0) return bytes;
  throw new ExecutorError("BadRequest", `--${name} must be bytes such as 50M, not ${JSON.stringify(text)}`);
}
