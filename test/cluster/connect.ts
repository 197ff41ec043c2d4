import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { connectKube, KubeClient } from "../../src/kube/index.ts";

const run = promisify(execFile);

/** A client for the cluster of a kubeconfig, and its kubectl; the client is the caller's to dispose of. */
export async function connectCluster(kubeconfig: string) {
  const connection = await connectKube({
    kubeconfig,
    context: undefined,
    server: undefined,
    token: undefined,
    certificateAuthority: undefined,
    insecureSkipTlsVerify: false,
    tlsServerName: undefined,
    namespace: "argo",
    podNamespace: undefined,
    kubeconfigVariable: undefined,
    serviceHost: undefined,
    servicePort: undefined,
    home: undefined,
    serviceAccountDir: "/nowhere",
  });
  const kube = new KubeClient(connection, {
    userAgent: "outrider-test",
    idleTimeoutMs: 600_000,
    transientPattern: undefined,
  });
  /** Prints what it says on standard output; what it says on standard error, its warnings, comes second. */
  const kubectlBoth = (...args: string[]) =>
    run(join(dirname(kubeconfig), "..", "bin", "kubectl"), args, {
      maxBuffer: 1 << 26,
      env: { ...process.env, KUBECONFIG: kubeconfig },
    });
  const kubectl = async (...args: string[]) => (await kubectlBoth(...args)).stdout;
  return { kube, kubectl, kubectlBoth };
}
