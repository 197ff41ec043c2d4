import { type KubeObject, type PodSpec, readRecordings } from "./recorded-pod.ts";
import { adapt } from "./run-recording.ts";

/** A pod of `true` as a stock controller made it: a log to be archived, no artifacts. */
export function truePod(
  layout: "legacy" | "init-less",
  name: string,
  { uid, image }: { readonly uid: string; readonly image: string },
): KubeObject & { readonly spec: PodSpec } {
  const recorded = readRecordings(layout).find((one) => one.name === "hello")?.pods[0]?.pod;
  if (!recorded) throw new Error(`there is no recording ${layout}/hello`);
  const text = JSON.stringify(recorded)
    .replaceAll(recorded.metadata.name, name)
    .replaceAll('"echo"', '"true"')
    .replaceAll('\\"echo\\"', '\\"true\\"');
  return adapt(JSON.parse(text), uid, image);
}
