/** A run on a real terminal, in tmux. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import process from "node:process";
import { core } from "../lib/cores.ts";
import { eventually, programCommand } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";
import { Workspace } from "./workspace.ts";

const BEHAVE = await core("behave");
const lacksTmux = spawnSync("tmux", ["-V"]).status === 0 ? undefined : "no tmux here";

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
      return printed === "slot 1: from a core" && rest.length === 0 && BAR.test(bar);
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

testUnless(lacksTmux, "a dumb terminal gets lines, and no bar", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", LINES);
  const args = `run ${BEHAVE} --lines lines --slots 1`;
  using screen = new Screen(100, workspace, args, "TERM=dumb");
  await eventually("a line", () => /^2\/3 jobs, .*1 worker, 1 slot$/m.test(screen.text()));
  assert.doesNotMatch(screen.text(), /[█░]/);
});

/** A terminal in which the program runs. */
class Screen implements Disposable {
  static #count = 0;
  readonly #name = `distcomp-${process.pid}-${++Screen.#count}`;

  constructor(columns: number, workspace: Workspace, args: string, variables = "") {
    const program = `env NO_COLOR=1 ${variables} ${programCommand().join(" ")} ${args}`;
    const size = ["-x", `${columns}`, "-y", "20"];
    // tmux scrolls away what it has wrapped in the topmost row, so the program begins further down.
    const command =
      `cd ${workspace.path}; unset DISTCOMP_WORKERS; echo; echo; ${program}; sleep 60`;
    this.#tmux("new-session", "-d", "-s", "test", ...size, command);
  }

  /** All that was written and is still there, also what has scrolled away; lines that are wrapped are whole. */
  text(): string {
    return this.#tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "test")
      .replace(/ +$/gm, "").trim();
  }

  resize(columns: number): void {
    this.#tmux("resize-window", "-t", "test", "-x", `${columns}`);
  }

  type(key: string): void {
    this.#tmux("send-keys", "-t", "test", key);
  }

  [Symbol.dispose](): void {
    this.#tmux("kill-server");
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync("tmux", ["-L", this.#name, "-f", "/dev/null", ...args], {
      encoding: "utf8",
    });
  }
}
