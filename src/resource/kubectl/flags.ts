import { parseGoDuration } from "../../template/index.ts";
import { badFlag } from "./failure.ts";

export type Action = "get" | "create" | "apply" | "delete" | "replace" | "patch";

/** A kubectl command line as far as it is understood here. */
export interface KubectlOptions {
  /** `TYPE NAME…`, `TYPE/NAME…`. */
  readonly args: readonly string[];
  readonly files: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
}

type FlagKind = "text" | "flag";

interface FlagRule {
  readonly kind: FlagKind;
  readonly short?: string;
  /** What the flag means without a value. */
  readonly alone?: string;
  /** Commands that have it; all of them, if left out. */
  readonly actions?: readonly Action[];
}

const writing: readonly Action[] = ["create", "apply", "replace", "patch"];
const validating: readonly Action[] = ["create", "apply", "replace"];
const deleting: readonly Action[] = ["delete", "apply", "replace"];

/** The flags that have an effect here, or rightly none: what they ask for goes without saying. */
const known: Readonly<Record<string, FlagRule>> = {
  filename: { kind: "text", short: "f" },
  namespace: { kind: "text", short: "n" },
  output: { kind: "text", short: "o" },
  selector: { kind: "text", short: "l", actions: ["get", "delete", "create", "apply"] },
  "field-selector": { kind: "text", actions: ["get", "delete"] },
  "all-namespaces": { kind: "flag", short: "A", actions: ["get", "delete"] },
  all: { kind: "flag", actions: ["delete"] },
  "ignore-not-found": { kind: "flag", actions: ["get", "delete"] },
  "show-managed-fields": { kind: "flag" },
  "chunk-size": { kind: "text", actions: ["get"] },
  subresource: { kind: "text", actions: ["get", "patch", "replace", "apply"] },
  validate: { kind: "text", alone: "strict", actions: validating },
  "field-manager": { kind: "text", actions: writing },
  "save-config": { kind: "flag", actions: ["create", "replace"] },
  "dry-run": { kind: "text", alone: "unchanged" },
  "server-side": { kind: "flag", actions: ["apply"] },
  "force-conflicts": { kind: "flag", actions: ["apply"] },
  overwrite: { kind: "flag", actions: ["apply"] },
  "openapi-patch": { kind: "flag", actions: ["apply"] },
  force: { kind: "flag", actions: deleting },
  cascade: { kind: "text", alone: "background", actions: deleting },
  "grace-period": { kind: "text", actions: deleting },
  now: { kind: "flag", actions: ["delete"] },
  timeout: { kind: "text", actions: deleting },
  wait: { kind: "flag", actions: deleting },
  type: { kind: "text", actions: ["patch"] },
  "patch-file": { kind: "text", actions: ["patch"] },
  patch: { kind: "text", short: "p", actions: ["patch"] },
  v: { kind: "text", short: "v" },
  "request-timeout": { kind: "text" },
};

/** Flags of kubectl that this executor does not have, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  prune: "delete what is gone in a step of its own",
  applyset: "delete what is gone in a step of its own",
  kustomize: "build the manifest in a step before, and hand it over with manifestFrom",
  recursive: "name each file with -f",
  raw: "name the resource",
  edit: "the manifest is the template's",
  interactive: "nobody answers in a pod",
  watch: "use successCondition",
  "watch-only": "use successCondition",
  local: "patch the object on the server",
  context: "give the executor --kubeconfig and --context instead",
  kubeconfig: "give the executor --kubeconfig instead",
  server: "give the executor --server instead",
  token: "give the executor --token instead",
  as: "use a service account that may do it",
  "as-group": "use a service account that may do it",
};

/** Reads flags and arguments as pflag does: a later occurrence wins, `--` ends the flags. Throws BadRequest. */
export function parseKubectl(action: Action, line: readonly string[]): KubectlOptions {
  const args: string[] = [];
  const files: string[] = [];
  const flags = new Map<string, string>();
  const set = (name: string, value: string) => {
    if (name === "filename") files.push(...value.split(","));
    else flags.set(name, value);
  };
  for (let at = 0; at < line.length; at++) {
    const word = line[at] ?? "";
    if (word === "--") {
      args.push(...line.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      args.push(word);
      continue;
    }
    const { name, value } = word.startsWith("--") ? longFlag(action, word) : shortFlag(action, word);
    const rule = known[name] as FlagRule;
    if (value !== undefined) set(name, value);
    else if (rule.kind === "flag") set(name, "true");
    else if (rule.alone !== undefined) set(name, rule.alone);
    else {
      at += 1;
      const next = line[at];
      if (next === undefined) throw badFlag(`flag needs an argument: ${word}`);
      set(name, next);
    }
  }
  return { args, files, flags };
}

function longFlag(action: Action, word: string): { name: string; value: string | undefined } {
  const [, name = "", , value] = /^--([^=]*)(=(.*))?$/s.exec(word) ?? [];
  checkFlag(action, name, `unknown flag: --${name}`);
  return { name, value };
}

/** `-n argo`, `-nargo`, `-n=argo`. */
function shortFlag(action: Action, word: string): { name: string; value: string | undefined } {
  const letter = word.charAt(1);
  const [name = ""] = Object.entries(known).find(([, { short }]) => short === letter) ?? [];
  const longer = { R: "recursive", k: "kustomize", w: "watch", i: "interactive", s: "server" }[letter];
  checkFlag(action, name === "" ? (longer ?? "") : name, `unknown shorthand flag: '${letter}' in ${word}`);
  const rest = word.slice(2);
  return { name, value: rest === "" ? undefined : rest.replace(/^=/, "") };
}

function checkFlag(action: Action, name: string, otherwise: string): void {
  const rule = known[name];
  const instead = refused[name];
  if (instead !== undefined) throw badFlag(`--${name} is not supported by this executor; ${instead}`);
  if (rule === undefined || !(rule.actions ?? [action]).includes(action)) throw badFlag(otherwise);
}

export function isSet(options: KubectlOptions, name: string, otherwise = false): boolean {
  const text = options.flags.get(name);
  if (text === undefined) return otherwise;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw badFlag(`invalid argument ${JSON.stringify(text)} for "--${name}" flag: it must be true or false`);
}

/** Milliseconds, or undefined where the flag is not given or zero. */
export function durationFlag(options: KubectlOptions, name: string): number | undefined {
  const text = options.flags.get(name);
  const ms = text === undefined ? 0 : parseGoDuration(text, `--${name}`);
  return ms > 0 ? ms : undefined;
}

/** The query that goes with a change: who makes it, how it is validated, whether it is only tried. */
export function changeQuery(options: KubectlOptions, manager: string): Record<string, string> {
  const dryRun = options.flags.get("dry-run") ?? "none";
  if (dryRun !== "none" && dryRun !== "server") {
    throw badFlag(`--dry-run=${dryRun} is not supported by this executor; use --dry-run=server`);
  }
  return {
    fieldManager: options.flags.get("field-manager") ?? manager,
    ...(dryRun === "server" ? { dryRun: "All" } : {}),
  };
}

/** `--validate` in the API's words (Kubernetes "Field validation"). */
export function fieldValidation(options: KubectlOptions): "Strict" | "Warn" | "Ignore" {
  const text = options.flags.get("validate") ?? "strict";
  if (/^(true|strict)$/i.test(text)) return "Strict";
  if (/^warn$/i.test(text)) return "Warn";
  if (/^(false|ignore)$/i.test(text)) return "Ignore";
  throw badFlag(
    `invalid - validate option ${JSON.stringify(text)}; must be one of: strict (or true), warn, ignore (or false)`,
  );
}
