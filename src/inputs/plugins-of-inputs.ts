import { hasLocationOrKey, relocate, type Template } from "../template/index.ts";

/** The plugins that keep input artifacts of a template. */
export function pluginsOfInputs({ inputs, archiveLocation }: Template): readonly string[] {
  const names = (inputs?.artifacts ?? []).flatMap((artifact) => {
    if (!hasLocationOrKey(artifact)) return [];
    try {
      return relocate(artifact, archiveLocation).plugin?.name ?? [];
    } catch {
      // Whoever loads it says what is wrong.
      return [];
    }
  });
  return [...new Set(names)];
}
