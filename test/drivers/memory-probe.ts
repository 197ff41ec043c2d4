/**
 * Stores and loads a stream of unknown size, as `wait` and `init` do with a compressed artifact, and prints the peak of
 * anonymous memory in MiB. A process of its own, because that is what is measured. Arguments: endpoint, MiB.
 */
import { readFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { openDriver } from "../../src/artifacts/index.ts";
import { s3Artifact, secrets } from "./s3-location.ts";
import { patience, surroundings } from "./surroundings.ts";

const [endpoint = "", mib = "1"] = process.argv.slice(2);
const anonymousMib = () =>
  Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
let peak = 0;
const sampling = setInterval(() => {
  peak = Math.max(peak, anonymousMib());
}, 10);

const artifact = s3Artifact(endpoint, "stream");
const content = {
  name: "stream",
  sizeBytes: undefined,
  replayable: true,
  open: () => Readable.from(chunks(Number(mib) * 16), { objectMode: false }),
};
{
  await using driver = await openDriver(artifact, surroundings(secrets));
  await driver.saveFile(artifact, content, patience());
  const stored = await driver.open(artifact, patience());
  if (stored.kind !== "file") throw new Error("a directory came back");
  let loadedBytes = 0;
  const sink = new Writable({
    write(chunk: Uint8Array, _, done) {
      loadedBytes += chunk.byteLength;
      done();
    },
  });
  await pipeline(stored.openStream(), sink);
  if (loadedBytes !== Number(mib) * 2 ** 20) throw new Error(`${loadedBytes} bytes came back`);
}
clearInterval(sampling);
process.stdout.write(`${Math.round(peak)}\n`);

function* chunks(count: number): Generator<Buffer> {
  for (let index = 0; index < count; index += 1) yield Buffer.alloc(65_536, index);
}
