import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import type { PodPaths } from "../podfiles/index.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const tokenLength = 32;

/**
 * Gives each plugin sidecar a token in `DIR/NAME/token`, which the sidecar sees as `/var/run/argo/token`
 * (docs/contract/roles.md#1.3). A token that is there stays: the plugin may have read it already
 * (docs/contract/roles.md#D-05). Modes are 0755 and 0444, so that plugins under any user can read theirs; each sees
 * only its own folder.
 */
export function issuePluginTokens(paths: PodPaths, names: readonly string[]): void {
  for (const name of names) {
    const path = paths.pluginToken(checkName(name));
    const folder = dirname(path);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    if (existsSync(path)) continue;
    writeFileSync(`${path}.new`, randomToken());
    chmodSync(`${path}.new`, 0o444);
    renameSync(`${path}.new`, path);
  }
}

function checkName(name: string): string {
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return name;
  throw new ExecutorError(
    "BadRequest",
    `ARGO_PLUGIN_NAMES must list container names, not ${JSON.stringify(name)}`,
  );
}

/** From the kernel's file: loading node:crypto costs more CPU than all of `agent init` may take. */
function randomToken(): string {
  const file = openSync("/dev/urandom", "r");
  const even = 256 - (256 % alphabet.length);
  let token = "";
  try {
    const bytes = Buffer.alloc(2 * tokenLength);
    while (token.length < tokenLength) {
      readSync(file, bytes);
      // Bytes beyond the largest multiple would make some characters likelier.
      for (const byte of bytes) if (byte < even) token += alphabet.charAt(byte % alphabet.length);
    }
  } finally {
    closeSync(file);
  }
  return token.slice(0, tokenLength);
}
