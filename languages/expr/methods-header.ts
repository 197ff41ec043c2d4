/** Methods of header maps; names are looked up in canonical form, whatever case they are asked for in. */
import type { Method, Methods } from "./method.ts";
import { headerType, stringsType, stringType } from "./types.ts";
import { type Header, List, type Value } from "./values.ts";

export const headerMethods: Methods<Header> = new Map<string, Method<Header>>([
  [
    "Get",
    {
      parameters: [stringType],
      results: [stringType],
      call: (header, [name]) => values(header, name)?.items[0] ?? "",
    },
  ],
  [
    "Values",
    {
      parameters: [stringType],
      results: [stringsType],
      call: (header, [name]) => values(header, name) ?? noValues,
    },
  ],
  ["Clone", { parameters: [], results: [headerType], call: (header) => header }],
]);

/** What a missing name gives: Go's nil list of strings. */
export const noValues = new List([], "string", true);

function values(header: Header, name: Value | undefined): List | undefined {
  return header.entries.get(canonicalName(String(name)));
}

/** content-type becomes Content-Type; a name with characters that no header has stays as it is. */
function canonicalName(name: string): string {
  if (!/^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
