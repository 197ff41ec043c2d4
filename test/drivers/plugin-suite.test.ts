import { describe } from "node:test";
import { pluginPython, startPlugin } from "../servers/artifact-plugin.ts";
import { describeDriver, type Limits } from "./suite.ts";
import { surroundings } from "./surroundings.ts";

const cannot: Limits = {
  details: "a plugin's listing has names alone",
  buckets: "the plugin's configuration names a folder, and no identity",
  faults: "the way is a socket on the pod's own volume; test/plugins/hostile has plugins that are wrong",
};

const python = await pluginPython();

for (const [name, args] of [
  ["plugin that takes streams", []],
  ["plugin that reads files only", ["--no-streams"]],
] as const) {
  if ("missing" in python) {
    describe(name, { skip: python.missing });
    continue;
  }
  describeDriver(
    name,
    async (t) => {
      const { places, configuration } = await startPlugin(t, python.program, ...args);
      return {
        context: { ...surroundings(), plugins: places },
        artifact: (key) => ({
          name: "artifact",
          path: "/out/artifact",
          plugin: { name: "demo", configuration, key },
        }),
      };
    },
    cannot,
  );
}
