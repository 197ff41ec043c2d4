import { existsSync } from "node:fs";
import type { NodeIdentity } from "../src/kube/index.ts";
import type { Environment, PodEnvironment } from "./environment.ts";

/**
 * Who the main container of a resource or data template is to the controller. Argo 3.5, which reads annotations of the
 * pod, alone gives such a main both the template in its environment and an init container that has written it down.
 */
export function mainIdentity(pod: PodEnvironment, env: Environment): NodeIdentity {
  const { nodeId, podName, podUid, workflowName, workflowUid, instanceId, paths } = pod;
  const readsPodAnnotations = env.ARGO_TEMPLATE !== undefined && existsSync(paths.template);
  return { nodeId, podName, podUid, workflowName, workflowUid, instanceId, readsPodAnnotations };
}
