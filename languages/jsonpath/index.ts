/** kubectl's jsonpath templates (contract expressions.md section 4). */
export { evaluateTemplate } from "./evaluate.ts";
