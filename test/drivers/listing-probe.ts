/**
 * Lists a bucket and prints how many bytes of the heap are in use after its first 20,000 objects and after all of them.
 * A process of its own, because that is what is measured; needs --expose-gc. Argument: endpoint.
 */
import { openDriver } from "../../src/artifacts/index.ts";
import { s3Artifact, secrets } from "./s3-location.ts";
import { patience, surroundings } from "./surroundings.ts";

const [endpoint = ""] = process.argv.slice(2);
const used = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};
const artifact = s3Artifact(endpoint, "argo");
const figures: number[] = [];
{
  await using driver = await openDriver(artifact, surroundings(secrets));
  let objects = 0;
  for await (const _ of driver.list(artifact, patience())) {
    objects += 1;
    if (objects === 20_000) figures.push(used());
  }
  figures.push(used(), objects);
}
process.stdout.write(figures.join(" "));
