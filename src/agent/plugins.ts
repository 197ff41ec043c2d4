import { ExecutorError, errorText } from "../errors/index.ts";
import { HttpClient, payloadOf, readText, translateNetworkError } from "../http/index.ts";
import type { Logger } from "../log/index.ts";
import { doublingPauses, exponential, retry } from "../retry/index.ts";
import { type PluginReply, readPluginReply } from "./plugin-reply.ts";
import { isTerminal, type Outcome, type Task } from "./tasks.ts";

/** A plugin's sidecar: where it listens, and the token that `agent init` gave it. */
export interface PluginAddress {
  readonly url: string;
  readonly token: string;
}

/** What plugins are told about the workflow. */
export interface WorkflowIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

const attemptTimeoutMs = 30_000;
const policy = exponential({ attempts: 5, durationMs: 1000, factor: 2, jitter: 0.2 });
/** Sidecars pull images and load frameworks after the agent has begun: until the first answer, refusals mean "not yet". */
const startMsMax = 120_000;
const startPauseMs = 250;
const replyBytesMax = 4 * 1024 * 1024;

/** The executor plugins of the pod, asked in order until one takes the task (docs/contract/roles.md#1.9). */
export class Plugins implements Disposable {
  readonly #plugins: readonly Plugin[];
  readonly #workflow: WorkflowIdentity;

  constructor(
    addresses: readonly PluginAddress[],
    workflow: WorkflowIdentity,
    userAgent: string,
    log: Pick<Logger, "info">,
  ) {
    this.#plugins = addresses.map((address) => new Plugin(address, userAgent, log));
    this.#workflow = workflow;
  }

  /** Failures are results. Throws only when `signal` tells to stop. */
  async run({ template }: Task, signal: AbortSignal): Promise<Outcome> {
    const { name, namespace, uid } = this.#workflow;
    const body = JSON.stringify({
      workflow: { metadata: { name, namespace, uid } },
      template: withObjects(template),
    });
    try {
      for (const plugin of this.#plugins) {
        const reply = await plugin.execute(body, signal);
        if (reply?.node !== undefined) return outcomeOf(reply.node, reply.requeueMs);
      }
      return { result: { phase: "Failed", message: "no plugin executed the template" } };
    } catch (error) {
      signal.throwIfAborted();
      return { result: { phase: "Failed", message: errorText(error) } };
    }
  }

  [Symbol.dispose](): void {
    for (const plugin of this.#plugins) plugin[Symbol.dispose]();
  }
}

/** Plugins may rely on these three being objects. */
function withObjects(template: Task["template"]): object {
  return { inputs: {}, outputs: {}, metadata: {}, ...template };
}

function outcomeOf({ phase, ...node }: NonNullable<PluginReply["node"]>, requeueMs: number): Outcome {
  if (phase === "") {
    if (requeueMs > 0) return { requeueMs };
    // The node would stay as it is for ever (docs/contract/roles.md#D-07).
    return {
      result: {
        phase: "Error",
        message: "the plugin answered with a node that has no phase, and no requeue",
      },
    };
  }
  const result = { phase, ...node };
  return isTerminal(phase) || requeueMs <= 0 ? { result } : { result, requeueMs };
}

class Plugin implements Disposable {
  readonly #address: PluginAddress;
  readonly #userAgent: string;
  readonly #log: Pick<Logger, "info">;
  readonly #http = new HttpClient({ idleTimeoutMs: 0 });
  readonly #startedMs = performance.now();
  #hasAnswered = false;
  #isWaitedFor = false;
  /** It said 404: it has no such method, and is not asked again. */
  #isUnsupported = false;

  constructor(address: PluginAddress, userAgent: string, log: Pick<Logger, "info">) {
    this.#address = address;
    this.#userAgent = userAgent;
    this.#log = log;
  }

  /** Undefined: the plugin does not execute templates. Throws what fails the node. */
  async execute(body: string, signal: AbortSignal): Promise<PluginReply | undefined> {
    if (this.#isUnsupported) return undefined;
    return retry(policy, () => this.#whenStarted(body, signal), signal);
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  async #whenStarted(body: string, signal: AbortSignal): Promise<PluginReply | undefined> {
    const isStarting = () => !this.#hasAnswered && performance.now() - this.#startedMs < startMsMax;
    const policy = {
      pauses: doublingPauses(startPauseMs, startPauseMs, 0),
      repeats: ({ reason }: ExecutorError) => reason === "Refused" && isStarting(),
    };
    const onRetry = () => {
      if (!this.#isWaitedFor) this.#log.info({ url: this.#address.url }, "the plugin does not listen yet");
      this.#isWaitedFor = true;
    };
    return retry(policy, () => this.#attempt(body, signal), signal, { onRetry });
  }

  async #attempt(body: string, signal: AbortSignal): Promise<PluginReply | undefined> {
    const { origin, pathname } = new URL(this.#address.url);
    const path = `${pathname.replace(/\/$/, "")}/api/v1/template.execute`;
    const title = `Post ${JSON.stringify(origin + path)}`;
    const payload = payloadOf(Buffer.from(body));
    const limit = new AbortController();
    const onStop = () => limit.abort(signal.reason);
    signal.addEventListener("abort", onStop, { once: true });
    const timer = setTimeout(() => limit.abort(timeout(title)), attemptTimeoutMs);
    try {
      const headers = {
        "Content-Type": "application/json",
        Authorization: `Bearer ${this.#address.token}`,
        "Content-Length": String(payload.sizeBytes),
        "User-Agent": this.#userAgent,
      };
      const response = await this.#http.request(
        { method: "POST", origin, path, headers, payload, during: title },
        limit.signal,
      );
      this.#hasAnswered = true;
      const text = await readText(response.body, replyBytesMax + 1, {
        during: title,
        stallTimeoutMs: attemptTimeoutMs,
      });
      return this.#read(response.status, response.statusText, text);
    } catch (error) {
      signal.throwIfAborted();
      throw translateNetworkError(error, title);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onStop);
    }
  }

  #read(status: number, statusText: string, text: string): PluginReply | undefined {
    if (status === 404) {
      this.#isUnsupported = true;
      return undefined;
    }
    if (status === 503) throw new ExecutorError("Transient", text);
    if (status !== 200)
      throw new ExecutorError("BadRequest", `${status} ${statusText}: ${text.slice(0, 4096)}`);
    if (text.length > replyBytesMax) {
      throw new ExecutorError("TooLarge", `the plugin's reply is larger than ${replyBytesMax} bytes`);
    }
    return readPluginReply(text);
  }
}

function timeout(title: string): ExecutorError {
  return new ExecutorError("Transient", `${title}: context deadline exceeded`);
}
