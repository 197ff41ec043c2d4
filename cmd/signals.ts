import { ExecutorError } from "../src/errors/index.ts";
import { Keeper } from "./keeper.ts";

/** What the kubelet's or the controller's TERM means to a container depends on its role. */
export interface TermSignal {
  /** Fires once, at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
}

/**
 * Catches SIGTERM and SIGINT for the rest of the process; repeated ones are absorbed. One that came before was kept by
 * the static program that started us, and comes now.
 */
export function catchTerm(): TermSignal {
  const controller = new AbortController();
  const told = (name: string) =>
    new ExecutorError("Cancelled", `told to end by ${name}, as when the pod is deleted`);
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => controller.abort(told(name)));
  new Keeper(process.env).startListening();
  return { stop: controller.signal };
}
