import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { pythonWith } from "../test/servers/python.ts";

/** A panel: lines over a logarithmic axis; the other one is logarithmic, too, or begins at zero. */
export interface Plot {
  readonly title: string;
  readonly scale: "log" | "linear";
  readonly lines: readonly {
    readonly name: string;
    readonly x: readonly number[];
    readonly y: readonly number[];
  }[];
}

/** matplotlib, with text as text and without date and random names: the same figures make the same file. */
const program = `
import json, sys
import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as pyplot
import matplotlib.ticker as ticker
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "outrider", "font.size": 9})
given = json.load(sys.stdin)
figure, axes = pyplot.subplots(1, len(given["plots"]), figsize=(5 * len(given["plots"]), 3.6), layout="constrained")
for axis, plot in zip(axes, given["plots"]):
    for line in plot["lines"]:
        axis.plot(line["x"], line["y"], marker="o", markersize=3, linewidth=1.2, label=line["name"])
    axis.set(xscale="log", xlabel="units", title=plot["title"])
    axis.set_yscale(plot["scale"])
    if plot["scale"] == "linear":
        axis.set_ylim(bottom=0)
    axis.grid(True, linewidth=0.3)
    axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    if plot["scale"] == "log":
        axis.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=7)
figure.savefig(given["path"], metadata={"Date": None})
`;

/** Writes an SVG with the panels side by side; returns why it could not, where matplotlib cannot be had. */
export async function plot(path: string, plots: readonly Plot[]): Promise<string | undefined> {
  console.error("# plot: matplotlib, from PyPI unless it is there already");
  const python = await pythonWith("matplotlib");
  if ("missing" in python) return python.missing;
  mkdirSync(dirname(path), { recursive: true });
  const running = spawn(python.program, ["-c", program], { stdio: ["pipe", "inherit", "pipe"] });
  const said = running.stderr.toArray();
  running.stdin.end(JSON.stringify({ path, plots }));
  const [status] = await once(running, "exit");
  return status === 0 ? undefined : `matplotlib has failed: ${Buffer.concat(await said).toString()}`;
}
