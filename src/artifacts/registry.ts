import { ExecutorError } from "../errors/index.ts";
import type { ArtifactLocation } from "../template/index.ts";
import type { ArtifactDriver, DriverContext } from "./driver.ts";
import { withLogging } from "./logging.ts";
import { unsupportedType } from "./unsupported.ts";

/** The order in which the first location that is present chooses the driver (contract artifacts.md 1). */
const driverOrder = [
  "s3",
  "http",
  "git",
  "artifactory",
  "hdfs",
  "raw",
  "oss",
  "gcs",
  "azure",
  "plugin",
] as const;

type NamedLocation = ArtifactLocation & { readonly name?: string };

/**
 * Opens the driver of a (relocated) location. Only the code of that store is loaded. An artifact serves as its own location; its name is for messages.
 * @throws BadRequest where the location names no store or is wrong, Unsupported for a store that is not built yet.
 */
export async function openDriver(location: NamedLocation, context: DriverContext): Promise<ArtifactDriver> {
  return withLogging(await openBareDriver(location, context), context.log);
}

async function openBareDriver(location: NamedLocation, context: DriverContext): Promise<ArtifactDriver> {
  const type = driverOrder.find((each) => location[each] !== undefined && location[each] !== null);
  switch (type) {
    case "s3": {
      const { openS3Driver } = await import("./drivers/s3/driver.ts");
      return await openS3Driver(location.s3 ?? {}, context);
    }
    case "http": {
      const { openHttpDriver } = await import("./drivers/http/driver.ts");
      return await openHttpDriver(location.http ?? {}, context);
    }
    case "artifactory": {
      const { openArtifactoryDriver } = await import("./drivers/http/driver.ts");
      return await openArtifactoryDriver(location.artifactory ?? {}, context);
    }
    case "raw": {
      const { openRawDriver } = await import("./drivers/raw/driver.ts");
      return openRawDriver(location.raw ?? {});
    }
    case "plugin": {
      const { openPluginDriver } = await import("./drivers/plugin/driver.ts");
      return openPluginDriver(location.plugin ?? {}, context);
    }
    case undefined:
      throw new ExecutorError(
        "BadRequest",
        `Unsupported artifact driver for ${location.name ?? "the artifact"}`,
      );
    default:
      throw unsupportedType(type);
  }
}
