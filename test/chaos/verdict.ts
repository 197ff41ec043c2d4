import { getObject, storedKeys } from "../pod/servers.ts";
import { unpackTgz } from "../pod/unpack.ts";
import { type ChaosPod, outputsOf } from "./pod.ts";
import { contents, logText } from "./workload.ts";

/** What is left of a pod after a fault. */
export interface Outcome {
  /** Exit codes; containers that never ran are absent. */
  readonly codes: Readonly<Record<string, number>>;
  /** Termination messages, without empty ones. */
  readonly messages: Readonly<Record<string, string>>;
  /** Artifacts that were reported, in order. */
  readonly saved: readonly string[];
  readonly hasParameter: boolean;
  /** The controller was told that nothing more will come. */
  readonly isCompleted: boolean;
  /** From the fault to the end of the pod. */
  readonly seconds: number;
}

/** What has to be left of it. */
export interface Expected {
  /** Exit codes, all of them; several where the moment decides. */
  readonly codes: Readonly<Record<string, number | readonly number[]>>;
  /** Artifacts that have to be reported, whatever happened; a second list: what else may be there. */
  readonly saved: readonly string[];
  readonly maySave?: readonly string[];
  readonly hasParameter?: boolean;
  /** Undefined: the moment decides. */
  readonly isCompleted?: boolean;
  /** By container, what its message has to say; empty: there must be none. */
  readonly messages?: Readonly<Record<string, RegExp>>;
  readonly withinSeconds: number;
}

export const everything = ["out", "d", "base", "main-logs"] as const;

/** Returns what is not as it has to be, as sentences; none: all is well. */
export async function breaches(pod: ChaosPod, outcome: Outcome, expected: Expected): Promise<string[]> {
  const { codes, saved, messages } = outcome;
  const found: string[] = [];
  const names = new Set([...Object.keys(codes), ...Object.keys(expected.codes)]);
  for (const name of names) {
    const wanted = [expected.codes[name] ?? []].flat();
    const code = codes[name];
    const isAbsent = code === undefined && wanted.length === 0;
    if (!isAbsent && (code === undefined || !wanted.includes(code)))
      found.push(
        `${name} ended with ${code ?? "nothing"} instead of ${wanted.join(" or ")}: ${messages[name] ?? ""}`,
      );
  }
  for (const name of expected.saved) if (!saved.includes(name)) found.push(`${name} was not reported`);
  for (const name of saved) {
    if (![...expected.saved, ...(expected.maySave ?? [])].includes(name))
      found.push(`${name} was reported, which cannot be`);
  }
  if (expected.hasParameter !== undefined && outcome.hasParameter !== expected.hasParameter)
    found.push(`the parameter was ${outcome.hasParameter ? "" : "not "}reported`);
  if (expected.isCompleted !== undefined && outcome.isCompleted !== expected.isCompleted)
    found.push(`the controller was ${outcome.isCompleted ? "" : "not "}released`);
  for (const [name, pattern] of Object.entries(expected.messages ?? {})) {
    if (!pattern.test(messages[name] ?? ""))
      found.push(`${name} says "${messages[name] ?? ""}", which is not ${pattern}`);
  }
  if (outcome.seconds > expected.withinSeconds)
    found.push(
      `the pod ended after ${outcome.seconds.toFixed(1)} s; its bound is ${expected.withinSeconds} s`,
    );
  return [...found, ...(await unconditional(pod, outcome))];
}

/** What holds after every fault: nothing reported without being there, nothing half, no secret told. */
async function unconditional(pod: ChaosPod, { saved, codes, isCompleted }: Outcome): Promise<string[]> {
  const found: string[] = [];
  for (const name of saved) {
    const wanted = name === "main-logs" ? logText : contents[name as keyof typeof contents];
    const bytes = await stored(pod, name);
    const got = name === "main-logs" ? bytes.toString() : await unpackTgz(bytes);
    if (
      JSON.stringify(got) !== JSON.stringify(wanted) &&
      !(name === "main-logs" && logText.startsWith(String(got)))
    )
      found.push(`${name} holds ${JSON.stringify(got)}`);
  }
  const prefix = `${pod.nodeId}/`;
  for (const key of await storedKeys(pod.servers)) {
    if (!key.startsWith(prefix) || !key.endsWith(".tgz")) continue;
    const isWhole = await isGzip(await getObject(pod.servers, key));
    if (!isWhole) found.push(`${key} is half an object`);
  }
  const auxiliary = codes.wait ?? codes.supervisor;
  if (auxiliary === 0 && !isCompleted)
    found.push("the auxiliary container ended well and left the controller waiting");
  const told = [...Object.keys(codes)].map((name) => pod.log(name)).join("");
  if (told.includes("desk-secret")) found.push("a secret was told");
  return found;
}

/** The bytes stored for a reported artifact. */
async function stored(pod: ChaosPod, name: string): Promise<Buffer> {
  const { artifacts = [] } = await outputsOf(pod);
  const key = artifacts.find((one) => one.name === name)?.s3?.key;
  if (!key) throw new Error(`no artifact ${name} was reported`);
  return getObject(pod.servers, key);
}

async function isGzip(bytes: Buffer): Promise<boolean> {
  const { gunzipSync } = await import("node:zlib");
  try {
    return gunzipSync(bytes).length > 0;
  } catch {
    return false;
  }
}
