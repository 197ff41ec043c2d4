/**
 * The reference runs expressions on a stack, and its find, findLast, findIndex and findLastIndex leave the `true` of
 * the predicate under their result. An operation with several operands then takes that `true` for one of them:
 * `[find([5], # > 1), 7]` is `[5, 7]`, but `[7, find([5], # > 1)]` is `[true, 5]` (contract case x-098). What lies
 * under the results is kept in `frame.residue`; almost always it is empty.
 */
import type { Code, Frame } from "./frame.ts";
import type { Value } from "./values.ts";

/** Evaluates operands in order and gives what the operation finds on the stack. */
export function evaluateOperands(codes: readonly Code[], frame: Frame): Value[] {
  const { residue } = frame;
  const values: Value[] = [];
  const marks: number[] = [];
  for (const code of codes) {
    values.push(code(frame));
    marks.push(residue.length);
  }
  return marks.at(0) === marks.at(-1) ? values : takeFromStack(frame, values, marks);
}

/**
 * The topmost values of a stack on which `values` lie in order, each on the residue up to its mark; what is left
 * becomes residue.
 */
export function takeFromStack(frame: Frame, values: readonly Value[], marks: readonly number[]): Value[] {
  const { residue } = frame;
  const bottom = marks[0] ?? residue.length;
  const stack: Value[] = [];
  let from = bottom;
  for (const [i, value] of values.entries()) {
    const mark = marks[i] ?? from;
    for (const left of residue.slice(from, mark)) stack.push(left);
    stack.push(value);
    from = mark;
  }
  for (const left of residue.slice(from)) stack.push(left);
  const taken = stack.splice(stack.length - values.length);
  residue.length = bottom;
  for (const left of stack) residue.push(left);
  return taken;
}
