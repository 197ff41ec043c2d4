import { chmodSync } from "node:fs";
import type { TestContext } from "node:test";
import { buildPod, type DeskTemplate, podNames } from "../../desk/index.ts";
import { DeskPod, type OutputLine, type Pod } from "../../desk/kubelet/index.ts";
import { program } from "./desk.ts";
import { location, type Servers, secrets, temporary, token } from "./servers.ts";
import { TestPod } from "./test-pod.ts";

/** A user that owns nothing here. */
const uid = 65534;

// The folders of a container's root are everybody's, as those of images where another user works.
process.umask(0);

export const canChangeUser = process.getuid?.() === 0;

/** Starts a pod whose main container runs as another user than init and wait, as users' images do. */
export async function startPodOfOtherUser(
  t: TestContext,
  template: DeskTemplate,
  servers: Servers,
): Promise<TestPod> {
  const named = { name: "step", ...template };
  const manifest = {
    template: named,
    workflow: { metadata: { name: "wf" }, spec: {} },
    isEntrypoint: true,
    readsResult: false,
    secrets,
    configMaps: {},
  };
  const repository = { s3: location(servers.store) };
  const pod = buildPod({ manifest, template: named, names: podNames(manifest), repository });
  const lines: OutputLine[] = [];
  const desk = await DeskPod.prepare({
    pod: asOtherUser(pod),
    program,
    temporary,
    baseEnv: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/" },
    executorArgs: ["--server", servers.api.url, "--token", token, "--namespace", "argo"],
    secrets,
    configMaps: {},
    onLine: (line) => lines.push(line),
  });
  t.after(() => desk[Symbol.asyncDispose]());
  // Whoever runs the tests owns the pod's folder: the other user has to come through it.
  chmodSync(desk.root, 0o755);
  return new TestPod(pod, desk, servers, lines);
}

function asOtherUser(pod: Pod): Pod {
  const containers = pod.spec.containers.map((container) =>
    container.name === "main"
      ? {
          ...container,
          command: [
            "setpriv",
            `--reuid=${uid}`,
            `--regid=${uid}`,
            "--clear-groups",
            ...(container.command ?? []),
          ],
        }
      : container,
  );
  return { ...pod, spec: { ...pod.spec, containers } };
}
