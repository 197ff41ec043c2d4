/** A file that esbuild made of modules with one set of importers, as an ES module. */
export interface Part {
  /** As other parts import it: `./chunk-ABC.js`. */
  readonly name: string;
  readonly text: string;
}

/**
 * Writes parts as functions of one classic script, so that many small ones cost one file to open: an expression whose
 * value is an object of them. A part runs when it is first asked for (scripts/start.cjs); what it imports has then run to
 * its end, for esbuild's parts form no circles.
 */
export function packParts(parts: readonly Part[]): string {
  const functions = parts.map(({ name, text }) => `${JSON.stringify(name)}:${partFunction(name, text)}`);
  return `"use strict";({\n${functions.join(",\n")}\n})\n`;
}

const importStatement = /^import(?:\{([^}]*)\}from)?"([^"]+)";/;
/** The last one of a part; behind it there may be a comment that says where the licences are. */
const exportStatement = /export\{([^}]*)\};\s*(?:\/\*[^*]*\*\/\s*)?$/;

/** The part as a function that is given what it needs and returns what it exports. */
function partFunction(name: string, text: string): string {
  const loads: string[] = [];
  let body = text.trimStart();
  for (let found = importStatement.exec(body); found; found = importStatement.exec(body)) {
    const [whole, names, from] = found;
    loads.push(`${names === undefined ? "" : `const{${pairs(names, "local")}}=`}loadPart("${from}");`);
    body = body.slice(whole.length).trimStart();
  }
  let exported = "";
  body = body.replace(exportStatement, (_whole, names: string) => {
    exported = pairs(names, "exported");
    return "";
  });
  body = body.replace(/\bimport\("((?:\.\/|node:)[^"]+)"\)/g, 'loadLater("$1")');
  if (/^(import|export)\b|[;}]export[\s{*]|\bimport\(["'`]/.test(body)) {
    throw new Error(
      `${name} imports or exports something in a form that scripts/pack-parts.ts does not know`,
    );
  }
  return `(loadPart,loadLater,require,__dirname)=>{${loads.join("")}${body.trimEnd()}\nreturn{${exported}}}`;
}

/** `a as b,c` as members of an object: `a:b,c` where it is taken apart, `b:a,c` where it is made. */
function pairs(names: string, of: "local" | "exported"): string {
  return names
    .split(",")
    .map((pair) => pair.trim().split(/\s+as\s+/))
    .map(([from = "", to = from]) =>
      from === to ? from : of === "local" ? `${from}:${to}` : `${to}:${from}`,
    )
    .join(",");
}
