import { ExecutorError } from "../src/errors/index.ts";
import {
  allOf,
  everything,
  type Outcome,
  Pace,
  type Repository,
  type Selection,
  selectKeys,
} from "../src/sync/index.ts";
import { type FlagValues, textFlag } from "./flags.ts";
import type { SyncCall, SyncSubcommand } from "./sync-call.ts";

/** What plan, run and verify have in common. */
const copyFlags = {
  prefix: { type: "string" },
  include: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
  delete: { type: "boolean" },
  bandwidth: { type: "string" },
  "requests-per-second": { type: "string" },
} as const;

/** `sync plan SOURCE TARGET`: what `run` would do. */
export const planCommand: SyncSubcommand = {
  flags: copyFlags,
  run: (call) =>
    withBoth(call, async (sides) => {
      const { planSync } = await import("../src/sync/copy/index.ts");
      const { report, outcome } = await planSync(await scopeOf(call, sides), call.stop);
      process.stdout.write(`${JSON.stringify(report.snapshot())}\n`);
      return outcome;
    }),
};

interface Sides {
  readonly source: Repository;
  readonly target: Repository;
}

async function withBoth(call: SyncCall, work: (sides: Sides) => Promise<Outcome>): Promise<Outcome> {
  const [from, to, ...others] = call.line.positionals;
  if (from === undefined || to === undefined || others.length > 0) {
    throw new ExecutorError("BadRequest", "give two repositories: argoexec sync COMMAND SOURCE TARGET");
  }
  const { flags } = call.line;
  const pace = new Pace({
    requestsPerSecond: numberFlag(flags, "requests-per-second"),
    bytesPerSecond: sizeFlag(flags, "bandwidth"),
  });
  await using source = await call.openRepository(from, "source", pace);
  await using target = await call.openRepository(to, "target", pace);
  call.begin();
  return await work({ source, target });
}

async function scopeOf({ line: { flags } }: SyncCall, sides: Sides) {
  const selection = await selectionOf(flags, sides);
  return {
    ...sides,
    range: { prefix: textFlag(flags, "prefix") },
    rules: { selection, deletes: flags.delete === true },
  };
}

/** Keys by globs; what is known of workflows comes in here, too. */
async function selectionOf(flags: FlagValues, { source, target }: Sides): Promise<Selection> {
  const include = textsFlag(flags, "include");
  const exclude = textsFlag(flags, "exclude");
  if (include.length + exclude.length === 0) return everything;
  return allOf(await selectKeys({ include, exclude }, [source.prefix, target.prefix]));
}

function textsFlag(flags: FlagValues, name: string): readonly string[] {
  return [flags[name] ?? []].flat().map(String);
}

function numberFlag(flags: FlagValues, name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new ExecutorError("BadRequest", `--${name} must be a number above zero, not ${JSON.stringify(text)}`);
}

const units: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** Bytes, as `500K`, `50M`, `50MiB` or a number. */
function sizeFlag(flags: FlagValues, name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const [, number, unit = ""] = /^(\d{1,12}(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Number(number) * (units[unit.toUpperCase()] ?? Number.NaN);
  if (bytes > 0) return bytes;
  throw new ExecutorError("BadRequest", `--${name} must be bytes such as 50M, not ${JSON.stringify(text)}`);
}
