/** Evaluates in this process, for tables of small cases. */
import { evaluate, type Language, parseTree } from "@outrider/languages/batch";

/** JSON text of the value, or `error: ` and the first line of the message. */
export async function outcome(language: Language, expr: string, env: string = "{}"): Promise<string> {
  try {
    return await evaluate(language, { expr, env: parseTree(env), timeMs: 5_000 });
  } catch (error) {
    return `error: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}
