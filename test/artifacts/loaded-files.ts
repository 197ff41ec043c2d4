// What opening the driver of a location (JSON, first argument) loads: prints the addresses of the files as JSON.
import { registerHooks } from "node:module";

const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});
const { openDriver } = await import("../../src/artifacts/index.ts");
const { surroundings } = await import("../drivers/surroundings.ts");
const secrets = JSON.parse(process.argv[3] ?? "{}") as Record<string, string>;
const context = {
  ...surroundings(secrets, { identityVariables: { STORAGE_EMULATOR_HOST: "127.0.0.1:1" } }),
  readConfigMap: async () => "",
  plugins: {
    sockets: "/nowhere",
    staging: "/nowhere",
    connections: new Map(),
    containers: "/nowhere",
    socketWaitMs: 1,
  },
};
const artifact = { name: "a", path: "/a", ...JSON.parse(process.argv[2] ?? "{}") };
await using driver = await openDriver(artifact, context);
await driver.open(artifact, AbortSignal.timeout(10_000)).catch(() => {});
console.log(JSON.stringify(loaded));
