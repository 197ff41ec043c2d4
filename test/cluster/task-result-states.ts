import { isExecutorError } from "../../src/errors/index.ts";
import type { KubeClient } from "../../src/kube/index.ts";
import type { KubeObject } from "./recorded-pod.ts";
import { type WatchEvent, watchEvents } from "./watch-events.ts";

/** Every state of a task result, in order, from before its pod is made. */
export class TaskResultStates implements Disposable {
  readonly #kube: KubeClient;
  readonly #path: string;
  readonly #states: KubeObject[] = [];
  readonly #watching = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();

  private constructor(kube: KubeClient, path: string) {
    this.#kube = kube;
    this.#path = path;
  }

  /** Resolves when the server watches: what happens from then on is seen. */
  static async watch(kube: KubeClient, collection: string, name: string): Promise<TaskResultStates> {
    const states = new TaskResultStates(kube, `${collection}/${name}`);
    const { signal } = states.#watching;
    const events = await watchEvents<KubeObject>(kube, { collection, name }, signal);
    states.#reading = states.#read(events).catch((error) => {
      if (!signal.aborted) throw error;
    });
    states.#reading.catch(() => {});
    return states;
  }

  /**
   * Ends the watch once it has shown the state that the object has now. The end of a pod is seen before its last
   * report where this process is slower than the kubelet: without the wait that report would be missing.
   */
  async end(): Promise<readonly KubeObject[]> {
    const version = await this.#currentVersion();
    while (
      version !== undefined &&
      !this.#states.some(({ metadata }) => metadata.resourceVersion === version)
    ) {
      await Promise.race([this.#changed.promise, this.#reading.then(() => this.#endedTooEarly())]);
    }
    this.#watching.abort();
    await this.#reading;
    return this.#states;
  }

  [Symbol.dispose](): void {
    this.#watching.abort();
  }

  async #read(events: AsyncIterable<WatchEvent<KubeObject>>): Promise<void> {
    for await (const { type, object } of events) {
      if (type === "ADDED" || type === "MODIFIED") this.#states.push(object);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers<void>();
    }
  }

  async #currentVersion(): Promise<string | undefined> {
    try {
      const request = { method: "GET", path: this.#path } as const;
      const { metadata } = await this.#kube.request<KubeObject>(request, new AbortController().signal);
      return metadata.resourceVersion;
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #endedTooEarly(): never {
    throw new Error(`the watch of ${this.#path} ended before it had shown the last state`);
  }
}
