import { field, integer, sequence, text } from "./der.ts";

/** Who somebody is in a realm: `name/part@REALM`. */
export interface Principal {
  readonly names: readonly string[];
  readonly realm: string;
}

export function showPrincipal({ names, realm }: Principal): string {
  return `${names.join("/")}@${realm}`;
}

/** PrincipalName (RFC 4120 section 5.2.2), of a user (1) or a service (2). */
export function encodeName(names: readonly string[], type: 1 | 2): Buffer {
  return sequence(field(0, integer(type)), field(1, sequence(...names.map(text))));
}
