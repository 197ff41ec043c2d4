import type { Repository } from "../repository/index.ts";

/** The same key behind the target's prefix. */
export function targetKeyOf(
  { source, target }: { readonly source: Repository; readonly target: Repository },
  key: string,
): string {
  return `${target.prefix}${key.slice(source.prefix.length)}`;
}
