/** A command that runs in a process with others: see `command_process.ts`. */

import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { processesOf } from "../lib/process_list.ts";
import { endsWithoutProcesses, eventually, signalQuietly } from "../lib/processes.ts";

/** What a command has printed so far. */
interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** What it printed, and its exit status. */
export interface EndedCommand extends Printed {
  readonly code: number;
}

/** The process in which it runs. */
interface ProcessOfCommand {
  kill(): void;
  /** It may run another command. */
  release(): void;
}

/** It has to end by itself: the process of several commands ends with a test that fails before that. */
export class RunningCommand implements AsyncDisposable {
  readonly #printed: Printed;
  readonly #ended: Promise<EndedCommand>;
  readonly #temporary: string;
  readonly #process: ProcessOfCommand;
  #result: EndedCommand | undefined;

  constructor(
    printed: Printed,
    ended: Promise<EndedCommand>,
    temporary: string,
    process: ProcessOfCommand,
  ) {
    this.#printed = printed;
    this.#temporary = temporary;
    this.#process = process;
    this.#ended = ended.then((result) => this.#result = result);
    this.#ended.catch(() => {}); // whoever waits for its end gets the error
  }

  /** What it has printed so far. */
  get stdout(): string {
    return (this.#result ?? this.#printed).stdout;
  }

  get stderr(): string {
    return (this.#result ?? this.#printed).stderr;
  }

  /** Waits until what it has printed matches `pattern`. */
  async printed(where: "stdout" | "stderr", pattern: RegExp): Promise<RegExpMatchArray> {
    return await eventually(`${pattern} on ${where}`, () => {
      const match = this[where].match(pattern);
      assert(match || !this.#result, `it ended without printing ${pattern}: ${this.stderr}`);
      return match ?? undefined;
    });
  }

  /** Waits for its end, after which no process and no temporary file may be left. */
  async end(): Promise<EndedCommand> {
    const ended = await this.#ended;
    await endsWithoutProcesses(this.#temporary);
    assert.deepEqual(await readdir(this.#temporary), [], "it leaves no file behind");
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#result) this.#process.kill();
    for (const line of await processesOf(this.#temporary)) {
      signalQuietly(parseInt(line, 10), "SIGKILL");
    }
    await rm(this.#temporary, { recursive: true, force: true });
    this.#process.release();
  }
}
