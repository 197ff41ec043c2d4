import { mkdtempSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "../../desk/kubelet/index.ts";
import { layouts, readRecordings } from "../cluster/recorded-pod.ts";
import { putObject, temporary } from "../pod/servers.ts";
import type { ChaosPod, ChaosServers } from "./pod.ts";

export type Layout = (typeof layouts)[number];
export { layouts };

/** What the step of the recorded pod writes, by artifact. */
export const contents = {
  out: { out: "placed in the volume" },
  d: { d: "/", "d/1": "1\n" },
  base: { base: "base\n" },
} as const;
export const logText = "placed in the volumemade\n";
export const inputKey = "chaos/in";
const recordingName = "volumes-overlap";
const recordedEndpoint = "127.0.0.1:9000";
const recordedInput = '"raw":{"data":"placed in the volume"}';
/** The step makes its outputs, and then waits for this file. */
const gate = "/work/go";
const held = `; echo made; until test -e ${gate}; do sleep 0.05; done; rm ${gate}`;

/**
 * A pod as a stock controller made it, one artifact in each place there is (a volume's file and folder, main's own root),
 * with our store, an input in the store instead of one in the template, and a step that waits before it ends.
 * @param folders node folders that take the place of the pod's volumes of these names
 */
export function workload(
  layout: Layout,
  storeEndpoint: string,
  folders: Readonly<Record<string, string>> = {},
): Pod {
  const recorded = readRecordings(layout).find(({ name }) => name === recordingName)?.pods[0]?.pod;
  if (!recorded) throw new Error(`there is no recording ${layout}/${recordingName}`);
  const script = "echo base > /base";
  const inEnvironment = (text: string) => JSON.stringify(text).slice(1, -1);
  // The template is JSON inside of JSON, and has its ">" escaped.
  const escaped = (text: string) => inEnvironment(text.replaceAll(">", "\\u003e"));
  const json = JSON.stringify(recorded)
    .replaceAll(recordedEndpoint, storeEndpoint)
    .replaceAll(
      inEnvironment(recordedInput),
      inEnvironment(`"s3":{"key":"${inputKey}"},"archive":{"none":{}}`),
    )
    .replaceAll(script, script + held)
    .replaceAll(escaped(script), escaped(script) + held);
  const pod = JSON.parse(json) as Pod;
  const volumes = pod.spec.volumes?.map((volume) => {
    const path = folders[volume.name];
    return path === undefined ? volume : { name: volume.name, hostPath: { path } };
  });
  return { ...pod, spec: { ...pod.spec, ...(volumes ? { volumes } : {}) } };
}

/** What the step reads. */
export async function storeInput(servers: ChaosServers): Promise<void> {
  await putObject(servers, inputKey, "placed in the volume");
  servers.store.clearRequests();
}

/** Lets the step end. */
export async function openGate(pod: ChaosPod): Promise<void> {
  await writeFile(pod.onNode(gate), "");
}

/** Whether the step has made its outputs; what the executor's own lines quote of its script does not count. */
export function hasMade(pod: ChaosPod): boolean {
  return pod
    .log("main")
    .split("\n")
    .some((line) => line.endsWith("made") && !line.includes("argo=true"));
}

/** The auxiliary container's name. */
export function auxiliary(layout: Layout): "wait" | "supervisor" {
  return layout === "legacy" ? "wait" : "supervisor";
}

export function newFolder(): string {
  return mkdtempSync(join(temporary, "chaos-"));
}
