import { isExecutorError } from "../../errors/index.ts";
import {
  type Channel,
  deleteObjects,
  hasObjects,
  listObjects,
  type ObjectStore,
} from "../../transfer/index.ts";
import type { StorePlace } from "../workflows/index.ts";
import type { OrphanRepository, StoredObject } from "./repository.ts";

export interface RepositoryPlace extends StorePlace {
  readonly title: string;
  readonly prefix: string;
  readonly keyFormat: string;
}

/** A repository in an object store, whose requests go through the channel: repeated, and as many at once as are good. */
export function storeRepository(
  place: RepositoryPlace,
  store: ObjectStore,
  channel: Channel,
): OrphanRepository {
  const { type, endpoint, bucket, title, prefix, keyFormat } = place;
  const head = async (key: string, signal: AbortSignal): Promise<StoredObject | undefined> => {
    try {
      return await channel.request(() => store.head(key, signal), signal);
    } catch (error) {
      if (isExecutorError(error, "NotFound")) return undefined;
      throw error;
    }
  };
  return {
    type,
    endpoint,
    bucket,
    title,
    prefix,
    keyFormat,
    async *list(signal) {
      for await (const object of listObjects(store, prefix, channel, signal)) {
        if (!object.isFolder) yield object;
      }
    },
    head,
    async has(key, signal) {
      if (!key.endsWith("/") && (await head(key, signal)) !== undefined) return true;
      return await hasObjects(store, key.endsWith("/") ? key : `${key}/`, channel, signal);
    },
    delete: (keys, signal) => deleteObjects(store, keys, channel, signal),
  };
}
