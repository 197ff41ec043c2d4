import { once } from "node:events";
import { connect } from "node:net";
import { ExecutorError, errorText, isExecutorError } from "../../../../errors/index.ts";

const answerBytesMax = 1024 * 1024;
const answerTimeoutMs = 10_000;

/** Asks one key distribution centre after the other over TCP (RFC 4120 section 7.2.2). @throws Transient if none answers. */
export async function askKdc(
  kdcs: readonly { readonly host: string; readonly port: number }[],
  request: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  let failure: unknown;
  for (const kdc of kdcs) {
    try {
      return await ask(kdc, request, AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]));
    } catch (error) {
      signal.throwIfAborted();
      const why = isExecutorError(error) ? error.message : errorText(error);
      failure = new ExecutorError("Transient", `Kerberos: ${kdc.host}:${kdc.port}: ${why}`, { cause: error });
    }
  }
  throw failure;
}

async function ask(
  { host, port }: { readonly host: string; readonly port: number },
  request: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const socket = connect({ host, port });
  const onAbort = () => socket.destroy(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await once(socket, "connect");
    const head = Buffer.alloc(4);
    head.writeUInt32BE(request.length);
    socket.write(Buffer.concat([head, request]));
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) continue;
      const length = received.readUInt32BE(0);
      if (length > answerBytesMax) break;
      if (received.length >= 4 + length) return received.subarray(4, 4 + length);
    }
    throw new ExecutorError("Transient", "no whole answer");
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.on("error", () => {});
    socket.destroy();
  }
}
