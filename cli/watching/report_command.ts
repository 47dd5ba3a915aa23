/** `distcomp report`: writes a page about the runs in an output folder, from its journal alone. */

import { existsSync } from "node:fs";
import type { About } from "../../report/about.ts";
import { endingText } from "../../report/ending_text.ts";
import { figuresOf } from "../../report/figures.ts";
import { readFacts } from "../../report/fact_reader.ts";
import { limitLine } from "../../report/limit_line.ts";
import { limitText } from "../../report/limit_text.ts";
import { limitsOf } from "../../report/run_limits.ts";
import { findOutputs, isRunning, type RecordedOutputs } from "../../report/recorded_outputs.ts";
import type { Report } from "../../report/report.ts";
import { ReportBuilder } from "../../report/report_builder.ts";
import { writeReport } from "../../report/report_file.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { basename, dirname, resolve } from "../../runtime/files/path.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { toRunOfKilled } from "../../watch/find_run.ts";
import { ExitCode } from "../program/exit_code.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNoun,
  printable,
} from "../../system/format.ts";
import { toStderr } from "../terminal/log.ts";
import type { ReportFlags } from "./report_options.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UsageError } from "../program/usage_error.ts";
import { VERSION } from "../program/version.ts";

/** Writes the page and prints a summary. Resolves to the exit status. */
export async function reportCommand(
  runtime: Runtime,
  outputs: string,
  { output = defaultName(outputs) }: ReportFlags,
): Promise<number> {
  const found = await findOutputs(runtime.files, outputs).catch((cause) => {
    throw new Error(`Cannot report on "${outputs}": ${reasonOf(cause)}`, { cause });
  });
  if (!found) {
    throw new UsageError(
      `Cannot report on "${outputs}": ${
        existsSync(outputs) ? "there is no journal" : "no such file or folder"
      }; name the output folder of a run, or its pack`,
    );
  }
  const madeAt = runtime.clock.date();
  let report: Report;
  let isGoingOn: boolean;
  let toRun: number | undefined;
  try {
    isGoingOn = await isRunning(found, madeAt); // before the journal is read: its end may come in between
    // The report says what it can of a run whose own record cannot be read.
    toRun = await toRunOfKilled(found.files, dirname(found.journal), madeAt).catch(() => undefined);
    report = await readReport(found);
  } finally {
    found.files.close();
  }
  const name = basename(resolve(outputs));
  const about = { outputs: name, madeAt, version: VERSION, isGoingOn, toRun };
  const { reportPage, REPORT_START } = await import("../../report/page/report_page.ts");
  const page = reportPage(report, about);
  if (output === "-") {
    writeStdout(page);
    toStderr(summaryText(report, about));
  } else {
    await writeReport(runtime, output, page, REPORT_START);
    const bytes = formatBytes(new TextEncoder().encode(page).byteLength);
    writeStdout(`${summaryText(report, about)}\nreport: ${printable(output)} (${bytes})\n`);
  }
  return ExitCode.ok;
}

/** In the working folder, called like the outputs. */
function defaultName(outputs: string): string {
  return `${basename(resolve(outputs)) || "outputs"}.report.html`;
}

async function readReport({ files, journal }: RecordedOutputs): Promise<Report> {
  const builder = new ReportBuilder();
  try {
    await readFacts(files, journal, builder);
  } catch (cause) {
    throw new Error(`Cannot read the journal "${journal}": ${reasonOf(cause)}`, { cause });
  }
  return builder.build();
}

/** The report in a few lines. */
export function summaryText(report: Report, about: Pick<About, "isGoingOn" | "toRun">): string {
  const { isGoingOn } = about;
  const { done, failed, lengthMs, runCount, slotsMax, flaws } = report;
  const figures = figuresOf(report, isGoingOn);
  const counts = [
    `${formatNoun(done + failed, "job")}: ${formatCount(done)} done, ${formatCount(failed)} failed`,
    ...(lengthMs > 0 ? [`in ${formatDuration(lengthMs)}`] : []),
    ...(slotsMax > 0 ? [`on ${formatNoun(slotsMax, "slot")}`] : []),
    ...(runCount > 1 ? [`in ${formatCount(runCount)} runs`] : []),
    ...(isGoingOn ? ["and the run continues"] : []),
  ];
  const limits = limitsOf(figures).map((limit) => limitLine(limitText(limit, figures)));
  const ending = endingText(report, about);
  const lost = flaws.damaged + flaws.newer;
  return [
    counts.join(", "),
    ...(ending === undefined ? [] : [ending]),
    ...limits,
    ...(lost > 0 ? [`${formatNoun(lost, "line")} of the journal cannot be used`] : []),
  ].join("\n");
}
