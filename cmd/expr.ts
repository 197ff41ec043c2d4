/**
 * `argoexec expr`: evaluates an expression at one's desk, or a batch of them, as the executor would.
 * See docs/expr.md.
 */

import { readFile } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { evaluate, evaluateBatch, type Language, languageOf, parseTree } from "../languages/batch/index.ts";
import { ExecutorError, errorText, exitStatusError } from "../src/errors/index.ts";

export interface ExprIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

const usageText = `usage: argoexec expr EXPRESSION [--lang expr|gjson|labels|jsonpath|jq] [--env FILE] [--timeout MILLISECONDS]
       argoexec expr --batch [--timeout MILLISECONDS] < CASES
  --lang     language of the expression (default expr)
  --env      JSON file with the environment of expr, or the document of the others; - is standard input
  --batch    one case a line from standard input: {"id", "lang", "expr", "env", "typed", "envText"}
  --timeout  time limit of one evaluation (default 5000)
`;

interface Options {
  readonly expression: string | undefined;
  readonly language: Language;
  readonly envFile: string | undefined;
  readonly isBatch: boolean;
  readonly isHelp: boolean;
  readonly timeMs: number;
}

/** Runs the command; gives its exit status: 0, 1 when the evaluation failed, 64 for wrong usage. */
export async function exprCommand(args: readonly string[], io: ExprIo): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    io.stderr.write(`argoexec expr: ${errorText(error)}\n${usageText}`);
    return exitStatusError;
  }
  if (options.isHelp) {
    io.stdout.write(usageText);
    return 0;
  }
  if (options.isBatch) {
    await evaluateBatch(io.stdin, io.stdout, options.timeMs);
    return 0;
  }
  try {
    const env = parseTree(await environmentText(options.envFile, io.stdin));
    const request = { expr: options.expression ?? "", env, timeMs: options.timeMs };
    io.stdout.write(`${await evaluate(options.language, request)}\n`);
    return 0;
  } catch (error) {
    io.stderr.write(`${errorText(error)}\n`);
    return 1;
  }
}

async function environmentText(file: string | undefined, stdin: Readable): Promise<string> {
  if (file === undefined) return "{}";
  if (file === "-") return await text(stdin);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ExecutorError("NotFound", `cannot read the environment file ${file}: ${errorText(error)}`, {
      cause: error,
    });
  }
}

function parseOptions(args: readonly string[]): Options {
  let expression: string | undefined;
  let language: Language = "expr";
  let envFile: string | undefined;
  let isBatch = false;
  let isHelp = false;
  let timeMs = 5_000;
  let onlyExpression = false;
  const rest = args[Symbol.iterator]();
  const value = (flag: string, inline: string | undefined): string => {
    const given = inline ?? rest.next().value;
    if (given === undefined) throw badUsage(`${flag} needs a value`);
    return given;
  };
  for (const arg of rest) {
    const [, flag = "", inline] = onlyExpression ? [] : (/^(--[a-z]+|-h)(?:=([\s\S]*))?$/.exec(arg) ?? []);
    if (flag === "--lang") language = languageOf(value(flag, inline));
    else if (flag === "--env") envFile = value(flag, inline);
    else if (flag === "--timeout") timeMs = milliseconds(value(flag, inline));
    else if (flag === "--batch") isBatch = true;
    else if (flag === "--help" || flag === "-h") isHelp = true;
    else if (arg === "--" && !onlyExpression) onlyExpression = true;
    else if (flag !== "") throw badUsage(`unknown option ${flag}`);
    else if (expression === undefined) expression = arg;
    else throw badUsage(`one expression at a time; put it in quotes (second argument: ${arg})`);
  }
  if (expression === undefined && !isBatch && !isHelp) throw badUsage("an expression or --batch is needed");
  if (expression !== undefined && isBatch)
    throw badUsage("--batch reads its expressions from standard input");
  return { expression, language, envFile, isBatch, isHelp, timeMs };
}

function milliseconds(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw badUsage(`--timeout must be a number of milliseconds such as 5000, not "${text}"`);
  return Number(text);
}

function badUsage(message: string): ExecutorError {
  return new ExecutorError("BadRequest", message);
}
