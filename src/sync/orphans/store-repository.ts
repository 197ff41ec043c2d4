import { locationType } from "../../template/index.ts";
import { hasObjects } from "../../transfer/index.ts";
import type { Repository } from "../repository/index.ts";
import { defaultKeyFormat, placeOf } from "../workflows/index.ts";
import type { OrphanRepository } from "./repository.ts";

/** A repository as looking for orphans sees it; its key format is the one given, its own, or the controller's default. */
export function orphanRepository(repository: Repository, keyFormat: string | undefined): OrphanRepository {
  const { location, prefix, name, store, channel } = repository;
  const place = placeOf({ ...location }) ?? { type: "s3", endpoint: "", bucket: "" };
  const title = location === undefined ? name : `${locationType(location)} ${place.endpoint} ${name}`;
  return {
    ...place,
    title,
    prefix,
    keyFormat: keyFormat ?? repository.keyFormat ?? defaultKeyFormat,
    list: (signal) => repository.list({}, signal),
    head: (key, signal) => repository.head(key, signal),
    async has(key, signal) {
      if (!key.endsWith("/") && (await repository.head(key, signal)) !== undefined) return true;
      return await hasObjects(store, key.endsWith("/") ? key : `${key}/`, channel, signal);
    },
    delete: (keys, signal) => repository.delete(keys, signal),
  };
}
