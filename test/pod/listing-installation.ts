import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { program as built } from "./desk.ts";
import { temporary } from "./servers.ts";

const project = resolve(import.meta.dirname, "../..");

/** Our logger, with what it brings: every role has it, and the bundle leaves out what it does not need. */
const logger =
  /^(pino|pino-.*|@pinojs.*|sonic-boom|quick-format-unescaped|atomic-sleep|on-exit-leak-free|thread-stream|real-require|safe-stable-stringify|process-warning)$/;

/** The static program in a folder of its own, with an empty one for the rest of an installation. */
export function startInstallation(t: TestContext) {
  const prefix = mkdtempSync(join(temporary, "installed-"));
  t.after(() => rmSync(prefix, { recursive: true, force: true }));
  const [program, lib] = [join(prefix, "bin/argoexec"), join(prefix, "lib/argoexec")];
  for (const folder of [dirname(program), lib]) mkdirSync(folder, { recursive: true });
  copyFileSync(built, program);
  return { prefix, program, lib };
}

/** An installation of the static program that runs the sources, and writes down which of them each process loads. */
export class ListingInstallation {
  readonly program: string;
  readonly #list: string;

  constructor(t: TestContext) {
    const { prefix, program, lib } = startInstallation(t);
    this.program = program;
    this.#list = join(prefix, "list");
    symlinkSync(realpathSync(process.execPath), join(lib, "node"));
    writeFileSync(join(lib, "node.flags"), "--disable-warning=ExperimentalWarning\n");
    writeFileSync(join(lib, "argoexec.cjs"), entry(this.#list));
    // What goes onto a pod's volume with it (src/inputs/place-runtime.ts).
    for (const file of ["main.js", "parts.json"]) writeFileSync(join(lib, file), "");
    for (const folder of ["parts", "vendor"]) mkdirSync(join(lib, folder));
    writeFileSync(this.#list, "");
  }

  /**
   * Areas of the project, and packages, by command: whether wait was started again when main had ended, or had nothing to
   * sleep for, is a matter of speed.
   */
  get loadedByRole(): Readonly<Record<string, readonly string[]>> {
    const urls = new Map<string, string[]>();
    for (const line of readFileSync(this.#list, "utf8").trim().split("\n")) {
      const [command = "", url = ""] = line.split(" ");
      urls.set(command, [...(urls.get(command) ?? []), url]);
    }
    return Object.fromEntries([...urls].map(([command, loaded]) => [command, areasOf(loaded)]));
  }
}

function entry(list: string): string {
  return `
const { registerHooks } = require("node:module");
const { appendFileSync } = require("node:fs");
const command = process.argv[2];
registerHooks({
  load(url, context, next) {
    appendFileSync(${JSON.stringify(list)}, command + " " + url + "\\n");
    return next(url, context);
  },
});
import(${JSON.stringify(join(project, "cmd/main.ts"))});
`;
}

/** What of the project every role may load: small, or spoken to by all. */
const inEveryRole = ["errors", "files", "log", "podfiles", "template", "retry", "streams", "limits"];

/** `agent` for src/agent, `drivers/s3`, `languages/jq`, and names of packages: what was loaded besides what all roles load. */
export function areasOf(urls: readonly string[]): readonly string[] {
  const areas = new Set(urls.flatMap((url) => areaOf(url) ?? []));
  return [...areas].filter((area) => !inEveryRole.includes(area)).sort();
}

function areaOf(url: string): string | undefined {
  const package_ = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (package_ !== undefined) return logger.test(package_) ? undefined : package_;
  const language = /\/(languages\/[^/]+)\//.exec(url)?.[1];
  if (language !== undefined) return language;
  const driver = /\/src\/artifacts\/(drivers\/[^/]+)\//.exec(url)?.[1];
  if (driver !== undefined) return driver;
  // Spans are made everywhere; what records and sends them is another matter.
  if (/\/src\/tracing\/(index|span|trace-parent)\.ts$/.test(url)) return undefined;
  return /\/src\/([^/]+)\//.exec(url)?.[1];
}
