/** `distcomp report`: what it finds, prints, writes and refuses to overwrite. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { hostname } from "node:os";
import process from "node:process";
import { link, readdir, readFile, symlink } from "node:fs/promises";
import { REPORT_START } from "../../../report/page/report_page.ts";
import { test } from "../../lib/test.ts";
import { journalOf, type RunPlan } from "../../report/generated_journal.ts";
import { Workspace } from "../workspace.ts";

const PLAN: RunPlan = { jobs: 100, nodes: 1, slotsPerNode: 2 };
const JOURNAL = [...journalOf(PLAN)].join("");

test("a report is written beside the working folder's other files, and says what limits the run", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("runs/out/.distcomp/jobs.jsonl", JOURNAL);
  await workspace.write("results.tar", "");
  await workspace.write("results.tar.distcomp/jobs.jsonl", JOURNAL);
  const folders = ["runs/out", "runs/out/.distcomp", "results.tar", "results.tar.distcomp/"];
  const ended = await workspace.runEach([...folders, "runs/out"], (folder) => ["report", folder]);
  for (const [folder, { code, stdout, stderr }] of ended) {
    const name = `${folder.replace(/\/$/, "").split("/").at(-1)}.report.html`;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      /^100 jobs: 100 done, 0 failed, in 4\.9s, on 2 slots\nslots were busy for /,
    );
    assert(stdout.includes(`\nreport: ${name} (`), stdout);
    assert((await readFile(workspace.at(name), "utf8")).startsWith(REPORT_START));
  }
  const names = (await readdir(workspace.path)).filter((name) => /report|unfinished/.test(name));
  assert.deepEqual(names.sort(), [
    ...[".distcomp.report.html", "out.report.html"],
    ...["results.tar.distcomp.report.html", "results.tar.report.html"],
  ]);
});

test("a report on stdout is the page alone", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/.distcomp/jobs.jsonl", JOURNAL);
  const { code, stdout, stderr } = await workspace.run(["report", "out", "-o", "-"]);
  assert.equal(code, 0);
  assert(stdout.startsWith(REPORT_START), stdout.slice(0, 80));
  assert(stdout.endsWith("</html>\n"), stdout.slice(-80));
  assert.match(stderr, /^100 jobs: 100 done/);
  assert.deepEqual(await readdir(workspace.path), ["out"]);
});

test("a report replaces nothing but a report", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/.distcomp/jobs.jsonl", JOURNAL);
  await workspace.write("mine.html", "<!doctype html>\nmine");
  await workspace.write("empty.html", "");
  await workspace.write("folder/file", "");
  await workspace.write("old.html", REPORT_START);
  await symlink("old.html", workspace.at("link.html"));
  await symlink("nowhere.html", workspace.at("broken.html"));
  await link(workspace.at("old.html"), workspace.at("other.html"));
  execFileSync("mkfifo", [workspace.at("pipe.html")]);
  const refused = ["mine.html", "empty.html", "folder", "link.html", "broken.html", "pipe.html"];
  const ended = await workspace.runEach(
    [...refused, "missing/x.html", "old.html"],
    (name) => ["report", "out", "-o", name],
  );
  for (const [name, { code, stderr }] of ended) {
    if (!refused.includes(name)) continue;
    assert.equal(code, 2, name);
    assert.equal(
      stderr,
      `distcomp: Cannot write the report "${name}": it exists and is not a report; ` +
        "choose another name with -o\n",
    );
  }
  assert.match(
    ended.at(-2)?.[1].stderr ?? "",
    /Cannot write the report "missing\/x\.html": no such/i,
  );
  assert.equal(await readFile(workspace.at("mine.html"), "utf8"), "<!doctype html>\nmine");
  assert.match(await readFile(workspace.at("old.html"), "utf8"), /data-chart="timeline"/);
  assert.equal(
    await readFile(workspace.at("other.html"), "utf8"),
    REPORT_START,
    "it is a new file",
  );
  const left = (await readdir(workspace.path)).filter((name) => name.includes("unfinished"));
  assert.deepEqual(left, []);
});

test("without a journal, there is no report, and a link in its place is not followed", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("secret/jobs.jsonl", JOURNAL);
  await workspace.write("empty/file", "");
  await workspace.write("linked/file", "");
  await symlink("../secret", workspace.at("linked/.distcomp"));
  const cases = ["nowhere", "empty", "empty/file"];
  for (const [name, { code, stderr }] of await workspace.runEach(cases, (it) => ["report", it])) {
    assert.equal(code, 2);
    assert.equal(
      stderr,
      `distcomp: Cannot report on "${name}": ${
        name === "nowhere" ? "no such file or folder" : "there is no journal"
      }; name the output folder of a run, ` +
        "or its pack\n",
    );
  }
  const linked = await workspace.run(["report", "linked"]);
  assert.equal(linked.code, 2);
  assert.match(
    linked.stderr,
    /^distcomp: Cannot report on "linked": "linked\/.distcomp" is a link/,
  );
});

test("a report says how many jobs a run has left that was killed, if the run has noted how many it had", async () => {
  await using workspace = await Workspace.make();
  const journal = [...journalOf({ ...PLAN, isKilled: true })].join("");
  const holder = { pid: 2 ** 22 + 1, host: hostname() };
  const note = { ...holder, v: 1, uid: 0, socket: "/run/0.sock" };
  const notes = new Map<string, object>([
    ["some", { ...note, toRun: 107 }],
    ["none", { ...note, toRun: 100 }], // all have ended, and only the end of the run is missing
    ["unknown", note],
    ["earlier", { ...note, pid: 2 ** 22 + 2, toRun: 107 }],
  ]);
  for (const [folder, record] of notes) {
    await workspace.write(`${folder}/.distcomp/jobs.jsonl`, journal);
    await workspace.write(`${folder}/.distcomp/lock`, JSON.stringify(holder));
    await workspace.write(`${folder}/.distcomp/live.json`, JSON.stringify(record));
  }
  for (
    const [folder, { stdout }] of await workspace.runEach([...notes.keys()], (it) => ["report", it])
  ) {
    const left = folder === "some" ? ", with 7 jobs left" : "";
    assert.match(stdout, new RegExp(`\nthe run did not end in order${left}\n`));
    const page = await readFile(workspace.at(`${folder}.report.html`), "utf8");
    assert.match(page, new RegExp(`, the run did not end in order${left}<`));
  }
});

test("a run that goes on has a report, which says that it goes on", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("out/.distcomp/jobs.jsonl", JOURNAL);
  const holder = { pid: process.pid, host: hostname() };
  await workspace.write("out/.distcomp/lock", JSON.stringify(holder));
  await workspace.write("ended/.distcomp/jobs.jsonl", JOURNAL);
  await workspace.write("ended/.distcomp/lock", JSON.stringify({ ...holder, pid: 2 ** 22 + 1 }));
  const [running, ended] = await workspace.runEach(["out", "ended"], (it) => ["report", it]);
  assert.match(running?.[1].stdout ?? "", /^100 jobs: .*, and the run continues\n/);
  assert.doesNotMatch(ended?.[1].stdout ?? "", /continues/);
  assert.match(await readFile(workspace.at("out.report.html"), "utf8"), /, continues</);
});
