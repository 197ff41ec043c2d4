import type { ListedObject } from "../repository/index.ts";
import type { Selection } from "../selection.ts";
import { likenessOf } from "./equality.ts";
import type { Pair } from "./merge-join.ts";

/** The target is to get the source's object. */
export interface CopyDecision {
  readonly deed: "copied" | "replaced";
  readonly source: ListedObject;
  /** What the target has now. */
  readonly target: ListedObject | undefined;
  readonly workflow: string | undefined;
  readonly why: string;
  /** See Likeness. */
  readonly isDoubtful: boolean;
  /** See Pair. */
  readonly areTimesExact: boolean;
}

/** What is to be done with one key. */
export type Decision =
  | CopyDecision
  | {
      readonly deed: "equal" | "skipped" | "deleted" | "kept";
      readonly object: ListedObject;
      readonly workflow: string | undefined;
      readonly why: string | undefined;
    };

export interface DecisionRules {
  readonly selection: Selection;
  /** True where what only the target has is to go. */
  readonly deletes: boolean;
}

/**
 * Decides about a pair. What only the target has goes where the user asked for it, the selection wants it and knows all
 * that there is: what a part of the workflows does not name is no superfluous object.
 */
export function decide(
  { source, target, areTimesExact }: Pair,
  { selection, deletes }: DecisionRules,
): Decision | undefined {
  const object = source ?? target;
  if (object === undefined) return undefined;
  const { isWanted, workflow, why } = selection.judge(object);
  if (source === undefined) {
    if (!isWanted) return { deed: "skipped", object, workflow, why };
    if (!deletes)
      return { deed: "kept", object, workflow, why: "only the target has it, and --delete is not given" };
    if (selection.isPartial)
      return {
        deed: "kept",
        object,
        workflow,
        why: "only the target has it, and the selection is of workflows",
      };
    return { deed: "deleted", object, workflow, why: "only the target has it" };
  }
  if (!isWanted) return { deed: "skipped", object, workflow, why };
  if (target === undefined) {
    return {
      deed: "copied",
      source,
      target,
      workflow,
      why: "the target does not have it",
      isDoubtful: false,
      areTimesExact,
    };
  }
  const { isEqual, evidence, isDoubtful } = likenessOf(source, target, areTimesExact);
  if (isEqual) return { deed: "equal", object, workflow, why: evidence };
  return { deed: "replaced", source, target, workflow, why: evidence, isDoubtful, areTimesExact };
}
