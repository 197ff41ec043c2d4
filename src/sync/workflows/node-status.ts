import { gunzip } from "node:zlib";
import { errorText } from "../../errors/index.ts";
import { type JsonObject, memberAt, objectAt, textAt } from "./json.ts";

/** The nodes of a workflow, or why nobody can know them. */
export type NodeStatus =
  | { readonly nodes: JsonObject; readonly unknownBecause?: undefined }
  | { readonly nodes: JsonObject; readonly unknownBecause: string };

/** No status in etcd is near that, even inflated: it came from an object of 1.5 MiB. */
const inflatedBytesMax = 512 * 1024 * 1024;

/**
 * Reads `status.nodes`, or what the controller put in its place where it was too large: `compressedNodes` (gzip in
 * base64), or a version of the status that it offloaded to its database (`offloadNodeStatusVersion`), which is not here.
 */
export async function nodeStatus(workflow: unknown): Promise<NodeStatus> {
  const plain = objectAt(workflow, "status", "nodes");
  if (textAt(workflow, "status", "offloadNodeStatusVersion") !== "" && Object.keys(plain).length === 0) {
    return { nodes: {}, unknownBecause: "its nodes are offloaded to the controller's database" };
  }
  const compressed = textAt(workflow, "status", "compressedNodes");
  if (compressed === "") {
    // A status that holds something else in place of nodes is damaged, and says nothing about what it lost.
    const isDamaged = !isAbsent(memberAt(workflow, "status", "nodes")) && !isPlainObject(workflow);
    return isDamaged ? { nodes: {}, unknownBecause: "its status.nodes is no object" } : { nodes: plain };
  }
  try {
    const nodes: unknown = JSON.parse(await inflated(compressed));
    if (typeof nodes !== "object" || nodes === null || Array.isArray(nodes)) throw new Error("no object");
    return { nodes: nodes as JsonObject };
  } catch (error) {
    return { nodes: {}, unknownBecause: `its status.compressedNodes cannot be read: ${errorText(error)}` };
  }
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isPlainObject(workflow: unknown): boolean {
  const nodes = memberAt(workflow, "status", "nodes");
  return typeof nodes === "object" && nodes !== null && !Array.isArray(nodes);
}

function inflated(base64: string): Promise<string> {
  return new Promise((resolve, reject) => {
    gunzip(Buffer.from(base64, "base64"), { maxOutputLength: inflatedBytesMax }, (error, bytes) =>
      error ? reject(error) : resolve(bytes.toString("utf8")),
    );
  });
}
