import { ExecutorError, isExecutorError } from "../../errors/index.ts";
import {
  copiesInParts,
  copyInParts,
  type ObjectAttributes,
  type ObjectInfo,
  relayObject,
} from "../../transfer/index.ts";
import type { ListedObject, Repository } from "../repository/index.ts";
import { targetKeyOf } from "./target-key.ts";

export interface CopyTools {
  readonly source: Repository;
  readonly target: Repository;
  /** Parts of one object in flight. */
  readonly threads: number;
  /** Larger objects are copied inside their service part by part; none is copied whole that is larger than its store says. */
  readonly copyBytesMax: number;
  /** The content type of what has none, by its key. */
  contentType(key: string): Promise<string>;
}

/** How an object came to the target. */
export type CopyWay = "relayed" | "copied inside the service" | "gone from the source";

/** An object that is replaced again and again while it is read is given up for this run. */
const replacementsMax = 3;

/** Copies objects from one repository to another: inside their service where that is possible, else through memory. */
export class Copier {
  readonly #tools: CopyTools;
  #copiesInside: boolean;
  #copiesParts: boolean;

  constructor(tools: CopyTools) {
    this.#tools = tools;
    this.#copiesParts = copiesInParts(tools.target.store);
    this.#copiesInside = tools.target.store.copiesFrom?.(tools.source.store) ?? false;
  }

  /** Makes the target's object equal to what the source has under the key now. */
  async copy(object: ListedObject, signal: AbortSignal): Promise<CopyWay> {
    let current = object;
    for (let replacements = 0; ; replacements += 1) {
      try {
        return await this.#copyOnce(current, signal);
      } catch (error) {
        if (!isExecutorError(error, "Conflict", "NotFound") || replacements === replacementsMax) throw error;
        const now = await this.#tools.source.head(object.key, signal);
        if (now === undefined) return "gone from the source";
        current = now;
      }
    }
  }

  async #copyOnce(object: ListedObject, signal: AbortSignal): Promise<CopyWay> {
    const key = targetKeyOf(this.#tools, object.key);
    if (this.#copiesInside && (await this.#copyInside(object, key, signal)))
      return "copied inside the service";
    const { source, target, threads } = this.#tools;
    const options = {
      threads,
      partBytes: partBytesOf(object, source.channel.memory.totalBytes),
      defaultAttributes: async (name: string): Promise<ObjectAttributes> => ({
        contentType: await this.#tools.contentType(name),
      }),
    };
    const { store, channel } = source;
    await relayObject(
      { store, channel, info: object },
      { store: target.store, channel: target.channel, key },
      options,
      signal,
    );
    return "relayed";
  }

  /** False where the service does not do it: not for this object, or for this identity not at all. */
  async #copyInside(object: ListedObject, key: string, signal: AbortSignal): Promise<boolean> {
    const { store } = this.#tools.target;
    const wholeMax = Math.min(
      this.#tools.copyBytesMax,
      store.limits.copyBytesMax ?? Number.POSITIVE_INFINITY,
    );
    const goesInParts = object.sizeBytes > wholeMax && this.#copiesParts;
    try {
      if (goesInParts) await this.#copyParts(object, key, signal);
      else await this.#copyWhole(object, key, signal);
      return true;
    } catch (error) {
      if (isExecutorError(error, "TooLarge")) return false;
      // One identity may not read there and write here, or the service has no such request.
      if (!isExecutorError(error, "Unsupported", "Forbidden", "Unauthorized", "BadRequest")) throw error;
      if (goesInParts) this.#copiesParts = false;
      else this.#copiesInside = false;
      return false;
    }
  }

  async #copyWhole(object: ListedObject, key: string, signal: AbortSignal): Promise<void> {
    const { source, target } = this.#tools;
    const { store, channel } = target;
    if (store.copy === undefined)
      throw new ExecutorError("Unsupported", "the store copies nothing by itself");
    const copy = store.copy.bind(store);
    await channel.laneRequest(0, () => copy(source.store, object, key, signal), signal);
  }

  /** What is kept beside the bytes has to be asked for: parts bring none of it. */
  async #copyParts(object: ListedObject, key: string, signal: AbortSignal): Promise<void> {
    const { source, target, threads, contentType } = this.#tools;
    const now = await source.head(object.key, signal);
    if (now === undefined || now.etag !== object.etag)
      throw new ExecutorError("Conflict", `${object.key} was replaced before it was copied`);
    const attributes = now.attributes ?? { contentType: await contentType(object.key) };
    const partBytes = partBytesOf(object, Number.POSITIVE_INFINITY);
    await copyInParts(
      { store: source.store, info: object },
      { store: target.store, channel: target.channel, key },
      { threads, partBytes, attributes },
      signal,
    );
  }
}

const mib = 1024 * 1024;
/** What uploaders use, ours first. */
const usualPartsMib = [16, 8, 5, 64, 128, 32, 10, 15, 25, 50, 100, 256, 512];

/**
 * The size of parts that the source was uploaded in, as far as its tag and size tell: with the same parts the copy gets
 * the same tag, and the next run sees by the listings alone that nothing has changed.
 */
export function partBytesOf({ etag = "", sizeBytes }: ObjectInfo, memoryBytes: number): number | undefined {
  const parts = Number(/^"?[0-9a-f]{32}-(\d{1,5})"?$/.exec(etag)?.[1]);
  if (!(parts > 1)) return undefined;
  const fits = (partMib: number) => Math.ceil(sizeBytes / (partMib * mib)) === parts;
  const usual = usualPartsMib.find(fits) ?? Math.ceil(sizeBytes / parts / mib);
  return fits(usual) && usual * mib <= memoryBytes / 4 ? usual * mib : undefined;
}

/** For objects that a target's store says it cannot hold. */
export function isHopeless(error: unknown): boolean {
  return error instanceof ExecutorError && ["Unsupported", "BadRequest", "TooLarge"].includes(error.code);
}
