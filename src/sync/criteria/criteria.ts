import { ExecutorError, errorText } from "../../errors/index.ts";
import { type Glob, globs } from "../globs/index.ts";
import { ageMs } from "./age.ts";
import { type LabelSelector, labelSelector } from "./label-selector.ts";

/** What people know of the objects that they mean; what is not given does not matter. */
export interface Criteria {
  readonly workflow: Glob | undefined;
  readonly namespaces: readonly string[];
  readonly selector: LabelSelector | undefined;
  readonly template: Glob | undefined;
  readonly phases: readonly string[];
  readonly artifact: Glob | undefined;
  readonly olderThanMs: number | undefined;
  readonly newerThanMs: number | undefined;
}

/** The same as texts, by the names of the flags. */
export interface CriteriaTexts {
  readonly workflow?: readonly string[];
  readonly namespace?: readonly string[];
  readonly selector?: string | undefined;
  readonly template?: readonly string[];
  readonly phase?: readonly string[];
  readonly artifact?: readonly string[];
  readonly olderThan?: string | undefined;
  readonly newerThan?: string | undefined;
}

const phases = ["Pending", "Running", "Succeeded", "Failed", "Error"];

/** Checks the criteria of a command line. Throws BadRequest naming the flag. */
export async function readCriteria(texts: CriteriaTexts): Promise<Criteria> {
  for (const phase of texts.phase ?? []) {
    if (phases.includes(phase)) continue;
    throw new ExecutorError("BadRequest", `--phase must be one of ${phases.join(", ")}, not "${phase}"`);
  }
  const { olderThan, newerThan } = texts;
  return {
    workflow: await globs(texts.workflow, "--workflow"),
    namespaces: texts.namespace ?? [],
    selector: texts.selector === undefined ? undefined : readSelector(texts.selector),
    template: await globs(texts.template, "--template"),
    phases: texts.phase ?? [],
    artifact: await globs(texts.artifact, "--artifact"),
    olderThanMs: olderThan === undefined ? undefined : ageMs(olderThan, "--older-than"),
    newerThanMs: newerThan === undefined ? undefined : ageMs(newerThan, "--newer-than"),
  };
}

/** True where workflows have to be known to decide. */
export function asksForWorkflows(criteria: Criteria): boolean {
  const { workflow, namespaces, selector, template, phases, artifact } = criteria;
  return (
    [workflow, selector, template, artifact].some((each) => each !== undefined) ||
    namespaces.length > 0 ||
    phases.length > 0
  );
}

function readSelector(text: string): LabelSelector {
  try {
    return labelSelector(text);
  } catch (cause) {
    throw new ExecutorError("BadRequest", `--selector ${JSON.stringify(text)}: ${errorText(cause)}`, {
      cause,
    });
  }
}
