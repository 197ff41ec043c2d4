import { dirname, join } from "node:path";
import type { Environment } from "./environment.ts";

/** A command as it was called. */
export interface Invocation {
  /** Arguments without the program's and the command's name; global flags may be anywhere among them. */
  readonly args: readonly string[];
  readonly env: Environment;
}

/** The static program of this installation: `PREFIX/bin/argoexec`, where Node runs `PREFIX/lib/argoexec/argoexec.cjs`. */
export function programPath(): string {
  return join(process.argv[1] ?? "", "../../../bin/argoexec");
}

/** The Node that runs this, and the folder with our code. */
export function runtimeFiles(): { readonly node: string; readonly libraries: string } {
  return { node: process.execPath, libraries: dirname(process.argv[1] ?? "") };
}
