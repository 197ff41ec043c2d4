import type { DriverLog } from "../../driver.ts";

/** Runs one git command, in the repository unless a folder is named; resolves with what it prints. */
export type Git = (
  args: readonly string[],
  folder?: string,
  env?: Readonly<Record<string, string>>,
) => Promise<string>;

export interface Checkout {
  readonly git: Git;
  /** The folder of the repository, which exists. */
  readonly path: string;
  /** Empties `path`. */
  clear(): Promise<void>;
  readonly log: DriverLog;
  readonly skipsLfs: boolean;
}
