import { ExecutorError } from "../../../errors/index.ts";
import type { S3Location } from "../../../template/index.ts";
import { type AddressingStyle, type Endpoint, parseEndpoint } from "./endpoint.ts";

/** An S3 location, checked. */
export interface S3Config {
  readonly endpoint: Endpoint;
  readonly bucket: string;
  /** Undefined: taken from the endpoint's name, or learned from the first answer. */
  readonly region: string | undefined;
  readonly addressingStyle: AddressingStyle;
}

export function readS3Config(location: S3Location): S3Config {
  const endpoint = parseEndpoint(location.endpoint ?? "", location.insecure === true);
  const bucket = location.bucket ?? "";
  if (bucket === "") throw new ExecutorError("BadRequest", "the s3 location names no bucket");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw new ExecutorError(
      "BadRequest",
      `the s3 location's bucket ${JSON.stringify(bucket)} is not a bucket name`,
    );
  }
  const style = location.addressingStyle;
  return {
    endpoint,
    bucket,
    region: location.region === undefined || location.region === "" ? endpoint.region : location.region,
    addressingStyle: style === "path" || style === "virtual-hosted" ? style : "auto",
  };
}
