export { type CopyDecision, type Decision, type DecisionRules, decide } from "./decision.ts";
export { type Evidence, type Likeness, likenessOf, tellsMilliseconds } from "./equality.ts";
export { mergeJoin, type Pair } from "./merge-join.ts";
