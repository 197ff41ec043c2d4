/**
 * Stores and loads a directory of small files, as `wait` and `init` do, and prints the peak of anonymous memory in MiB
 * and how many files came back. A process of its own, because that is what is measured. Arguments: endpoint, how many
 * files, an empty folder for them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { openDriver } from "../../src/artifacts/index.ts";
import { s3Artifact, secrets } from "../drivers/s3-location.ts";
import { patience, surroundings } from "../drivers/surroundings.ts";

const [endpoint = "", count = "1", folder = ""] = process.argv.slice(2);
const anonymousMib = () =>
  Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
let peak = 0;
const sampling = setInterval(() => {
  peak = Math.max(peak, anonymousMib());
}, 10);

const artifact = s3Artifact(endpoint, `tree-${count}`);
const tree = {
  /** Each can be read once only, as those of main's file system. */
  async *files() {
    for (let n = 0; n < Number(count); n++) {
      const bytes = Buffer.alloc(1024, n);
      const content = {
        name: `${n}`,
        sizeBytes: 1024,
        replayable: false,
        open: () => Readable.from([bytes]),
      };
      yield { path: `${n % 7}/${n}`, content };
    }
  },
};
{
  await using driver = await openDriver(artifact, surroundings(secrets));
  await driver.saveTree(artifact, tree, patience());
  const stored = await driver.open(artifact, patience());
  if (stored.kind !== "directory") throw new Error("a file came back");
  await stored.download(folder);
}
clearInterval(sampling);
let right = 0;
for (let n = 0; n < 7; n++) {
  for (const name of readdirSync(`${folder}/${n}`)) {
    const bytes = readFileSync(`${folder}/${n}/${name}`);
    if (bytes.equals(Buffer.alloc(1024, Number(name)))) right += 1;
  }
}
process.stdout.write(`${Math.round(peak)} ${right}\n`);
