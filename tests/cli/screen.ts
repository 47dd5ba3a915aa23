/** A real terminal, in tmux. */

import { execFileSync, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { programCommand } from "../lib/program_commands.ts";
import type { Workspace } from "./workspace.ts";

/** Why there is no terminal here; `undefined` if there is one. */
export const lacksTmux = spawnSync("tmux", ["-V"]).status === 0 ? undefined : "no tmux here";

/** What else happens in a terminal. */
export interface Script {
  /** Shell variables of the program. */
  readonly variables?: string;
  /** Commands before and after the program. */
  readonly before?: string;
  readonly after?: string;
  /** The program takes the place of the shell. */
  readonly isAlone?: boolean;
}

/** A terminal in which the program runs. */
export class Screen implements Disposable {
  static #count = 0;
  /** Where tmux listens. tmux itself never removes it. */
  readonly #socket = join(tmpdir(), `distcomp-tmux-${process.pid}-${++Screen.#count}`);

  constructor(columns: number, workspace: Workspace, args: string, script: Script = {}) {
    const { variables = "", before = ":", after = ":", isAlone = false } = script;
    const program = `env NO_COLOR=1 ${variables} ${programCommand().join(" ")} ${args}`;
    const size = ["-x", `${columns}`, "-y", "20"];
    // tmux scrolls away what it has wrapped in the topmost row, so the program begins further down.
    const command = `cd ${workspace.path}; unset DISTCOMP_WORKERS; ${before}; echo; echo; ${
      isAlone ? "exec" : ""
    } ${program}${args.endsWith("&") ? "" : ";"} ${after}; sleep 60`;
    this.#tmux("new-session", "-d", "-s", "test", ...size, command);
  }

  /** All that was written and is still there, also what has scrolled away; lines that are wrapped are whole. */
  text(): string {
    return this.#tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "test")
      .replace(/ +$/gm, "").trim();
  }

  /** Closes the window, as a user does, or a connection that breaks. Something else keeps tmux alive. */
  close(): void {
    this.#tmux("new-session", "-d", "-s", "other", "sleep 60");
    this.#tmux("kill-session", "-t", "test");
  }

  resize(columns: number): void {
    this.#tmux("resize-window", "-t", "test", "-x", `${columns}`);
  }

  type(...keys: readonly string[]): void {
    this.#tmux("send-keys", "-t", "test", ...keys);
  }

  [Symbol.dispose](): void {
    // Closing the window is not enough: a run then finishes its running jobs.
    spawnSync("kill", ["-KILL", ...this.#programs().map(String)]);
    spawnSync("tmux", ["-S", this.#socket, "kill-server"]); // it has ended if a program without a shell has
    rmSync(this.#socket, { force: true });
  }

  /** The processes that the shell has started, or that took its place. */
  #programs(): number[] {
    const { stdout } = spawnSync("tmux", ["-S", this.#socket, "list-panes", "-aF", "#{pane_pid}"]);
    const panes = stdout.toString().split("\n").filter((line) => line !== "").map(Number);
    const all = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).split("\n")
      .map((line) => line.trim().split(/ +/).map(Number));
    const started = all.filter(([, parent = 0]) => panes.includes(parent)).map(([pid = 0]) => pid);
    return [...panes, ...started];
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync("tmux", ["-S", this.#socket, "-f", "/dev/null", ...args], {
      encoding: "utf8",
    });
  }
}
