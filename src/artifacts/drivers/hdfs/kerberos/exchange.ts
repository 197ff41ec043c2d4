import { randomInt } from "node:crypto";
import { ExecutorError } from "../../../../errors/index.ts";
import { skewText } from "../../../store-errors.ts";
import {
  applicationTag,
  der,
  Fields,
  field,
  flags32,
  integer,
  octets,
  readDer,
  sequence,
  text,
  time,
} from "./der.ts";
import { decrypt, type EncryptionKey, toKey, usages } from "./encryption.ts";
import { encodeName, type Principal, showPrincipal } from "./principal.ts";
import { encodeEncrypted, presentTicket, sumOf, type Ticket } from "./ticket.ts";

/** Sends a request to the key distribution centres of a realm. */
export type Ask = (realm: string, request: Buffer) => Promise<Buffer>;

const lifeMs = 24 * 3600_000;

/** The ticket-granting ticket for a key out of a keytab: AS-REQ with an encrypted timestamp (RFC 4120 section 3.1). */
export async function logIn(client: Principal, key: EncryptionKey, ask: Ask): Promise<Ticket> {
  const nowMs = Date.now();
  const stamp = sequence(field(0, time(nowMs)), field(1, integer((nowMs % 1000) * 1000)));
  const proof = padata(2, encodeEncrypted(key, usages.timestamp, stamp));
  const service = { names: ["krbtgt", client.realm], realm: client.realm };
  const nonce = randomInt(2 ** 31 - 1);
  const body = requestBody(client, service, nonce, key.type);
  const answer = await ask(client.realm, request(10, proof, body));
  return readReply(answer, { tag: 11, key, usage: usages.asReply, nonce, client, service });
}

/** A ticket for a service, by one for the ticket-granting service: TGS-REQ (RFC 4120 section 3.3). */
export async function askForService(granting: Ticket, service: Principal, ask: Ask): Promise<Ticket> {
  const { client, key } = granting;
  const nonce = randomInt(2 ** 31 - 1);
  const body = requestBody(undefined, service, nonce, undefined);
  const sum = sumOf(key, usages.tgsChecksum, body);
  const proof = padata(1, presentTicket(granting, usages.tgsAuthenticator, sum));
  const answer = await ask(service.realm, request(12, proof, body));
  return readReply(answer, { tag: 13, key, usage: usages.tgsReply, nonce, client, service });
}

function padata(type: number, value: Buffer): Buffer {
  return sequence(sequence(field(1, integer(type)), field(2, octets(value))));
}

function request(type: number, proof: Buffer, body: Buffer): Buffer {
  return der(
    applicationTag(type),
    sequence(field(1, integer(5)), field(2, integer(type)), field(3, proof), field(4, body)),
  );
}

function requestBody(
  client: Principal | undefined,
  service: Principal,
  nonce: number,
  type: number | undefined,
): Buffer {
  const types = type === undefined ? [18, 17] : [type];
  return sequence(
    field(0, flags32(0)),
    ...(client === undefined ? [] : [field(1, encodeName(client.names, 1))]),
    field(2, text(service.realm)),
    field(3, encodeName(service.names, 2)),
    field(5, time(Date.now() + lifeMs)),
    field(7, integer(nonce)),
    field(8, sequence(...types.map(integer))),
  );
}

interface Expected {
  readonly tag: number;
  readonly key: EncryptionKey;
  readonly usage: number;
  readonly nonce: number;
  readonly client: Principal;
  readonly service: Principal;
}

/** What the answer says must be what was asked for: it is encrypted with a key that only the centre has. */
function readReply(answer: Buffer, expected: Expected): Ticket {
  const { tag, content } = readDer(answer);
  if (tag === applicationTag(30)) throw refusal(new Fields(content), expected);
  if (tag !== applicationTag(expected.tag)) throw unexpected();
  const reply = new Fields(content);
  const part = reply.fields(6);
  const plain = decrypt(expected.key, expected.usage, part.octets(2));
  // Either tag occurs: some centres use that of the other reply.
  const details = new Fields(readDer(plain).content);
  const key = toKey(details.fields(0).integer(0), details.fields(0).octets(1));
  if (details.integer(2) !== expected.nonce) throw unexpected();
  if (key === undefined) {
    const text = `Kerberos: the key of ${showPrincipal(expected.service)} is no AES key; enable aes256-cts for it`;
    throw new ExecutorError("Unsupported", text);
  }
  const { client, service } = expected;
  return { client, service, key, ticket: reply.raw(5), endsAtMs: details.time(7) };
}

/** RFC 4120 section 7.5.9. */
const meanings: Readonly<Record<number, string>> = {
  6: "the client is not known; check krbUsername and krbRealm",
  7: "the service is not known; the name node's host must have that principal, and its name be the one in hdfs.addresses",
  14: "no encryption type in common; the principal needs an AES key",
  18: "the client's credentials are revoked or locked",
  23: "the client's key has expired",
  24: "the key is not the client's; the keytab is older than the password",
  31: "the ticket cannot be decrypted",
  32: "the ticket has expired",
  68: "another realm is responsible; map the host in [domain_realm] of the krb5.conf",
};

function refusal(error: Fields, { client, service }: Expected): ExecutorError {
  const code = error.integer(6);
  const who = `Kerberos: ${showPrincipal(client)} for ${showPrincipal(service)}`;
  if (code === 37) {
    const skew = skewText(Date.now() - error.time(4)).replace("the store's", "the key distribution centre's");
    return new ExecutorError("Unauthorized", `${who}: ${skew}`);
  }
  const isPassing = code === 29 || code === 60;
  const text = `${who}: ${meanings[code] ?? "refused"} (error ${code})`;
  return new ExecutorError(isPassing ? "Transient" : "Unauthorized", text);
}

function unexpected(): ExecutorError {
  return new ExecutorError("Unauthorized", "Kerberos: the answer is not the one to our request");
}
