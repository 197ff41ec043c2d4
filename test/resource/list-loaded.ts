// Preloaded into a process under test: writes down every file that it loads.
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env.OUTRIDER_LOADED_FILES ?? "/dev/null";
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith("file:")) appendFileSync(file, `${url}\n`);
    return nextLoad(url, context);
  },
});
