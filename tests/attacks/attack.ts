/**
 * What these tests have in common: an honest run on a real worker, an attacker beside it, and how much of its rate
 * the honest run keeps. Rates are compared within one run and loosely: the machine may be busy with other work.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { eventually, type Program, signalQuietly } from "../lib/processes.ts";
import { connect, loadAllSlots, loadCore, run } from "../worker/controllers.ts";
import { keyedDial } from "./keyed_host.ts";

/** The goal is half of the rate, on a quiet machine. */
const KEPT_PART_MIN = 0.25;

/** The goal is a second. */
export const ANSWER_MS_MAX = 5_000;

/** How long jobs are counted. */
const PHASE_MS = 2_000;

/** Jobs that are sent before the first is answered. Each sleeps for a while: what is measured is the worker's fairness. */
const WINDOW = 4;
const JOB = "sleep 3";

/** What attackers may add to a worker's memory. */
const GROWTH_BYTES_MAX = 512 * 2 ** 20;

/** What an honest run gets in a while. */
export interface Phase {
  /** Jobs that were answered, in a second. */
  readonly jobs: number;
  /** The longest time between a job and its answer. */
  readonly slowestMs: number;
}

/** An honest controller of version 1 that sends one job after another. */
export class HonestRun implements AsyncDisposable {
  readonly #worker: Program;
  readonly #controller: ControllerV1;
  #answered = 0;
  #slowestMs = 0;
  /** When each lane has sent its job. */
  readonly #sentAtMs = new Map<number, number>();
  /** The memory of the worker before any attack. */
  #quietBytes = 0;
  #hasEnded = false;
  #lanes: Promise<unknown> = Promise.resolve();

  private constructor(worker: Program, controller: ControllerV1) {
    this.#worker = worker;
    this.#controller = controller;
  }

  /** `key`: the file of one; then it uses TLS. */
  static async start(worker: Program, slots: number, key?: string): Promise<HonestRun> {
    const controller = key === undefined ? await connect(worker) : await secure(worker, key);
    await loadCore(controller, "behave");
    await loadAllSlots(controller, slots);
    const honest = new HonestRun(worker, controller);
    honest.#quietBytes = await worker.residentBytes();
    honest.#lanes = Promise.all(Array.from({ length: WINDOW }, (_, lane) => honest.#lane(lane)));
    return honest;
  }

  /** Counts its jobs for a while. Jobs a second. */
  async phase(ms = PHASE_MS): Promise<Phase> {
    const before = this.#answered;
    const startedAtMs = performance.now();
    this.#slowestMs = 0;
    await delay(ms);
    const growth = await this.#worker.residentBytes() - this.#quietBytes;
    assert(growth < GROWTH_BYTES_MAX, `the worker has grown by ${growth} bytes`);
    const nowMs = performance.now();
    const waitingMs = [...this.#sentAtMs.values()].map((sentAtMs) => nowMs - sentAtMs);
    return {
      jobs: 1_000 * (this.#answered - before) / (nowMs - startedAtMs),
      slowestMs: Math.max(this.#slowestMs, ...waitingMs),
    };
  }

  async #lane(lane: number): Promise<void> {
    while (!this.#hasEnded) {
      const sentAtMs = performance.now();
      this.#sentAtMs.set(lane, sentAtMs);
      assert.equal(await run(this.#controller, JOB), "slept");
      this.#answered += 1;
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sentAtMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    try {
      await this.#lanes;
    } finally {
      await this.#controller.close();
    }
  }
}

async function secure({ port }: Program, key: string): Promise<ControllerV1> {
  const dial = await keyedDial(key, "controller");
  return new ControllerV1(await dial(port, "127.0.0.1"));
}

/** Fails unless an honest run has kept its rate, and its answers came in time. */
export function assertKept(before: Phase, during: Phase): void {
  const part = during.jobs / before.jobs;
  const text = `${Math.round(before.jobs)} jobs/s before, ${Math.round(during.jobs)} during ` +
    `(${Math.round(100 * part)} %), the slowest answer after ${Math.round(during.slowestMs)} ms`;
  console.log(text);
  assert(part >= KEPT_PART_MIN, text);
  assert(during.slowestMs < ANSWER_MS_MAX, text);
}

/** A process that attacks a port of this machine until it is disposed of. */
export class Attacker implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `where`: a port of 127.0.0.1, or `HOST:PORT`; and a key, if the attack is over TLS. */
  static async start(
    kind: string,
    where: number | string | { readonly port: number; readonly key: string | undefined },
    ...args: unknown[]
  ): Promise<Attacker> {
    const { port, key } = typeof where === "object" ? where : { port: where, key: undefined };
    const script = fileURLToPath(new URL("attacker.ts", import.meta.url));
    const flags = process.versions.bun ? [] : ["-A", "--quiet"];
    const command = ["run", ...flags, script, kind, String(port), ...args.map(String)];
    const child = spawn(process.execPath, command, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ATTACK_KEY: key },
    });
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (more) => text += more);
    const attacker = new Attacker(child);
    try {
      await eventually("the attack has begun", () => text.includes("attacking"));
    } catch (error) {
      await attacker[Symbol.asyncDispose]();
      throw error;
    }
    return attacker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.pid === undefined) return;
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    signalQuietly(this.#child.pid, "SIGKILL");
    await ended;
  }
}
