import { runManifest } from "../pod/desk.ts";
import { type Servers, startServers } from "../pod/servers.ts";
import type { TestPod } from "../pod/test-pod.ts";
import type { ChaosEnd, ChaosPod, ChaosTaskResult, Stage } from "./pod.ts";
import { childrenOf, nodeBelow, type Victim } from "./processes.ts";
import { type Layout, workload } from "./workload.ts";

/** The desk's kubelet: containers are processes of this machine, and everything around them is ours. */
export const desk: Stage = {
  slackSeconds: 0,
  startServers: async (cleanup) => {
    const servers = await startServers(cleanup);
    const startPod = async (layout: Layout, volumes: Readonly<Record<string, string>>) => {
      const manifest = workload(layout, servers.store.endpoint, volumes);
      return new DeskChaosPod(await runManifest(cleanup, manifest, servers));
    };
    return { servers, startPod };
  },
};

class DeskChaosPod implements ChaosPod {
  readonly servers: Servers;
  readonly nodeId: string;
  readonly ended: Promise<ChaosEnd>;
  readonly #pod: TestPod;

  constructor(pod: TestPod) {
    this.#pod = pod;
    this.servers = pod.servers;
    this.nodeId = pod.nodeId;
    this.ended = this.#end();
    this.ended.catch(() => undefined);
  }

  onNode(path: string): string {
    return this.#pod.path("main", path);
  }

  async isRunning(container: string): Promise<boolean> {
    return this.#pod.container(container).isRunning;
  }

  async firstProcess(container: string): Promise<number> {
    return this.#pod.container(container).pid;
  }

  async nodeOf(container: string): Promise<number | undefined> {
    return nodeBelow(this.#pod.container(container).pid);
  }

  /** The kernel's own killer would take other processes of this machine, too: every process of the container is killed. */
  async kill(container: string, victim: Victim): Promise<void> {
    const { pid } = this.#pod.container(container);
    switch (victim) {
      case "first process":
        this.#pod.container(container).signal("SIGKILL");
        break;
      case "container":
        this.#pod.container(container).killAll();
        break;
      case "child": {
        const [child] = childrenOf(pid);
        if (child === undefined) throw new Error(`${container} has no child to kill`);
        process.kill(child, "SIGKILL");
      }
    }
  }

  async delete(graceSeconds: number): Promise<void> {
    await this.#pod.desk.stop(graceSeconds * 1000);
  }

  log(container: string): string {
    return this.#pod.log(container);
  }

  async taskResult(): Promise<ChaosTaskResult | undefined> {
    return this.#pod.taskResult();
  }

  async #end(): Promise<ChaosEnd> {
    const codes = await this.#pod.codes();
    const messages: Record<string, string> = {};
    for (const name of Object.keys(codes)) {
      const message = await this.#pod.message(name);
      if (message !== "") messages[name] = message;
    }
    return { codes, messages };
  }
}
