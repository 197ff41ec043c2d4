import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** System calls that some volumes refuse, by the errno they answer with; numbers are the kernel's. */
const refusals = {
  bind: ["SYS_bind", "EPERM"],
  flock: ["SYS_flock", "ENOLCK"],
} as const;

/** A command in front of another one, which then runs as on a volume that cannot do these things. */
export function without(...calls: readonly (keyof typeof refusals)[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "argoexec-without-"));
  const program = join(folder, "without");
  execFileSync("cc", ["-o", program, join(import.meta.dirname, "without.c")]);
  return [program, ...calls.flatMap((call) => refusals[call].map(numberOf)), "--"];
}

/** The compiler knows its system's numbers. */
function numberOf(name: string): string {
  const headers = "#include <sys/syscall.h>\n#include <errno.h>\n";
  const text = execFileSync("cc", ["-E", "-P", "-x", "c", "-"], {
    input: `${headers}value = ${name};\n`,
    encoding: "utf8",
  });
  const [, number] = /value = (\d+);/.exec(text) ?? [];
  if (number === undefined)
    throw new Error(`${name} has no number: ${readFileSync("/proc/version", "utf8")}`);
  return number;
}
