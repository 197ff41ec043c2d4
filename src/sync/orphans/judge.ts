import type { Claims } from "./claims.ts";
import type { StoredObject } from "./repository.ts";

/** Why an object stays, or whose it was. */
export type Verdict =
  | { readonly kind: "kept"; readonly because: KeptBecause; readonly detail: string }
  /** May be deleted. */
  | { readonly kind: "orphan" | "expired"; readonly workflow: string };

export type KeptBecause =
  | "named"
  | "unnamed"
  | "uncertain"
  /** Nothing says that a workflow made it, and no pattern asks for it. */
  | "foreign"
  /** Younger than is safe, or of unknown age. */
  | "young"
  /** A pattern excludes it. */
  | "excluded";

export interface JudgeOptions {
  /** Of all workflows whose artifacts are wanted. */
  readonly claims: Claims;
  /** Of workflows whose retention has ended. */
  readonly expired?: Claims;
  /** Objects that were written later than this stay, in milliseconds since the epoch. */
  readonly writtenBeforeMs: number;
  /** True for keys that are meant though nothing says that a workflow made them. */
  readonly includes: (key: string) => boolean;
  readonly excludes: (key: string) => boolean;
  /** True for the workflows that are meant, by `namespace/name` or name. */
  readonly selectsWorkflow: (workflow: string) => boolean;
}

/** Decides about one object; the only place where anything is called an orphan. */
export function judge(object: StoredObject, options: JudgeOptions): Verdict {
  const { key, modifiedMs } = object;
  const kept = (because: KeptBecause, detail = ""): Verdict => ({ kind: "kept", because, detail });
  const ownership = options.claims.ownershipOf(key, modifiedMs);
  if (ownership.kind === "named") return kept("named", ownership.workflow);
  if (ownership.kind === "unnamed") return kept("unnamed", ownership.workflow);
  if (ownership.kind === "uncertain") return kept("uncertain", ownership.why);
  if (options.excludes(key)) return kept("excluded");
  if (modifiedMs === undefined || modifiedMs >= options.writtenBeforeMs) return kept("young");
  const former = options.expired?.ownershipOf(key, modifiedMs);
  if (former?.kind === "named" || former?.kind === "unnamed") {
    const workflow = former.workflow;
    return options.selectsWorkflow(workflow) ? { kind: "expired", workflow } : kept("excluded");
  }
  if (ownership.kind === "foreign") {
    return options.includes(key) ? { kind: "orphan", workflow: "(unknown)" } : kept("foreign");
  }
  return options.selectsWorkflow(ownership.workflow)
    ? { kind: "orphan", workflow: ownership.workflow }
    : kept("excluded");
}
