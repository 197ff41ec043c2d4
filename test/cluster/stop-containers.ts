import { setTimeout as sleep } from "node:timers/promises";

/** The controller ends a pod by executing `argoexec kill` in its containers (docs/contract/pod.md#5.10). */
export interface Stop {
  /** Resolves when it is time; asked once the pod runs. */
  readonly until: () => Promise<void>;
  readonly graceSeconds: number;
}

export async function stopContainers(
  pod: string,
  stop: Stop,
  kubectl: (...args: string[]) => Promise<string>,
): Promise<void> {
  await kubectl(
    "wait",
    "-n",
    "argo",
    "--for=jsonpath={.status.phase}=Running",
    `pod/${pod}`,
    "--timeout=60s",
  );
  await stop.until();
  const names = (
    await kubectl("get", "pod", "-n", "argo", pod, "-o", "jsonpath={.spec.containers[*].name}")
  ).split(" ");
  const isInitless = names.includes("supervisor");
  const programOf = (name: string) => {
    if (name === "wait" || name === "supervisor") return "argoexec";
    return isInitless ? "/argo-bin/bin/argoexec" : "/var/run/argo/argoexec";
  };
  const kill = (signal: string) =>
    Promise.all(
      names.map((name) => {
        return kubectl(
          "exec",
          "-n",
          "argo",
          pod,
          "-c",
          name,
          "--",
          programOf(name),
          "kill",
          signal,
          "1",
        ).catch(() => {
          // The container has ended already.
        });
      }),
    );
  await kill("15");
  const end = Date.now() + stop.graceSeconds * 1000;
  while (Date.now() < end) {
    const phase = await kubectl("get", "pod", "-n", "argo", pod, "-o", "jsonpath={.status.phase}");
    if (phase !== "Running") return;
    await sleep(500);
  }
  await kill("9");
}
