import { spawn } from "node:child_process";

/**
 * Waits for the end of its standard input, then ends every process of the pod and removes its folder. Loops, for what is
 * being killed may have started something; grep reads environments as binary files (`-a`).
 */
const script = `
while read -r line; do :; done
for round in 1 2 3; do
  for file in /proc/[0-9]*/environ; do
    grep -qaF "ARGOEXEC_ROOT=$1/" "$file" || continue
    pid=\${file#/proc/}
    kill -9 "\${pid%/environ}"
  done
done
rm -rf "$1"
`;

/**
 * Sees to it that nothing of a pod outlives this process, even if that is killed outright: a shell holds the other end of
 * a pipe, and acts when ours has gone.
 * @param root the pod's private folder; the roots of its containers are below it
 */
export function startWatchdog(root: string): Disposable {
  const shell = spawn("sh", ["-c", script, "sh", root], {
    cwd: "/",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is no watchdog, and still a pod; while it waits it keeps nobody from ending.
  shell.on("error", () => undefined);
  shell.unref();
  return {
    [Symbol.dispose]() {
      shell.kill("SIGKILL");
      shell.stdin.destroy();
    },
  };
}
