/** What the bundle puts in place of it: the folder that it lies in itself. */
declare const ARGOEXEC_ADDONS: string | undefined;

let opened: { readonly exports: unknown } | undefined;

/**
 * What native/deflate exports; undefined where this installation was built without its libraries, and Node's own do the
 * work. Loaded with the first call.
 */
export function openAddon(): unknown {
  opened ??= { exports: load() };
  return opened.exports;
}

function load(): unknown {
  const folder =
    typeof ARGOEXEC_ADDONS === "string" ? ARGOEXEC_ADDONS : `${import.meta.dirname}/../../dist/lib/argoexec`;
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, `${folder}/deflate.node`);
  } catch {
    // Not there, or a library that it needs is not: that is what zlib is for. A test of the image looks at the reason.
    return undefined;
  }
  return module.exports;
}
