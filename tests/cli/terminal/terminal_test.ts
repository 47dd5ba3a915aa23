/** A run on a real terminal, in tmux. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import process from "node:process";
import { core } from "../../lib/cores.ts";
import { eventually } from "../../lib/processes.ts";
import { testUnless } from "../../lib/test.ts";
import { Gate, PASSED } from "../gate.ts";
import { lacksTmux, Screen } from "../screen.ts";
import { Workspace } from "../workspace.ts";

const BEHAVE = await core("behave");
const isNotLinux = process.platform === "linux" ? undefined : "only Linux tells";

/** Two jobs that print and end, and one that does not. */
const LINES = "stdout from a core\necho b\nsleep 600000\n";

const BAR = /^[█░]+ +66% {2}2\/3 jobs\b.*$/m;

testUnless(
  lacksTmux,
  "a bar is redrawn below what cores print, and is gone at the end",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", LINES);
    using screen = new Screen(100, workspace, `run ${BEHAVE} --lines lines --slots 1`);
    await eventually("nothing but a bar below the line", () => {
      const [printed, bar = "", ...rest] = screen.text().split("\n");
      return printed === "000000: from a core" && rest.length === 0 && BAR.test(bar);
    });
    screen.type("C-c");
    await eventually("the first Ctrl-C", () => /^finishing 1 running job;/m.test(screen.text()));
    screen.type("C-c");
    await eventually("the end", () => /^to resume: /m.test(screen.text()));
    assert.doesNotMatch(screen.text(), /[█░]/);
  },
);

// A redraw that meets the resize itself may leave a piece of the old bar: only the new bar is looked at.
testUnless(lacksTmux, "the bar fits a window that becomes narrower", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", LINES);
  using screen = new Screen(100, workspace, `run ${BEHAVE} --lines lines --slots 1`);
  for (const columns of [100, 60, 40]) {
    screen.resize(columns);
    await eventually(`a bar in ${columns} columns`, () => {
      const bar = screen.text().split("\n").at(-1) ?? "";
      return BAR.test(bar) && bar.length < columns;
    });
  }
});

testUnless(lacksTmux, "figures of a summary that do not fit into a line go on below", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "echo a\necho b\n");
  using screen = new Screen(40, workspace, `run ${BEHAVE} --lines lines --slots 1`);
  await eventually("the end", () => /^time in the core: /m.test(screen.text()));
  assert.match(screen.text(), /^[\d.]+ jobs\/s · .*\n {2}.*slots \d+% busy$/m);
});

testUnless(lacksTmux, "a dumb terminal gets lines, and no bar", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", LINES);
  const args = `run ${BEHAVE} --lines lines --slots 1`;
  using screen = new Screen(100, workspace, args, { variables: "TERM=dumb" });
  await eventually("a line", () => /^2\/3 jobs, .*1 worker, 1 slot$/m.test(screen.text()));
  assert.doesNotMatch(screen.text(), /[█░]/);
});

testUnless(
  lacksTmux,
  "Ctrl-Z stops a run and removes its bar, and fg draws the bar again below the shell's lines",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", `echo a\necho b\n${gate.job}\n`);
    const script = { before: "set -m", after: "echo it has stopped; read answer; fg; echo over" };
    using screen = new Screen(100, workspace, `run ${BEHAVE} --lines lines --slots 1`, script);
    await eventually("a bar", () => BAR.test(screen.text()));
    screen.type("C-z");
    await eventually("no bar", () => /^it has stopped$/m.test(screen.text()));
    assert.doesNotMatch(screen.text(), /[█░]/);
    screen.resize(60);
    screen.type("Enter");
    await eventually("a bar that fits in the last line", () => {
      const bar = screen.text().split("\n").at(-1) ?? "";
      return BAR.test(bar) && bar.length < 60;
    });
    const shown = screen.text(); // once: the bar goes on meanwhile
    assert.equal(shown.match(/░/g)?.length, shown.split("\n").at(-1)?.match(/░/g)?.length);
    await gate.open();
    await eventually("the end", () => /^over$/m.test(screen.text()));
    assert.match(screen.text(), /^3 jobs done/m);
    assert.equal((await workspace.outputsByNumber())["2"], PASSED);
  },
);

testUnless(
  lacksTmux ?? isNotLinux,
  "a run in the background draws no bar, and goes on although stty says that writing stops it",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    // The second line is printed several redraws after the first one.
    await workspace.write("lines", `stdout one\nsleep 700\nstdout two\n${gate.job}\n`);
    const script = { before: "set -m; stty tostop", after: "read answer; fg; echo over" };
    using screen = new Screen(100, workspace, `run ${BEHAVE} --lines lines --slots 1 &`, script);
    await eventually("both lines", () => /^000002: two$/m.test(screen.text()));
    assert.doesNotMatch(screen.text(), /[█░]/);
    screen.type("Enter");
    await eventually("a bar in the foreground", () => /^[█░]+ +75% {2}3\/4/m.test(screen.text()));
    await gate.open();
    await eventually("the end", () => /^over$/m.test(screen.text()));
    assert.match(screen.text(), /^4 jobs done/m);
  },
);

testUnless(
  lacksTmux ?? isNotLinux,
  "Ctrl-Z does not stop a run that no shell could continue",
  async () => {
    await using workspace = await Workspace.make();
    const gate = new Gate(workspace);
    await workspace.write("lines", `echo a\necho b\n${gate.job}\n`);
    const args = `run ${BEHAVE} --lines lines --slots 1`;
    using screen = new Screen(100, workspace, args, { before: "echo alone", isAlone: true });
    await eventually("a bar", () => BAR.test(screen.text()));
    // The terminal handles keys in order. With the second one it goes to a new line, where the bar is drawn again.
    screen.type("C-z", "Enter");
    await eventually(
      "the keys",
      () => screen.text().split("\n").filter((line) => BAR.test(line)).length > 1,
    );
    await gate.open();
    await eventually("its output", async () => (await workspace.outputsByNumber())["2"] === PASSED);
  },
);

testUnless(lacksTmux, "a worker's terminal has a line that lives, below its log", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "echo a\ncode 3 bad\n");
  const args = "worker --listen 127.0.0.1:0 --slots 2";
  using screen = new Screen(110, workspace, args);
  const idle = /^0\/2 slots busy {2}0 done {2}0 failed {2}no controller {2}.* free$/m;
  await eventually("a line", () => idle.test(screen.text()));
  const [, port] = /^listening on 127\.0\.0\.1:(\d+), 2 slots$/m.exec(screen.text()) ?? [];
  await workspace.run(["run", BEHAVE, "--lines", "lines", "--workers", `127.0.0.1:${port}`]);
  await eventually("the same line with other numbers", () => {
    const [line = "", above = ""] = screen.text().split("\n").reverse();
    return /^0\/2 slots busy {2}1 done {2}1 failed /.test(line) && / disconnected$/.test(above);
  });
  screen.type("C-c");
  await eventually("no line", () => /SIGINT: finishing.*$/.test(screen.text()));
});

testUnless(
  lacksTmux,
  "a run whose terminal is closed finishes its running jobs and leaves nothing behind",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("tmp/kept", "");
    const gate = new Gate(workspace);
    await workspace.write("lines", `${gate.job}\n`.repeat(9));
    const variables = `TMPDIR=${workspace.at("tmp")}`;
    const args = `run ${BEHAVE} --lines lines --slots 2`;
    using screen = new Screen(100, workspace, args, { variables });
    await gate.reachedBy(2);
    screen.close();
    await gate.open();
    await eventually("it has ended", async () => (await workspace.leftovers()).length === 0);
    // How many jobs have started before the run gets SIGHUP depends on the machine. Each of them has finished.
    const records = await workspace.recordsSoFar();
    const numbers = records.map(({ index }) => Number(index)).sort();
    assert.deepEqual(numbers, [...numbers.keys()]);
    assert(numbers.length >= 2 && records.every(({ state }) => state === "done"));
    assert.equal(Object.keys(await workspace.outputs()).length, numbers.length);
    await eventually("its folder is gone", async () => {
      return (await readdir(workspace.at("tmp"))).length === 1;
    });
  },
);
