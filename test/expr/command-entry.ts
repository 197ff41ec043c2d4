import { exprCommand } from "../../cmd/expr.ts";

process.exitCode = await exprCommand(process.argv.slice(2), process);
