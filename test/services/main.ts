// Runs the suites against real services: `npm run test:services`. Builds MinIO where Go is installed; what the machine
// cannot run is said.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { buildMinio, cacheDirectory } from "../cluster/prerequisites.ts";

const say = (text: string) => console.log(`# ${text}`);
let minio: string | undefined;
if (spawnSync("go", ["version"]).error) say("left out: MinIO, for Go is not installed to build it with");
else {
  const bin = join(cacheDirectory(), "bin");
  mkdirSync(bin, { recursive: true });
  minio = await buildMinio(bin, say);
}
const files = readdirSync("test/services")
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("test/services", name));
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...files], {
  stdio: "inherit",
  env: { ...process.env, ...(minio ? { OUTRIDER_MINIO: minio } : {}) },
});
process.exitCode = status ?? 1;
