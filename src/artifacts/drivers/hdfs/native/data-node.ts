import { Duplex } from "node:stream";
import { ExecutorError } from "../../../../errors/index.ts";
import { DigestMd5, type Quality, type Seal } from "./digest-md5.ts";
import { type Address, dial, Pipe } from "./pipe.ts";
import { delimited, Fields, Message } from "./wire.ts";

/** How data nodes are spoken to. */
export interface DataAccess {
  /** The least protection that is accepted; undefined: the cluster believes everybody, and so do we. */
  readonly protection: Quality | undefined;
}

/** SASL_TRANSFER_MAGIC_NUMBER. */
const magic = Buffer.from([0xde, 0xad, 0xbe, 0xef]);
/** Only root can listen below, which Hadoop takes for a proof of its own. */
const privilegedPortMax = 1023;
/** What is sealed at once. */
const sealedBytes = 60 * 1024;

/** A connection to a data node, on which the block's token has been proved where the cluster wants that. */
export async function openDataNode(
  address: Address,
  token: Buffer,
  { protection }: DataAccess,
  during: string,
  signal: AbortSignal,
): Promise<Pipe> {
  const pipe = new Pipe(await dial(address, during, signal), during);
  const isTrusted = address.port <= privilegedPortMax && protection === "auth";
  if (protection === undefined || isTrusted) return pipe;
  try {
    const seal = await prove(pipe, token, protection);
    return seal === undefined ? pipe : new Pipe(new SealedStream(pipe, seal), during);
  } catch (error) {
    pipe.destroy();
    throw error;
  }
}

async function prove(pipe: Pipe, token: Buffer, least: Quality): Promise<Seal | undefined> {
  const fields = new Fields(token);
  const credentials = {
    username: fields.bytes(1).toString("base64"),
    password: fields.bytes(2).toString("base64"),
    uri: "hdfs/0",
  };
  await pipe.write(magic, delimited(handshake("")));
  const digest = new DigestMd5(credentials, await said(pipe), least);
  await pipe.write(delimited(handshake(digest.response())));
  return digest.accept(await said(pipe));
}

/** DataTransferEncryptorMessageProto. */
function handshake(payload: string): Message {
  return new Message().number(1, 0).text(2, payload);
}

async function said(pipe: Pipe): Promise<string> {
  const answer = await pipe.readMessage();
  if (answer.number(1) === 0) return answer.text(2);
  const text = answer
    .text(3)
    .replace(/\p{Cc}/gu, " ")
    .slice(0, 300);
  throw new ExecutorError("Unauthorized", `the data node does not take the block's token: ${text}`);
}

/** The bytes of a connection inside sealed frames, each behind its length. */
class SealedStream extends Duplex {
  readonly #pipe: Pipe;
  readonly #seal: Seal;

  constructor(pipe: Pipe, seal: Seal) {
    super({ highWaterMark: 256 * 1024 });
    this.#pipe = pipe;
    this.#seal = seal;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const frames: Buffer[] = [];
    for (let at = 0; at < chunk.byteLength; at += sealedBytes) {
      const sealed = this.#seal.wrap(chunk.subarray(at, at + sealedBytes));
      const length = Buffer.alloc(4);
      length.writeInt32BE(sealed.byteLength);
      frames.push(length, sealed);
    }
    this.#pipe.write(...frames).then(() => done(), done);
  }

  override _read(): void {
    this.#pipe.readFrame().then(
      (frame) => {
        try {
          this.push(this.#seal.unwrap(frame));
        } catch (error) {
          this.destroy(error as Error);
        }
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pipe.destroy();
    done(error);
  }
}
