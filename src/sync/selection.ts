import type { ListedObject } from "./repository/index.ts";

/** What is to become of one object of the source, or of the target where it is about to be deleted. */
export interface Verdict {
  /** False: it is neither copied nor deleted. */
  readonly isWanted: boolean;
  /** `namespace/name` of the workflow that it belongs to; undefined where nobody knows. */
  readonly workflow?: string | undefined;
  /** Why it is not wanted, in words for the report; one of few, for they are counted. */
  readonly why?: string | undefined;
}

/** Which objects a command is about. Asked in the order of listings, once an object, so it has to be quick. */
export interface Selection {
  judge(object: ListedObject): Verdict;
  /**
   * True where only a part of the objects is wanted by what is known of workflows: what the selection does not know
   * must then never be taken for superfluous.
   */
  readonly isPartial: boolean;
}

/** Every object, of no workflow. */
export const everything: Selection = { judge: () => ({ isWanted: true }), isPartial: false };

/** Wanted is what all of them want; the first that knows the workflow names it. */
export function allOf(...selections: readonly Selection[]): Selection {
  return {
    isPartial: selections.some(({ isPartial }) => isPartial),
    judge(object) {
      let workflow: string | undefined;
      for (const selection of selections) {
        const verdict = selection.judge(object);
        workflow ??= verdict.workflow;
        if (!verdict.isWanted) return { ...verdict, workflow };
      }
      return { isWanted: true, workflow };
    },
  };
}
