import { ExecutorError } from "../../../../errors/index.ts";
import { type EncryptionKey, toKey } from "./encryption.ts";
import { type Principal, showPrincipal } from "./principal.ts";

/**
 * The keys of a principal in a keytab (MIT's format, version 2), strongest and newest first.
 * @throws BadRequest naming what is missing; no bytes of keys are named.
 */
export function readKeytab(bytes: Buffer, wanted: Principal): readonly EncryptionKey[] {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== 0x0502)
    throw new ExecutorError("BadRequest", "hdfs.krbKeytabSecret holds no keytab (version 2)");
  const found: { readonly key: EncryptionKey; readonly version: number }[] = [];
  let hasWeaker = false;
  try {
    for (let at = 2; at + 4 <= bytes.length; ) {
      const size = bytes.readInt32BE(at);
      at += 4;
      // A hole where an entry was removed has a negative size.
      if (size > 0) {
        const entry = readEntry(bytes.subarray(at, at + size));
        if (showPrincipal(entry.principal) === showPrincipal(wanted)) {
          const key = toKey(entry.type, entry.key);
          if (key === undefined) hasWeaker = true;
          else found.push({ key, version: entry.version });
        }
      }
      at += Math.abs(size);
      if (size === 0) break;
    }
  } catch (cause) {
    throw new ExecutorError("BadRequest", "hdfs.krbKeytabSecret holds a damaged keytab", { cause });
  }
  if (found.length > 0)
    return found.sort((a, b) => b.version - a.version || b.key.type - a.key.type).map(({ key }) => key);
  const why = hasWeaker ? "no AES key (aes128-cts or aes256-cts)" : "no key";
  const text = `hdfs.krbKeytabSecret holds ${why} for ${showPrincipal(wanted)}; check krbUsername and krbRealm`;
  throw new ExecutorError("BadRequest", text);
}

function readEntry(entry: Buffer) {
  let at = 0;
  const number = (length: 1 | 2 | 4) => {
    at += length;
    return entry.readUIntBE(at - length, length);
  };
  const data = () => {
    const length = number(2);
    if (at + length > entry.length) throw new RangeError("a text beyond its entry");
    at += length;
    return entry.subarray(at - length, at);
  };
  const count = number(2);
  const realm = data().toString();
  const names = Array.from({ length: count }, () => data().toString());
  // Name type and time.
  at += 8;
  const shortVersion = number(1);
  const type = number(2);
  const key = data();
  const version = at + 4 <= entry.length ? number(4) || shortVersion : shortVersion;
  return { principal: { names, realm }, type, key, version };
}
