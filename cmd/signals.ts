/** What the kubelet's or the controller's TERM means to a container depends on its role. */
export interface TermSignal {
  /** Fires once, at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
}

/** Catches SIGTERM and SIGINT for the rest of the process; repeated ones are absorbed. */
export function catchTerm(): TermSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => controller.abort());
  return { stop: controller.signal };
}
