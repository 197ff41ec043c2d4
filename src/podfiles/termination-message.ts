import { writeFileSync } from "node:fs";

/**
 * Writes the termination message that the kubelet shows for this container; each write replaces the one before.
 * A failure is the caller's to log: it must never replace the error being reported (docs/contract/pod.md#1.3).
 */
export function writeTerminationMessage(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
}
