import type { Readable } from "node:stream";
import { OutputRequests, VolumeServer } from "../../src/outputs/index.ts";
import { program } from "../native/program.ts";

/** A tar stream of a local file or directory, as the static program makes it for volumes. */
export function packTar(
  path: string,
  options: { readonly followInto?: string; warn(message: string): void },
  signal: AbortSignal,
): Readable {
  const view = { root: "/", inputs: options.followInto ?? "/no/inputs", mounts: [] };
  const server = new VolumeServer(program, view);
  const stream = new OutputRequests(server, options.warn.bind(options)).tar(path, signal);
  stream.once("close", () => void server[Symbol.asyncDispose]());
  return stream;
}
