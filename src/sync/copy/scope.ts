import { type DecisionRules, mergeJoin, type Pair } from "../compare/index.ts";
import type { KeyRange, Repository } from "../repository/index.ts";

/** What a sync is between, and about. */
export interface SyncScope {
  readonly source: Repository;
  readonly target: Repository;
  /** In keys of the source. */
  readonly range: KeyRange;
  readonly rules: DecisionRules;
}

/** The same key behind the target's prefix. */
export function targetKeyOf({ source, target }: Pick<SyncScope, "source" | "target">, key: string): string {
  return `${target.prefix}${key.slice(source.prefix.length)}`;
}

/** Both listings side by side. `after`: only keys of the source behind this one, if given. */
export function joinScope(
  scope: SyncScope,
  after: string | undefined,
  signal: AbortSignal,
): AsyncIterable<readonly Pair[]> {
  const { source, target } = scope;
  const range = after === undefined ? scope.range : { ...scope.range, after };
  const inTarget = (key: string | undefined) => (key === undefined ? undefined : targetKeyOf(scope, key));
  const targetRange = { prefix: range.prefix, after: inTarget(range.after), upTo: inTarget(range.upTo) };
  return mergeJoin(
    { repository: source, pages: source.pages(range, signal) },
    { repository: target, pages: target.pages(targetRange, signal) },
  );
}
