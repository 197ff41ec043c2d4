import { createHash, argon2 as deriveArgon2 } from "node:crypto";
import { promisify } from "node:util";
import { ExecutorError } from "../../../errors/index.ts";
import type { S3Location } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";

/** The headers that encryption adds to requests. */
export interface Encryption {
  /** For PUT and the start of a multipart upload. */
  forWriting(key: string): Promise<Readonly<Record<string, string>>>;
  /** For parts, HEAD and GET. */
  forBytes(key: string): Promise<Readonly<Record<string, string>>>;
  /** True where the ETag is not the MD5 of the content. */
  readonly hidesMd5: boolean;
}

const none: Encryption = { forWriting: async () => ({}), forBytes: async () => ({}), hidesMd5: false };

/** Reads `encryptionOptions` (docs/contract/artifacts.md#5.1, Encryption); without `enableEncryption` nothing is sent. */
export async function openEncryption(location: S3Location, context: DriverContext): Promise<Encryption> {
  const options = location.encryptionOptions;
  if (options?.enableEncryption !== true) return none;
  const { kmsKeyId = "", kmsEncryptionContext = "", serverSideCustomerKeySecret } = options;
  if (serverSideCustomerKeySecret?.name !== undefined) {
    if (kmsKeyId !== "") {
      throw new ExecutorError(
        "BadRequest",
        "serverSideCustomerKeySecret and kmsKeyId cannot be set together",
      );
    }
    if (location.insecure === true) {
      throw new ExecutorError("BadRequest", "secure must be set if EncryptOpts.SSECPassword is set");
    }
    const password = await context.readSecret(serverSideCustomerKeySecret);
    return customerKey(password, location.bucket ?? "");
  }
  const headers: Record<string, string> =
    kmsKeyId === ""
      ? { "x-amz-server-side-encryption": "AES256" }
      : {
          "x-amz-server-side-encryption": "aws:kms",
          "x-amz-server-side-encryption-aws-kms-key-id": kmsKeyId,
          ...(kmsEncryptionContext === ""
            ? {}
            : { "x-amz-server-side-encryption-context": encodeContext(kmsEncryptionContext) }),
        };
  return { forWriting: async () => headers, forBytes: async () => ({}), hidesMd5: kmsKeyId !== "" };
}

/** SSE-C: every object has a key of its own, which only the password and the object's name lead to. */
function customerKey(password: Uint8Array, bucket: string): Encryption {
  // A derivation takes 64 MiB and some 50 ms: the parts of one object share it, and only one runs at a time.
  let last: { readonly key: string; readonly headers: Promise<Readonly<Record<string, string>>> } | undefined;
  let previous: Promise<unknown> = Promise.resolve();
  const headersFor = (key: string) => {
    if (last?.key === key) return last.headers;
    const headers = previous.then(async () =>
      customerKeyHeaders(await deriveCustomerKey(password, bucket, key)),
    );
    previous = headers.catch(() => {});
    last = { key, headers };
    return headers;
  };
  return { forWriting: headersFor, forBytes: headersFor, hidesMd5: true };
}

const argon2 = promisify(deriveArgon2);

/** Argon2id as minio-go's encrypt.DefaultPBKDF: the salt is the bucket's name followed by the key, without separator. */
export async function deriveCustomerKey(password: Uint8Array, bucket: string, key: string): Promise<Buffer> {
  const salt = Buffer.from(bucket + key);
  if (salt.byteLength < 8) {
    // RFC 9106 section 3.1 asks for 8 bytes and OpenSSL insists on them; the reference's library does not.
    const text = `bucket and key ${JSON.stringify(key)} together are shorter than 8 bytes, too short for a customer key; use a longer key`;
    throw new ExecutorError("BadRequest", text);
  }
  return await argon2("argon2id", {
    message: password,
    nonce: salt,
    passes: 1,
    memory: 64 * 1024,
    parallelism: 4,
    tagLength: 32,
  });
}

function customerKeyHeaders(key: Buffer): Readonly<Record<string, string>> {
  const name = "x-amz-server-side-encryption-customer";
  return {
    [`${name}-algorithm`]: "AES256",
    [`${name}-key`]: key.toString("base64"),
    [`${name}-key-md5`]: createHash("md5").update(key).digest("base64"),
  };
}

function encodeContext(text: string): string {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(text))).toString("base64");
  } catch (error) {
    throw new ExecutorError("BadRequest", `failed to parse KMS encryption context: ${String(error)}`, {
      cause: error,
    });
  }
}
