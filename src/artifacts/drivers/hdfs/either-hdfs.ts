import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import type { Payload } from "../../../http/index.ts";
import { type RetryPolicy, retry } from "../../../retry/index.ts";
import type { ByteRange } from "../../../streams/index.ts";
import type { DriverLog } from "../../driver.ts";
import type { FileStatus, HdfsFiles } from "./files.ts";

/** One of the protocols that a cluster may speak. */
export interface Candidate extends HdfsFiles {
  /** One try, to see whether somebody is there. */
  probe(signal: AbortSignal): Promise<void>;
  /** `RPC at namenode:8020`. */
  readonly name: string;
}

/** Files by the first protocol at which somebody answers: the addresses of a location say which host, not always which port. */
export class EitherHdfs implements HdfsFiles {
  readonly policy: RetryPolicy;
  readonly #candidates: readonly Candidate[];
  readonly #log: DriverLog;
  #chosen: Promise<HdfsFiles> | undefined;

  constructor(candidates: readonly Candidate[], policy: RetryPolicy, log: DriverLog) {
    this.#candidates = candidates;
    this.policy = policy;
    this.#log = log;
  }

  async status(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    return await (await this.#choose(signal)).status(path, signal);
  }

  async *entries(path: string, signal: AbortSignal): AsyncGenerator<readonly [string, FileStatus]> {
    yield* (await this.#choose(signal)).entries(path, signal);
  }

  async makeFolder(path: string, signal: AbortSignal): Promise<boolean> {
    return await (await this.#choose(signal)).makeFolder(path, signal);
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    return await (await this.#choose(signal)).rename(from, to, signal);
  }

  async replace(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    return await (await this.#choose(signal)).replace(from, to, signal);
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await (await this.#choose(signal)).remove(path, signal);
  }

  async removeAlone(path: string, signal: AbortSignal): Promise<boolean> {
    return await (await this.#choose(signal)).removeAlone(path, signal);
  }

  async setModified(path: string, modifiedMs: number, signal: AbortSignal): Promise<void> {
    await (await this.#choose(signal)).setModified(path, modifiedMs, signal);
  }

  async *read(path: string, range: ByteRange, status: FileStatus, signal: AbortSignal) {
    yield* (await this.#choose(signal)).read(path, range, status, signal);
  }

  async write(path: string, payload: Payload, signal: AbortSignal): Promise<void> {
    await (await this.#choose(signal)).write(path, payload, signal);
  }

  [Symbol.dispose](): void {
    for (const candidate of this.#candidates) candidate[Symbol.dispose]();
  }

  async #choose(signal: AbortSignal): Promise<HdfsFiles> {
    // Whoever comes while another one asks waits for that; a failure is asked again.
    this.#chosen ??= retry(this.policy, () => this.#ask(signal), signal);
    try {
      return await this.#chosen;
    } catch (error) {
      this.#chosen = undefined;
      throw error;
    }
  }

  async #ask(signal: AbortSignal): Promise<HdfsFiles> {
    const failures: ExecutorError[] = [];
    for (const candidate of this.#candidates) {
      try {
        await candidate.probe(signal);
        this.#log.debug({ protocol: candidate.name }, "HDFS answers");
        return candidate;
      } catch (error) {
        if (!isAbsent(error)) throw error;
        failures.push(error as ExecutorError);
      }
    }
    const names = this.#candidates.map(({ name }) => name).join(", nor ");
    const text = `nobody of HDFS answers: ${names} (${failures[0]?.message}); check host and port in hdfs.addresses`;
    throw new ExecutorError("Transient", text, { cause: failures[0], reason: "Refused" });
  }
}

/** Nobody listens, or something else does: another protocol's port. */
export function isAbsent(error: unknown): boolean {
  const { reason } = isExecutorError(error) ? error : {};
  return reason === "Refused" || reason === "Unreachable" || reason === "NoHttp" || reason === "PlainHttp";
}
