// Preloaded into a process under test: writes down every file that it loads, and the memory that it took at most.
import { appendFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env.OUTRIDER_LOADED_FILES ?? "/dev/null";
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith("file:")) appendFileSync(file, `${url}\n`);
    return nextLoad(url, context);
  },
});
// The bundle runs its parts and packages without Node's loader (scripts/start.cjs).
(process as NodeJS.EventEmitter).on("argoexec-part", (part: { readonly file: string }) =>
  appendFileSync(file, `/${part.file}\n`),
);
process.on("exit", () => {
  if (file !== "/dev/null") writeFileSync(`${file}-peak`, String(process.resourceUsage().maxRSS));
});
