/**
 * Simulates whole clusters: the real controller, its output folder and journal, the real workers, and everything
 * between them, on simulated processes, connections and disks. Everything follows from the seed, and a seed that
 * fails fails again in the same way.
 */

import assert from "node:assert/strict";
import { Bounds } from "./bounds.ts";
import type { Connection } from "./connection.ts";
import { Controller, type Tell } from "./controller.ts";
import { Machine, workerAddress } from "./machine.ts";
import { meddleFor } from "./manners.ts";
import { Network } from "./network.ts";
import { type Fault, type Plan, REPAIR_MS_MAX, SLOT_STALL_MS_MAX } from "./plan.ts";
import { probe } from "./probe.ts";
import { Random } from "./random.ts";
import { Timeline } from "./timeline.ts";
import { VersionCheck } from "./version_check.ts";

/** How often what must hold at all times is checked. */
const CHECK_MS = 100;

/**
 * Once nothing goes wrong any more, runs may still wait this long in all: for workers that are dialed again, for
 * silent ones that are given up, and for slots with jobs of a controller that is gone.
 */
const CALM_MS_MAX = 180_000;

/** And this long for each worker that never answers: a job that was on a lost one has so much time there. */
const SUSPECT_MS = 120_000;

/** TCP's keep-alive notices a silent connection, but takes hours by default. Version 1 has nothing else. */
const KEEP_ALIVE_MS = 30_000;

/** After the last run, workers have this long until they are idle: orphaned jobs end, slots start again. */
const IDLE_MS = 90_000;

/** And this long where a controller may be gone without a word: one that reads nothing of an output has five minutes. */
const UNREAD_IDLE_MS = 330_000;
const LOOK_AGAIN_MS = 1_000;

/** How many connections in a row are spoiled, at most: more than a controller takes to doubt a version. */
const SPOILED_CONNECTIONS_MAX = 4;

/** More events than any plan needs: something goes round in circles. */
const EVENTS_MAX = 5_000_000;

/** What a simulation came to. */
export interface Report {
  readonly events: number;
  readonly virtualMs: number;
  /** How often runs were started, and when each was complete. */
  readonly starts: number;
  readonly completeAtMs: readonly number[];
  /** The most jobs that one run had queued, or in flight, at the moments when that was checked. */
  readonly queuedMax: number;
  readonly inFlightMax: number;
  /** The same for the same events in the same order. */
  readonly fingerprint: number;
}

/** Simulates a plan. Rejects if something that must hold does not. */
export async function simulate(plan: Plan, tell: Tell = () => {}): Promise<Report> {
  const simulation = new Simulation(plan, tell);
  return await simulation.run();
}

class Simulation {
  readonly #plan: Plan;
  readonly #timeline = new Timeline();
  readonly #random: Random;
  readonly #network: Network;
  readonly #machines: Machine[];
  readonly #controllers: Controller[];
  readonly #bounds: Bounds;
  readonly #tell: Tell;
  #queuedMax = 0;
  #inFlightMax = 0;
  #hasStruck = false;
  #isCalm = false;

  constructor(plan: Plan, tell: Tell) {
    this.#plan = plan;
    this.#bounds = new Bounds(plan);
    this.#random = new Random(plan.seed);
    this.#network = new Network(this.#timeline, this.#random);
    this.#tell = (text) => tell(`${this.#timeline.nowMs.toFixed(1)} ms: ${text}`);
    const listening = plan.machines.filter(({ dials }) => !dials).map(workerAddress);
    const latest = plan.machines.filter(({ manner }) => manner !== "version 1");
    this.#controllers = plan.runs.map((run) => {
      const versions = new VersionCheck(latest.map(({ name }) => name));
      const parts = [this.#timeline, this.#network, this.#random] as const;
      return new Controller(...parts, run, listening, versions, this.#tell);
    });
    this.#machines = plan.machines.map((machine) => this.#machine(machine));
  }

  async run(): Promise<Report> {
    for (const machine of this.#machines) {
      this.#timeline.after(machine.plan.joinsAtMs, () => void machine.start());
    }
    for (const controller of this.#controllers) this.#timeline.after(0, () => controller.start());
    for (const fault of this.#plan.faults) {
      this.#timeline.after(fault.atMs, () => this.#strike(fault));
    }
    this.#timeline.after(this.#plan.calmAtMs, () => this.#calm());
    this.#timeline.after(CHECK_MS, () => this.#check());
    await this.#complete();
    const report = this.#report();
    await this.#assertIdle();
    return report;
  }

  #machine(plan: Machine["plan"]): Machine {
    const dials = plan.dials ? this.#controllers.map(({ address }) => address) : [];
    const meddle = meddleFor(plan.manner, this.#random);
    return new Machine(this.#timeline, this.#network, this.#random, plan, dials, meddle, {
      onSlotKilled: (job) => this.#controllers.forEach(({ check }) => check.onSlotKilled(job)),
      onHung: (job) => this.#controllers.forEach(({ check }) => check.onHung(job)),
    });
  }

  async #complete(): Promise<void> {
    const limitMs = this.#limitMs();
    while (!this.#controllers.every(({ isComplete }) => isComplete)) {
      const { nowMs, count } = this.#timeline;
      if (nowMs > limitMs || count > EVENTS_MAX) {
        assert.fail(`the runs do not end within ${Math.round(limitMs / 1_000)} s`);
      }
      if (!await this.#timeline.step()) {
        assert.fail("nothing can happen, but a run is not complete");
      }
      for (const { problem } of this.#controllers) if (problem) throw problem;
    }
  }

  #report(): Report {
    return {
      events: this.#timeline.count,
      virtualMs: this.#timeline.nowMs,
      completeAtMs: this.#controllers.map(({ completeAtMs }) => completeAtMs ?? Infinity),
      queuedMax: this.#queuedMax,
      inFlightMax: this.#inFlightMax,
      starts: this.#controllers.reduce((sum, { starts }) => sum + starts, 0),
      fingerprint: this.#timeline.fingerprint,
    };
  }

  /** Longer than the slowest schedule takes once nothing goes wrong any more. */
  #limitMs(): number {
    const slowest = Math.max(...this.#plan.machines.map(({ slowness }) => slowness));
    const hiccupMs = Math.max(...this.#plan.machines.map((own) => own.hiccupPart * own.hiccupMs));
    let workMs = 0;
    for (const { jobs, timeMs, retries, crashLimit } of this.#plan.runs) {
      for (const { kind, durationMs } of jobs) {
        const ms = kind === "hangs" ? timeMs : durationMs * slowest + hiccupMs;
        if (kind === "crashes") workMs += crashLimit * (1_000 + ms);
        else workMs += kind === "good" ? ms : (1 + retries) * ms;
      }
    }
    const silent = this.#plan.machines.filter(({ manner }) => manner === "is silent").length;
    return this.#plan.calmAtMs + CALM_MS_MAX + silent * SUSPECT_MS + 3 * workMs;
  }

  #strike({ kind, which }: Fault): void {
    if (this.#isCalm) return;
    this.#hasStruck = true;
    for (const { check } of this.#controllers) check.faults += 1;
    const machine = this.#machines[which % this.#machines.length] as Machine;
    const controller = this.#controllers[which % this.#controllers.length] as Controller;
    const ms = which % REPAIR_MS_MAX;
    this.#tell(`${kind} (${machine.plan.name}, ${controller.plan.name}, ${ms} ms)`);
    switch (kind) {
      case "worker is killed":
        machine.kill();
        return this.#restart(machine, ms);
      case "worker loses power":
        machine.losePower((host) => {
          for (const connection of this.#network.connectionsOf(host)) {
            this.#silence(connection, machine);
          }
        });
        return this.#restart(machine, ms);
      case "worker leaves":
        return void machine.drain().then(() => this.#restart(machine, ms));
      case "worker stalls":
        return machine.process?.stall(ms);
      case "slot is killed":
        return machine.slots.at(which % 7)?.killFromOutside();
      case "slot stalls":
        return machine.slots.at(which % 7)?.stall(which % SLOT_STALL_MS_MAX);
      case "connection breaks":
        return this.#network.connectionsOf(machine.host).at(which % 3)?.reset();
      case "connection stalls":
        return this.#network.connectionsOf(machine.host).at(which % 3)?.stall(ms);
      case "connection falls silent": {
        const connection = this.#network.connectionsOf(machine.host).at(which % 3);
        return connection && this.#silence(connection, machine);
      }
      case "new connections break":
        return this.#spoilConnections(machine, which, (connection) => connection.reset());
      case "new connections fall silent":
        return this.#spoilConnections(machine, which, (connection) => {
          this.#silence(connection, machine);
        });
      case "clock jumps":
        controller.process?.jumpClock(ms * (which % 2 ? 1_000 : -1_000));
        return machine.process?.jumpClock(ms * (which % 3 ? 1_000 : -1_000));
      case "disk is full":
        return controller.fillDisk(ms);
      case "controller is killed":
        return controller.kill(which % 2 === 0);
      case "controller loses power":
        return controller.losePower();
      case "controller is interrupted":
        return controller.interrupt();
      case "controller stalls":
        return controller.process?.stall(ms);
    }
  }

  /** A connection of a machine breaks, and the next ones are spoiled while their ends say what they speak. */
  #spoilConnections(
    { host, plan }: Machine,
    which: number,
    spoil: (connection: Connection) => void,
  ): void {
    const delayMs = (which % 10) / 4 * plan.latencyMs;
    host.expect(
      (connection) => void this.#timeline.after(delayMs, () => spoil(connection)),
      1 + which % SPOILED_CONNECTIONS_MAX,
    );
    this.#network.connectionsOf(host).at(0)?.reset();
  }

  /**
   * The ends of a silent connection of version 2 have to notice it. One of version 1 may be with a worker of version 2
   * whose answers to earlier offers got lost.
   */
  #silence(connection: Connection, { plan }: Machine): void {
    const run = this.#controllers.find(({ host }) => connection.hosts.includes(host));
    const isVersion1 = plan.manner === "version 1" || run?.isVersion1With(plan.name);
    connection.silence(isVersion1 ? KEEP_ALIVE_MS : Infinity);
  }

  #restart(machine: Machine, ms: number): void {
    this.#timeline.after(ms, () => void machine.start());
  }

  /** Nothing goes wrong any more. */
  #calm(): void {
    this.#tell("calm");
    this.#isCalm = true;
    for (const { host } of this.#machines) host.calm();
  }

  /** Checks what holds until something goes wrong. */
  #check(): void {
    if (this.#hasStruck) return;
    this.#timeline.after(CHECK_MS, () => this.#check());
    for (const controller of this.#controllers) {
      this.#bounds.check(controller, this.#timeline.nowMs);
      const { queued = 0, inFlight = 0 } = controller.status ?? {};
      this.#queuedMax = Math.max(this.#queuedMax, queued);
      this.#inFlightMax = Math.max(this.#inFlightMax, inFlight);
    }
  }

  /** Every worker has all of its slots, and none of them has a job. */
  async #assertIdle(): Promise<void> {
    const mayBeUnread = this.#plan.faults.some(({ kind }) => /silent|loses power/.test(kind));
    const untilMs = this.#timeline.nowMs + (mayBeUnread ? UNREAD_IDLE_MS : IDLE_MS);
    let busy = await this.#busyMachine();
    while (busy && this.#timeline.nowMs < untilMs) {
      await this.#pass(LOOK_AGAIN_MS);
      busy = await this.#busyMachine();
    }
    if (busy) assert.fail(busy);
  }

  /** What keeps a machine from being idle, if one is not. */
  async #busyMachine(): Promise<string | undefined> {
    for (const machine of this.#machines) {
      if (!machine.isRunning) continue;
      const { name, slots, manner, dials } = machine.plan;
      const found = machine.usableSlots;
      if (found !== slots) return `${name} has ${found} of its ${slots} slots`;
      if (manner === "version 1" || dials) continue;
      const load = await probe(this.#timeline, this.#network, this.#random, machine)
        .catch((error) => String(error));
      if (typeof load === "string") return `${name} does not say its load: ${load}`;
      if (load.slotsBusy + load.jobsWaiting > 0) return `${name} has ${JSON.stringify(load)}`;
    }
    return undefined;
  }

  async #pass(ms: number): Promise<void> {
    const untilMs = this.#timeline.nowMs + ms;
    while (this.#timeline.nowMs < untilMs && await this.#timeline.step());
  }
}
