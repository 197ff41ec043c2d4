import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A private key and its certificate, in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes a key (ECDSA, P-256) and a self-signed certificate for `localhost`, `127.0.0.1` and `::1`, good for ten years.
 * Clients trust it by taking the certificate itself as the authority (RFC 5280).
 */
export function selfSignedCertificate(): Certificate {
  const { privateKey, publicKey } = newKeys();
  const loopback = [Buffer.from([127, 0, 0, 1]), Buffer.concat([Buffer.alloc(15), Buffer.from([1])])];
  const names = [der(0x82, Buffer.from("localhost")), ...loopback.map((address) => der(0x87, address))];
  const isAuthority = sequence(basicConstraints, derTrue, der(0x04, sequence(derTrue)));
  const body = certificateBody(publicKey, authorityName, names, [isAuthority]);
  return toPem(body, privateKey, privateKey);
}

/** Makes a key and a certificate for host names, `*.` in front allowed, that a self-signed one vouches for. */
export function issuedCertificate(authority: Certificate, hosts: readonly string[]): Certificate {
  const { privateKey, publicKey } = newKeys();
  const names = hosts.map((host) => der(0x82, Buffer.from(host)));
  const body = certificateBody(publicKey, hosts[0] ?? "", names, []);
  return toPem(body, createPrivateKey(authority.key), privateKey);
}

/** Not a name that a certificate of the machine may have, for GnuTLS looks issuers up by it. */
const authorityName = "Outrider on this machine";

function newKeys() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function toPem(body: Buffer, issuerKey: KeyObject, ownKey: KeyObject): Certificate {
  const whole = sequence(body, sequence(ecdsaSha256), bitString(sign("sha256", body, issuerKey)));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    key: ownKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

/** TBSCertificate (RFC 5280 4.1). */
function certificateBody(
  publicKey: KeyObject,
  subject: string,
  names: readonly Buffer[],
  extensions: readonly Buffer[],
): Buffer {
  const serial = randomBytes(16);
  // Positive, and without a leading zero byte.
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  const now = Date.now();
  return sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    sequence(ecdsaSha256),
    commonName(authorityName),
    sequence(time(now - 24 * 3600_000), time(now + 3650 * 24 * 3600_000)),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions, sequence(subjectAltName, der(0x04, sequence(...names))))),
  );
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(commonNameType, der(0x0c, Buffer.from(text)))));
}

/** Tag, length, content (X.690 8.1). */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const { length } = value;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

function sequence(...content: readonly Buffer[]): Buffer {
  return der(0x30, ...content);
}

function bitString(bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes);
}

/** UTCTime, which serves up to 2049 (RFC 5280 4.1.2.5.1). */
function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/\D/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

const derTrue = Buffer.from([0x01, 0x01, 0xff]);
const ecdsaSha256 = der(0x06, Buffer.from("2a8648ce3d040302", "hex"));
const commonNameType = der(0x06, Buffer.from("550403", "hex"));
const basicConstraints = der(0x06, Buffer.from("551d13", "hex"));
const subjectAltName = der(0x06, Buffer.from("551d11", "hex"));
