import { ExecutorError } from "../../../../errors/index.ts";
import type { GssContext } from "../kerberos/index.ts";
import { Fields, Message } from "./wire.ts";

/** What the messages of a negotiation are there for (RpcSaslProto). */
const states = { success: 0, negotiate: 1, initiate: 2, challenge: 3, response: 4, wrap: 5 } as const;
/** Layers of RFC 4752 section 3.3, the weakest first. */
const layers = { none: 1, integrity: 2, privacy: 4 } as const;
const messageBytesMax = 0xff_ffff;

/** How the frames of a connection are wrapped from now on; undefined: not at all. */
export interface RpcSeal {
  wrap(frame: Buffer): Message;
  unwrap(message: Fields): Buffer;
}

/** Sends one message of the negotiation and resolves with the answer. */
export type Exchange = (message: Message) => Promise<Fields>;

/**
 * Proves to a name node who we are, and it to us (Hadoop's SASL by GSS-API), and agrees on the strongest protection that
 * it offers (`hadoop.rpc.protection`). @throws Unauthorized
 */
export async function negotiate(context: GssContext, exchange: Exchange): Promise<RpcSeal | undefined> {
  const offer = await exchange(saslMessage(states.negotiate));
  const offered = offer.all(4);
  const kerberos = offered.find((each) => new Fields(each).text(1) === "KERBEROS");
  if (kerberos === undefined) {
    const names = offered.map((each) => new Fields(each).text(1)).join(", ");
    throw new ExecutorError("Unauthorized", `the name node takes no Kerberos, but ${names || "anybody"}`);
  }
  const first = saslMessage(states.initiate, context.begin()).bytes(4, withoutChallenge(kerberos));
  let answer = await exchange(first);
  expectState(answer, states.challenge);
  context.accept(answer.bytes(3));
  answer = await exchange(saslMessage(states.response, Buffer.alloc(0)));
  expectState(answer, states.challenge);
  const [bits = 0] = context.unwrap(answer.bytes(3));
  const layer = [layers.privacy, layers.integrity, layers.none].find((each) => (bits & each) !== 0);
  if (layer === undefined) throw unexpected();
  const choice = Buffer.alloc(4);
  choice.writeUInt32BE(layer === layers.none ? 0 : messageBytesMax);
  choice[0] = layer;
  answer = await exchange(saslMessage(states.response, context.wrap(choice, false)));
  expectState(answer, states.success);
  if (layer === layers.none) return undefined;
  return {
    wrap: (frame) => saslMessage(states.wrap, context.wrap(frame, layer === layers.privacy)),
    unwrap(message) {
      expectState(message, states.wrap);
      return context.unwrap(message.bytes(3));
    },
  };
}

function saslMessage(state: number, token?: Buffer): Message {
  const message = new Message().number(2, state);
  return token === undefined ? message : message.bytes(3, token);
}

/** SaslAuth as it was offered: method, mechanism, protocol and server. */
function withoutChallenge(raw: Buffer): Message {
  const auth = new Fields(raw);
  const message = new Message().text(1, auth.text(1)).text(2, auth.text(2));
  return message.text(3, auth.text(3)).text(4, auth.text(4));
}

function expectState(message: Fields, state: number): void {
  if (message.number(2) !== state) throw unexpected();
}

function unexpected(): ExecutorError {
  return new ExecutorError("Unauthorized", "the name node's negotiation is not that of GSS-API");
}
