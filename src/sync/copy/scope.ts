import type { ChangedPlaces } from "../changes/index.ts";
import { type DecisionRules, mergeJoin, type Pair } from "../compare/index.ts";
import type { KeyRange, Repository } from "../repository/index.ts";
import { changedPairs } from "./changed-pairs.ts";
import { targetKeyOf } from "./target-key.ts";

/** What a sync is between, and about. */
export interface SyncScope {
  readonly source: Repository;
  readonly target: Repository;
  /** In keys of the source. */
  readonly range: KeyRange;
  readonly rules: DecisionRules;
  /** Nothing else has changed since a run that was whole; undefined: everything is compared. */
  readonly places?: ChangedPlaces | undefined;
}

/** Both listings side by side, or what has changed. `after`: only keys of the source behind this one, if given. */
export function joinScope(
  scope: SyncScope,
  after: string | undefined,
  signal: AbortSignal,
): AsyncIterable<readonly Pair[]> {
  const { source, target, places } = scope;
  if (places !== undefined) return changedPairs(scope, places, signal);
  const range = after === undefined ? scope.range : { ...scope.range, after };
  const inTarget = (key: string | undefined) => (key === undefined ? undefined : targetKeyOf(scope, key));
  const targetRange = { prefix: range.prefix, after: inTarget(range.after), upTo: inTarget(range.upTo) };
  return mergeJoin(
    { repository: source, pages: source.pages(range, signal) },
    { repository: target, pages: target.pages(targetRange, signal) },
  );
}
