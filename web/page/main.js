/** Asks for the state each second, and shows it. */

import { badgeOf, endText, lostText } from "./badge.js";
import { Charts } from "./charts.js";
import {
  formatBytes,
  formatCount,
  formatDate,
  formatDuration,
  formatMeasured,
  formatNoun,
  formatRate,
  formatTime,
  formatTimeLeft,
  shown,
} from "./format.js";
import { byId, setFigures, setRows, setText, textElement } from "./tables.js";
import { WorkerGrid } from "./workers.js";

/** @typedef {import("../../watch/snapshot.ts").RunSnapshot} RunSnapshot */
/** @typedef {import("../../watch/snapshot.ts").WorkerSnapshot} WorkerSnapshot */

/** Often enough to follow, and cheap for the run. */
const ASK_MS = 1_000;

/** A page that nobody sees asks so often. */
const HIDDEN_MS = 10_000;

/** A run that answers takes some milliseconds. */
const ANSWER_MS_MAX = 5_000;

const charts = new Charts();
const grid = new WorkerGrid();
/** @type {RunSnapshot | WorkerSnapshot | undefined} */
let last;
let isLost = false;
let hasEnded = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

async function ask() {
  clearTimeout(timer);
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const answer = await fetch("api/snapshot", { signal });
    if (answer.status === 401) return onLocked();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    onState(await answer.json());
  } catch (error) {
    if (!hasEnded) onLost(error);
  }
  if (!hasEnded) timer = setTimeout(ask, document.hidden ? HIDDEN_MS : ASK_MS);
}

/** @type {AbortController | undefined} */
let awaited;

/**
 * A page that nobody sees asks seldom, or not at all when its browser has frozen it, and would find nobody any more. The
 * answer to this comes at the end, and is kept for the page.
 */
async function awaitEnd() {
  const own = awaited = new AbortController();
  try {
    const answer = await fetch("api/end", { signal: own.signal });
    if (answer.ok) onState(await answer.json());
  } catch {
    // `ask` finds it out, and calls this again when there are answers again.
  } finally {
    if (awaited === own) awaited = undefined;
  }
}

/** @param {(RunSnapshot | WorkerSnapshot) & { hasEnded: boolean }} state */
function onState(state) {
  if (hasEnded) return; // what was asked before it
  if (isLost) awaited?.abort(); // it may hang in a network that is gone
  if (isLost) awaited = undefined;
  isLost = false;
  last = state;
  hasEnded = state.hasEnded;
  if (!hasEnded && !awaited) void awaitEnd();
  const what = state.kind === "run" ? `The run ${endText(state.ending)}` : "The worker has ended";
  notice(hasEnded ? `${what}. This is its last state, of ${formatTime(state.at)}.` : "");
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  main.hidden = false; // before charts measure their places
  document.body.classList.toggle("lost", false);
  if (state.kind === "run") showRun(state);
  else showWorker(state);
  showLog(state.log);
  const elapsedMs = state.kind === "run" ? state.elapsedMs : state.at - state.startedAt;
  charts.show(state.throughput, elapsedMs, hasEnded);
  setText(
    byId("footer"),
    `${shown(state.software)}, ${shown(state.runtime)}, process ${state.pid}; ` +
      `state of ${formatDate(state.at)}`,
  );
}

/** @param {unknown} error */
function onLost(error) {
  isLost = true;
  notice(lostText(last, error instanceof DOMException && error.name === "TimeoutError"));
  badge("no answer", "bad");
  tabTitle("no answer");
  document.body.classList.toggle("lost", true);
}

function onLocked() {
  hasEnded = true;
  notice("This browser may no longer look. Open the address that distcomp has printed last.");
  badge("locked", "bad");
  tabTitle("locked");
}

/** @param {string} text */
function notice(text) {
  const element = byId("notice");
  setText(element, text);
  element.hidden = text === "";
}

/** @param {RunSnapshot} run */
function showRun(run) {
  const { jobs, core, host, output, elapsedMs } = run;
  const ended = jobs.done + jobs.failed;
  const percent = jobs.total ? Math.floor(1000 * ended / jobs.total) / 10 : undefined;
  const failed = jobs.failed > 0;
  setText(byId("title"), shown(core.name));
  setText(byId("about"), `on ${shown(host)}, to ${shown(output)}`);
  const { text, kind } = badgeOf(run, hasEnded);
  badge(text, kind);
  tabTitle(hasEnded ? text : percent === undefined ? formatCount(ended) : `${percent}%`);
  setText(byId("percent"), percent === undefined ? formatNoun(ended, "job") : `${percent}%`);
  setText(byId("left"), leftText(run));
  showBar(jobs, percent);
  setFigures(byId("jobs"), [
    { term: "done", value: formatCount(jobs.done), className: "done" },
    { term: "failed", value: formatCount(jobs.failed), className: failed ? "failed" : "" },
    { term: "running", value: formatCount(jobs.running), className: "running" },
    { term: jobs.total === null ? "waiting so far" : "waiting", value: formatCount(jobs.waiting) },
    ...jobs.skipped ? [{ term: "of earlier runs", value: formatCount(jobs.skipped) }] : [],
    ...attemptFigures(run),
  ]);
  setFigures(byId("now"), [
    ...hasEnded ? [] : [{ term: "jobs/s now", value: formatRate(run.jobsPerSecond) }],
    { term: "slots busy", value: `${formatCount(run.slotsBusy)} of ${formatCount(run.slots)}` },
    { term: "slots busy so far", value: `${Math.round(100 * run.busyPart)}%` },
    { term: "running for", value: formatDuration(elapsedMs) },
    ...run.times ? [{ term: "median time", value: formatMeasured(run.times.medianMs) }] : [],
    { term: "inputs", value: formatBytes(run.bytesIn) },
    { term: "outputs", value: formatBytes(run.bytesOut) },
  ]);
  grid.show(run.workers, run.workersTotal, run.at);
  showLost(run);
  showRunning(run);
  showFailures(run);
}

/**
 * Attempts beyond the first of each job, if there were any.
 * @param {RunSnapshot} run
 */
function attemptFigures({ copies, verified, faults }) {
  const failed = Object.values(faults).reduce((sum, count) => sum + count, 0);
  return [
    ...failed > 0
      ? [{ term: failed === 1 ? "failed attempt" : "failed attempts", value: formatCount(failed) }]
      : [],
    ...copies.started > 0
      ? [{
        term: copies.started === 1 ? "second copy" : "second copies",
        value: formatCount(copies.started),
      }]
      : [],
    ...verified ? [{ term: "jobs verified", value: formatCount(verified.agreed) }] : [],
    ...verified && verified.split > 0
      ? [{ term: "without agreement", value: formatCount(verified.split), className: "failed" }]
      : [],
  ];
}

/** @param {RunSnapshot} run */
function leftText({ jobs, leftMs, elapsedMs }) {
  const of = jobs.total === null ? "more may come" : `of ${formatNoun(jobs.total, "job")}`;
  if (hasEnded) return `${of}, in ${formatDuration(elapsedMs)}`;
  return leftMs === null ? of : `${of}, about ${formatTimeLeft(leftMs)} left`;
}

/**
 * Without a total there is no bar: it would look nearly full.
 * @param {RunSnapshot["jobs"]} jobs
 * @param {number | undefined} percent
 */
function showBar({ total, ...jobs }, percent) {
  const bar = byId("bar");
  bar.hidden = !total;
  if (!total) return;
  for (const part of /** @type {const} */ (["done", "failed", "running"])) {
    const element = /** @type {HTMLElement} */ (bar.querySelector(`.${part}`));
    element.hidden = jobs[part] === 0; // it would have a gap
    element.style.width = `${100 * jobs[part] / total}%`;
  }
  bar.setAttribute("aria-valuenow", String(percent));
}

/** @param {RunSnapshot} run */
function showLost({ lost, lostTotal, at }) {
  byId("lost").hidden = lostTotal === 0;
  setText(byId("lost-title"), formatNoun(lostTotal, "lost worker"));
  const rows = lost.map(({ name, address, lostAt, reason, jobs }) => [
    { text: formatDuration(at - lostAt), className: "number" },
    { text: shown(name), className: "name", title: shown(address) },
    { text: shown(reason), className: "text" },
    { text: jobs === 0 ? "" : formatCount(jobs), className: "number" },
  ]);
  setRows(byId("workers-lost"), rows, "");
}

/** @param {RunSnapshot} run */
function showRunning({ running, at }) {
  const rows = running.map(({ name, worker, attempt, beganAt }) => [
    { text: shown(name), className: "name", title: shown(name) },
    { text: shown(worker), className: "name", title: shown(worker) },
    { text: String(attempt), className: "number" },
    { text: formatDuration(at - beganAt), className: "number" },
  ]);
  setRows(byId("jobs-running"), rows, "No job runs.");
}

/** @param {RunSnapshot} run */
function showFailures({ failures }) {
  const rows = failures.map(({ reason, jobs, names }) => [
    { text: formatCount(jobs), className: "number failed" },
    { text: shown(reason), className: "text" },
    { text: names.map(shown).join(", "), className: "name", title: names.map(shown).join("\n") },
  ]);
  setRows(byId("failures"), rows, "No job has failed.");
}

/** @param {WorkerSnapshot} worker */
function showWorker(worker) {
  const { name, jobs, slotsBytes } = worker;
  for (const id of ["progress", "workers", "lost", "running", "failed"]) byId(id).hidden = true;
  byId("serving").hidden = false;
  setText(byId("title"), shown(name));
  setText(byId("about"), `worker on ${shown(worker.platform)}`);
  tabTitle(hasEnded ? "ended" : `${worker.slotsBusy}/${worker.slots} busy`);
  badge(
    hasEnded ? "ended" : worker.isDraining ? "draining" : worker.slotsBusy ? "busy" : "idle",
    "good",
  );
  setFigures(byId("now"), [
    {
      term: "slots busy",
      value: `${formatCount(worker.slotsBusy)} of ${formatCount(worker.slots)}`,
    },
    { term: "jobs waiting", value: formatCount(worker.jobsWaiting) },
    { term: "done", value: formatCount(jobs.done) },
    { term: "failed", value: formatCount(jobs.failed), className: jobs.failed ? "failed" : "" },
    ...slotsBytes === null ? [] : [{ term: "memory of slots", value: formatBytes(slotsBytes) }],
    {
      term: `free of ${formatBytes(worker.memoryBytes)}`,
      value: formatBytes(worker.memoryFreeBytes),
    },
    { term: "running for", value: formatDuration(worker.at - worker.startedAt) },
  ]);
  setRows(byId("served"), [
    ...worker.controllers.map((controller) => [
      { text: "controller" },
      { text: shown(controller), className: "name" },
      { text: "" },
    ]),
    ...worker.cores.map((core) => [
      { text: "core" },
      { text: shown(core.name), className: "name", title: core.sha256 },
      { text: formatCount(core.slots) },
    ]),
  ], "No controller is connected.");
}

/**
 * @param {string} text
 * @param {string} kind
 */
function badge(text, kind) {
  setText(byId("phase"), text);
  byId("phase").className = `badge ${kind}`;
}

/** @param {string} state for a tab among others */
function tabTitle(state) {
  document.title = `${state} · ${byId("title").textContent}`;
}

/** The newest line that is shown, and how many have its time. */
let logKey = "";

/** @param {RunSnapshot["log"]} lines */
function showLog(lines) {
  const key = JSON.stringify(lines.at(-1) ?? "") + lines.length;
  if (key === logKey) return;
  logKey = key;
  const log = byId("log");
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.replaceChildren(...lines.map(({ at, level, text }) => {
    const line = textElement("p", "", level);
    line.append(textElement("time", formatTime(at)), textElement("span", shown(text)));
    return line;
  }));
  if (lines.length === 0) log.append(textElement("p", "Nothing was said.", "quiet"));
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !hasEnded) void ask();
});
void ask();
