import type { ArtifactDriver } from "../artifacts/index.ts";
import type { KubeClient, NodeIdentity } from "../kube/index.ts";
import type { Logger } from "../log/index.ts";
import type { PodPaths } from "../podfiles/index.ts";
import type { ArtifactLocation, Template } from "../template/index.ts";

/**
 * What the auxiliary container (`wait`, or `supervisor` in the init-less layout) is told (docs/contract/pod.md#2.1).
 */
export interface WaitConfig {
  readonly template: Template;
  readonly identity: NodeIdentity;
  readonly paths: PodPaths;
  /** `ARGO_INCLUDE_SCRIPT_OUTPUT`. */
  readonly includesResult: boolean;
  /** `ARGO_INITLESS_POD`. */
  readonly isInitless: boolean;
  /** `ARGO_DEADLINE` in milliseconds since the epoch; undefined: none. */
  readonly deadlineMs: number | undefined;
  /** `ARGO_TERMINATION_GRACE_PERIOD_SECONDS`, in milliseconds. */
  readonly gracePeriodMs: number;
  /** `ARGO_PROGRESS_FILE` and the smallest time between two reports; undefined: progress is not watched. */
  readonly progress: { readonly file: string; readonly tickMs: number } | undefined;
  /** `ARGO_ARTIFACT_PLUGIN_NAMES`: plugin sidecars that end after the outputs are saved. */
  readonly pluginContainers: readonly string[];
}

/** What the auxiliary container works with. */
export interface WaitTools {
  /** The one client of this phase, which closes with it: another one would be another TLS handshake. */
  readonly openKube: () => Promise<KubeClient>;
  readonly openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>;
  readonly log: Logger;
  /** The static program of this installation. */
  readonly program: string;
  /** From now on a SIGTERM that reaches the container fires the signal; the static program, our parent, keeps it too. */
  readonly listenForTerm: () => AbortSignal;
  /** Writes the termination message; a failure is logged. */
  readonly explain: (text: string) => void;
}
