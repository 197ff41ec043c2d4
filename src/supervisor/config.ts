import type { WaitConfig } from "../wait/index.ts";

export interface SupervisorConfig extends WaitConfig {
  readonly templateJson: string;
  /** Names of the plugins that hold input artifacts. */
  readonly inputPlugins: readonly string[];
  /** The static program has placed template and plan, and main runs: there was nothing to load (native/README.md). */
  readonly isPrepared: boolean;
}
