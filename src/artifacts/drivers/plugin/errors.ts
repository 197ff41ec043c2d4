import { ExecutorError, errorCode, errorText } from "../../../errors/index.ts";

/** What a plugin was asked to do, as error texts have it (docs/contract/artifacts.md#5.10). */
export type PluginTask =
  | "load"
  | "save"
  | "delete"
  | "list objects"
  | "is directory check"
  | "open stream"
  | "stream receive";

/** An error of the call itself, or an answer that is none, with its code. */
export function callError(plugin: string, task: PluginTask, error: unknown): ExecutorError {
  return new ExecutorError(errorCode(error), `plugin ${plugin} ${task} failed: ${errorText(error)}`, {
    cause: error,
  });
}

/** What the plugin itself says went wrong. It has no codes for it: nothing is repeated, nothing is optional. */
export function refusal(plugin: string, task: PluginTask, text: string): ExecutorError {
  const why = text === "" ? "the plugin gave no reason" : text.slice(0, 4096);
  return new ExecutorError("BadRequest", `plugin ${plugin} ${task} failed: ${why}`);
}
