/** The head of a report: what limits the run, its figures, and what the journal does not say. */

import { type Html, html, shown } from "../../page/html.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMeasured,
  formatNoun,
  formatRate,
} from "../../system/format.ts";
import type { About } from "../about.ts";
import { figuresOf } from "../figures.ts";
import { endingText } from "../ending_text.ts";
import { limitText, missedText } from "../limit_text.ts";
import { limitsOf } from "../run_limits.ts";
import { percent } from "../percent.ts";
import type { Report } from "../report.ts";
import { clockText } from "./tables.ts";

/** All of it. */
export function overview(report: Report, about: About): Html {
  const { outputs, isGoingOn } = about;
  return html`
    <header>
      <p class="quiet">distcomp report</p>
      <h1>${shown(outputs)}</h1>
      <p class="quiet">${whenText(report, about)}</p>
    </header>
    ${limits(report, isGoingOn)}
    ${figures(report)}
    ${notes(report)}
    <noscript><p>The charts need JavaScript. Their numbers are in the tables.</p></noscript>
  `;
}

/** `Began 2026-01-02 12:00:00 UTC, took 5m`, with what is known of it. */
function whenText(report: Report, about: About): string {
  const { isGoingOn } = about;
  const { runs: [first], runCount, lengthMs } = report;
  const parts = [
    ...(runCount > 1 ? lastRunTexts(report, isGoingOn) : [beganText("", first?.begunAt)]),
    runCount < 2 && lengthMs > 0 ? `took ${formatDuration(lengthMs)}` : "",
    isGoingOn ? "continues" : endingText(report, about) ?? "",
  ];
  return capitalized(parts.filter((part) => part !== "").join(", "));
}

/** `2 runs, 5m together, the last one began 2026-01-02 12:00:00 UTC, ran no job` */
function lastRunTexts({ runs, runCount, lengthMs }: Report, isGoingOn: boolean): string[] {
  const { begunAt, jobs = 0, lengthMs: lastMs = 0 } = runs.at(-1) ?? {};
  const took = jobs > 0 ? `took ${formatDuration(lastMs)}` : "ran no job";
  return [
    `${formatCount(runCount)} runs`,
    lengthMs > 0 ? `${formatDuration(lengthMs)} together` : "",
    beganText("the last one ", begunAt),
    begunAt === undefined || isGoingOn ? "" : took,
  ];
}

function beganText(who: string, begunAt: number | undefined): string {
  return begunAt === undefined ? "" : `${who}began ${clockText(begunAt)} UTC`;
}

function limits(report: Report, isGoingOn: boolean): Html {
  const numbers = figuresOf(report, isGoingOn);
  const found = limitsOf(numbers);
  const isBad = ["failures", "memory", "node", "no worker"].includes(found[0]?.kind ?? "");
  const sentences = found.map((limit) => {
    const { what, advice } = limitText(limit, numbers);
    return html`<p><strong>${sentence(what)}</strong> ${advice === "" ? "" : sentence(advice)}</p>`;
  });
  return html`<div class=${isBad ? "limit bad" : "limit"} id="limit">${sentences}</div>`;
}

function sentence(text: string): string {
  return `${capitalized(text)}.`;
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function figures(report: Report): Html {
  const { done, failed, lengthMs, knowledge, runTimes, capacityMs } = report;
  const isTimed = knowledge.timed > 0;
  const items: (readonly [string, string, boolean?] | undefined)[] = [
    ["done", formatCount(done)],
    ["failed", formatCount(failed), failed > 0],
    lengthMs > 0 ? ["time", formatDuration(lengthMs)] : undefined,
    lengthMs > 0 ? ["jobs/s", formatRate(1000 * knowledge.records / lengthMs)] : undefined,
    report.slotsMax > 0 ? ["slots", formatCount(report.slotsMax)] : undefined,
    isTimed && capacityMs > 0 ? ["slots busy", busyText(report)] : undefined,
    report.cpuRunMs > 0
      ? ["jobs computing", percent(Math.min(1, report.cpuMs / report.cpuRunMs))]
      : undefined,
    runTimes.count === 1 ? ["its job", formatMeasured(runTimes.max)] : undefined,
    ...(runTimes.count > 1
      ? [
        ["median job", formatMeasured(runTimes.quantile(0.5))] as const,
        ["99% are below", formatMeasured(runTimes.quantile(0.99))] as const,
        ["longest job", formatMeasured(runTimes.max)] as const,
      ]
      : []),
    report.memory.count > 0 ? ["most memory", formatBytes(report.memory.max)] : undefined,
    ["in", formatBytes(report.bytesIn)],
    ["out", formatBytes(report.bytesOut)],
  ];
  const shownItems = items.filter((item) => item !== undefined);
  return html`<dl class="figures">${
    shownItems.map(([name, value, isBad]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd class=${isBad ? "bad" : ""}>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

function busyText({ busyMs, capacityMs, missing }: Report): string {
  const text = percent(Math.min(1, busyMs / capacityMs));
  return missing.attempts > 0 ? `${text} or more` : text;
}

/** What is not known, and why. */
function notes(report: Report): Html | undefined {
  const texts = notesOf(report).filter((text) => text !== "");
  if (texts.length === 0) return undefined;
  const items = texts.map((text) => html`<li>${text}</li>`);
  return html`
    <section>
      <h2>What is not known</h2>
      <ul>${items}</ul>
    </section>
  `;
}

function notesOf({ knowledge, missing, flaws, jobsWithoutRow }: Report): string[] {
  const { records, timed, placed, withCpu, withMemory, unmeasured, hasWorkers } = knowledge;
  const note = (holds: boolean, ...texts: readonly string[]) => holds ? texts.join(" ") : "";
  const known = (what: string, count: number) =>
    count === 0
      ? `${what} is not known for any job.`
      : `${what} is known for only ${formatCount(count)} of ${formatNoun(records, "job")}.`;
  return [
    note(
      unmeasured > 0,
      "The journal, or a part of it, is of a build before 0.1.0: times of jobs contain waiting in queues.",
    ),
    note(
      timed < records,
      known("When a job began, and how long it ran,", timed),
      "Workers of protocol version 1 and builds before 0.1.0 do not report it, and it is unknown for jobs that crashed.",
    ),
    note(
      missing.attempts > 0,
      `${missedText(missing)}, so slots may have been busier than is shown here.`,
    ),
    note(timed > 0 && placed < timed, known("On which slot a job ran", placed)),
    note(timed > 0 && withCpu < timed, known("CPU time", withCpu)),
    note(timed > 0 && withMemory < timed, known("Memory", withMemory)),
    note(
      timed > 0 && !hasWorkers,
      "The journal does not say which workers there were, at least of one run: then only slots count that ran a job.",
    ),
    note(
      jobsWithoutRow > 0,
      `There are too many slots to show: the timeline leaves out ${
        formatNoun(jobsWithoutRow, "job")
      }.`,
    ),
    note(flaws.damaged > 0, leftOut(flaws.damaged, "damaged")),
    note(flaws.newer > 0, leftOut(flaws.newer, "of a later version of distcomp")),
  ];
}

function leftOut(lines: number, why: string): string {
  const count = formatNoun(lines, "line");
  return `${count} of the journal ${lines === 1 ? "is" : "are"} ${why}, and left out.`;
}
