/** The figures for Prometheus, and the dashboard that shows them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Counter, Gauge, Registry } from "prom-client";
import { PROMETHEUS_TYPE, PrometheusText } from "../../web/prometheus_text.ts";
import { metricsOf } from "../../web/metrics.ts";
import { test } from "../lib/test.ts";
import { fakeRun, fakeWorker } from "../watch/fake_snapshots.ts";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

/** Figures without a panel: the others say the same better. */
const NOT_IN_DASHBOARD = ["distcomp_start_time_seconds", "distcomp_worker_slots"];

/** Where a panel is, in columns and rows. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

test("the text is the one that Prometheus' own client writes", async () => {
  const registry = new Registry();
  const own = new PrometheusText();
  const registers = [registry];
  const help = "Some help";
  const gauge = new Gauge({ name: "a_gauge", help, labelNames: ["one", "two"], registers });
  for (const [value, one] of [[1, "x"], [-0.25, 'a "b"\\c\nd'], [1e21, "é"]] as const) {
    gauge.set({ one, two: "" }, value);
    own.gauge("a_gauge", help, value, { one, two: "" });
  }
  new Counter({ name: "a_counter", help, registers }).inc(12345678901);
  own.counter("a_counter", help, 12345678901);
  assert.equal(own.text, await registry.metrics());
  assert.equal(PROMETHEUS_TYPE, registry.contentType);
});

test("the figures of a run are in the text format of Prometheus", () => {
  const text = metricsOf(fakeRun({ workers: 2, slots: 4 }));
  assert.match(text, /^# TYPE distcomp_jobs_done_total counter\ndistcomp_jobs_done_total 61250$/m);
  assert.match(text, /^distcomp_worker_slots\{worker="node2",address="node2:7433"\} 4$/m);
  assert.match(text, /^distcomp_failures\{reason="crashed: SIGSEGV"\} 12$/m);
  assert.match(text, /^distcomp_workers_lost 1$/m);
  assert.match(text, /^distcomp_job_seconds\{quantile="0\.95"\} 1\.83$/m);
  assert.match(text, /^distcomp_failed_attempts_total\{kind="crash"\} 12$/m);
  assert.match(text, /^distcomp_copies_won_total 1$/m);
});

test("the figures of a worker are its own", () => {
  const text = metricsOf(fakeWorker());
  assert.match(
    text,
    /^distcomp_info\{kind="worker",software="distcomp 0.1.0",.*node="node1"\} 1$/m,
  );
  assert.match(text, /^distcomp_node_memory_free_bytes 21000000000$/m);
  assert.match(text, /^distcomp_node_attempts_failed_total 3$/m);
});

test("names of workers and reasons cannot break out of their labels", () => {
  const evil = 'x"} 1\ndistcomp_jobs_done_total{a="\\';
  const run = fakeRun({ workers: 1 });
  const [worker] = run.workers;
  assert.ok(worker);
  const text = metricsOf({ ...run, workers: [{ ...worker, name: evil }] });
  assert.match(text, /worker="x\\"\} 1\\ndistcomp_jobs_done_total\{a=\\"\\\\"/);
  assert.equal(text.match(/^distcomp_jobs_done_total/gm)?.length, 1);
  const withNul = metricsOf({ ...run, workers: [{ ...worker, name: "one\0two" }] });
  assert.match(withNul, /worker="one two"/);
});

test("reasons that are the same as a label are one series, with the jobs of all", () => {
  // A snapshot cuts long reasons. NUL and bytes that are not UTF-8 cannot be in a label.
  const failures = ["exit code 7", "exit code 7", "a\0b", "a b", "caf\udce9", "caf\udce8"]
    .map((reason, index) => ({ reason, jobs: 10 ** index, names: [] }));
  const text = metricsOf(fakeRun({}, { failures }));
  assert.deepEqual(text.match(/^distcomp_failures.*$/gm), [
    'distcomp_failures{reason="exit code 7"} 11',
    'distcomp_failures{reason="a b"} 1100',
    'distcomp_failures{reason="caf\ufffd"} 110000',
  ]);
});

test("a run with thousands of workers and reasons has a bounded number of series", () => {
  const failures = Array.from({ length: 500 }, (_, index) => ({
    reason: `reason ${index}`,
    jobs: 1,
    names: [],
  }));
  const text = metricsOf(fakeRun({ workers: 5_000, slots: 1 }, { failures }));
  assert.ok(text.split("\n").length < 1_700);
});

test("a sum over runs and workers counts no job or slot twice: they share no figure but what they are", () => {
  assert.deepEqual([...ofRun()].filter((name) => ofWorker().has(name)), [
    "distcomp_info",
    "distcomp_start_time_seconds",
  ]);
});

test("the page on watching names all figures, and the dashboard shows them but for two", () => {
  const known = new Set([...ofRun(), ...ofWorker()]);
  const namedIn = (file: string) =>
    new Set(readFileSync(DOCS + file, "utf8").match(/\bdistcomp_\w+/g));
  assert.deepEqual([...namedIn("watching.md")].sort(), [...known].sort());
  assert.deepEqual([...namedIn("grafana.json"), ...NOT_IN_DASHBOARD].sort(), [...known].sort());
});

test("the panels of the dashboard do not overlap, and each has a figure", () => {
  const { panels } = JSON.parse(readFileSync(`${DOCS}grafana.json`, "utf8")) as {
    panels: { id: number; gridPos: Place; targets: { expr: string }[] }[];
  };
  const taken = new Set<string>();
  for (const { id, gridPos: { x, y, w, h }, targets } of panels) {
    assert.ok(targets.every(({ expr }) => expr.includes("distcomp_")) && targets.length > 0);
    for (let at = 0; at < w * h; at++) {
      const square = `${x + at % w} ${y + Math.floor(at / w)}`;
      assert.ok(!taken.has(square), `panel ${id} at ${square}`);
      taken.add(square);
    }
    assert.ok(x + w <= 24, `panel ${id} is wider than the dashboard`);
  }
});

function ofRun(): Set<string> {
  const verified = { agreed: 7, split: 0, outvoted: 1, wrongWorkers: [] };
  return new Set(metricsOf(fakeRun({}, { verified })).match(/^distcomp_\w+/gm));
}

function ofWorker(): Set<string> {
  return new Set(metricsOf(fakeWorker()).match(/^distcomp_\w+/gm));
}
