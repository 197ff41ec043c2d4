// Runs the suites against real services: `npm run test:services`. Builds what Go can build; what the machine cannot run is
// said. The outcomes become docs/artifacts/conformance.md.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildMinio, cacheDirectory } from "../cluster/prerequisites.ts";
import { installServices } from "./debian.ts";

const say = (text: string) => console.log(`# ${text}`);
const programs: Record<string, string> = {};
if (spawnSync("go", ["version"]).error) {
  say("left out: MinIO, Versity Gateway and fake-gcs-server, for Go is not installed to build them with");
} else {
  const bin = join(cacheDirectory(), "bin");
  mkdirSync(bin, { recursive: true });
  programs.OUTRIDER_MINIO = await buildMinio(bin, say);
  build("OUTRIDER_VERSITYGW", bin, "github.com/versity/versitygw/cmd/versitygw@v1.8.0");
  build("OUTRIDER_FAKE_GCS", bin, "github.com/fsouza/fake-gcs-server@v1.56.1");
}
installServices(say);
rmSync("build/conformance", { recursive: true, force: true });
// Both the real services and the servers of our own, which the table shows beside them.
const files = [
  ...filesOf("test/services", (name) => name.endsWith(".test.ts")),
  ...filesOf("test/drivers", (name) => name.endsWith("-suite.test.ts")),
];
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...files], {
  stdio: "inherit",
  env: { ...process.env, ...programs },
});
spawnSync(process.execPath, ["scripts/conformance.ts"], { stdio: "inherit" });
process.exitCode = status ?? 1;

function filesOf(folder: string, accept: (name: string) => boolean): string[] {
  return readdirSync(folder)
    .filter(accept)
    .map((name) => join(folder, name));
}

/** Once for all runs; a program that cannot be built is left out, which its tests say. */
function build(variable: string, bin: string, module: string): void {
  const program = join(bin, module.replace(/@.*$/, "").split("/").at(-1) ?? "");
  if (!existsSync(program)) {
    say(`building ${program}`);
    const env = { ...process.env, GOBIN: bin, CGO_ENABLED: "0" };
    const { status } = spawnSync("go", ["install", module], { stdio: "inherit", env });
    if (status !== 0) {
      say(`left out: ${module} cannot be built`);
      return;
    }
  }
  programs[variable] = program;
}
