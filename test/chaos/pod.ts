import type { S3Client } from "@aws-sdk/client-s3";
import type { Outputs } from "../../src/template/index.ts";
import type { Cleanup } from "../pod/servers.ts";
import type { ApiServer } from "../servers/api-server/index.ts";
import type { ObjectServer } from "../servers/object-server/index.ts";
import type { Victim } from "./processes.ts";
import type { Layout } from "./workload.ts";

/** What is around a pod of a case, and fails as the case wants it. */
export interface ChaosServers {
  /** The API server as the pod sees it. */
  readonly api: Pick<
    ApiServer,
    "addFault" | "clearFaults" | "letGo" | "requests" | "waitForRequest" | "pause" | "resume"
  >;
  readonly store: ObjectServer;
  readonly s3: S3Client;
}

/** A pod of a case, in whichever kubelet it runs: what is done to it, and what others see of it. */
export interface ChaosPod {
  readonly servers: ChaosServers;
  readonly nodeId: string;
  /** Where a file on one of main's volumes is on the node. */
  onNode(path: string): string;
  isRunning(container: string): Promise<boolean>;
  /** The first process of a container that runs. */
  firstProcess(container: string): Promise<number>;
  /** Node in a container; undefined while none runs. */
  nodeOf(container: string): Promise<number | undefined>;
  kill(container: string, victim: Victim): Promise<void>;
  /** Ends the pod as its deletion does: TERM, and KILL after so long. */
  delete(graceSeconds: number): Promise<void>;
  /** What a container has printed so far. */
  log(container: string): string;
  taskResult(): Promise<ChaosTaskResult | undefined>;
  /** Resolves when every container that was started has ended. */
  readonly ended: Promise<ChaosEnd>;
}

export interface ChaosTaskResult {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly outputs?: unknown;
}

export interface ChaosEnd {
  /** Exit codes; containers that never ran are absent. */
  readonly codes: Readonly<Record<string, number>>;
  /** Termination messages, without empty ones. */
  readonly messages: Readonly<Record<string, string>>;
}

/** A kubelet that cases can be run in. */
export interface Stage {
  /** Longest time, in seconds, that this kubelet takes by itself to end a pod whose processes have ended. */
  readonly slackSeconds: number;
  startServers(cleanup: Cleanup): Promise<Surroundings>;
}

export interface Surroundings {
  readonly servers: ChaosServers;
  /** @param volumes folders of the node that take the place of the pod's volumes of these names */
  startPod(layout: Layout, volumes: Readonly<Record<string, string>>): Promise<ChaosPod>;
}

export async function outputsOf(pod: ChaosPod): Promise<Outputs> {
  return ((await pod.taskResult())?.outputs ?? {}) as Outputs;
}

/** Whether the controller was told that nothing more will come. */
export async function isCompleted(pod: ChaosPod): Promise<boolean> {
  const labels = (await pod.taskResult())?.metadata.labels;
  return labels?.["workflows.argoproj.io/report-outputs-completed"] === "true";
}
