/** Simulates controllers and workers on a virtual clock, with all kinds of failures, and checks what must hold. */

import assert from "node:assert/strict";
import { Connection } from "./simulated/connection.ts";
import { RETRIES, SimulatedController } from "./simulated/controller.ts";
import { CoreLuck } from "./simulated/core_luck.ts";
import type { ControllerPlan, Mishap, Plan, Task, WorkerPlan } from "./simulated/plan.ts";
import { Timeline } from "./simulated/timeline.ts";
import { SimulatedWorker } from "./simulated/worker.ts";

/** How long a controller waits before it dials again, and between attempts to reach a lost worker. */
const DIAL_PAUSE_MS = 100;

/** How long a blocked controller accepts no results. */
const STALL_MS = 1_500;

/** The outcome of a simulation. */
export interface Report {
  /** When the last job ended. */
  readonly makespanMs: number;
  /** The total work divided by the slots: no schedule is faster. */
  readonly idealMs: number;
  /** When each controller's last job ended. */
  readonly finishedAtMs: readonly number[];
  /** The most jobs in flight at one worker, and the most that waited at one controller. */
  readonly inFlightMax: number;
  readonly queuedMax: number;
  /** The part of the slots' time in which they had a job, as measured by the workers' pools. */
  readonly busyPart: number;
  readonly events: number;
}

/** A machine, whose worker may stop and start again. */
interface Machine {
  readonly plan: WorkerPlan;
  worker: SimulatedWorker;
}

/** Runs a plan to its end. Throws if an invariant is violated. */
export function simulate(plan: Plan): Report {
  return new Simulation(plan).run();
}

class Simulation {
  readonly #plan: Plan;
  readonly #timeline = new Timeline();
  readonly #luck: CoreLuck;
  readonly #machines: Machine[];
  readonly #controllers: SimulatedController[];
  readonly #connections = new Set<Connection>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#luck = new CoreLuck(plan.loadFailures);
    this.#machines = plan.workers.map((own) => ({ plan: own, worker: this.#startWorker(own) }));
    this.#controllers = plan.controllers.map((own) => this.#startController(own));
    plan.mishaps.forEach((mishap, index) =>
      this.#timeline.after(mishap.atMs, () => this.#strike(mishap, index))
    );
  }

  run(): Report {
    const limitMs = timeLimitMs(this.#plan);
    while (!this.#controllers.every(({ isFinished }) => isFinished)) {
      assert.ok(this.#timeline.step(), "something can still happen while jobs are open");
      assert.ok(this.#timeline.nowMs <= limitMs, `all jobs end within ${limitMs} ms`);
    }
    const report = this.#report();
    while (this.#timeline.step());
    for (const controller of this.#controllers) controller.assertIdle();
    for (const { worker } of this.#machines) worker.assertIdle();
    this.#controllers.forEach((controller, index) => {
      const { tasks } = this.#plan.controllers[index] as ControllerPlan;
      if (!controller.isGone) assertEnds(tasks, this.#luck);
    });
    return report;
  }

  #report(): Report {
    return {
      makespanMs: this.#timeline.nowMs,
      idealMs: workMs(this.#plan) / slotCount(this.#plan),
      finishedAtMs: this.#controllers.map(({ finishedAtMs }) => finishedAtMs ?? Infinity),
      inFlightMax: Math.max(...this.#controllers.map(({ inFlightMax }) => inFlightMax)),
      queuedMax: Math.max(...this.#controllers.map(({ queuedMax }) => queuedMax)),
      busyPart: Math.min(...this.#machines.map(({ worker }) => worker.busyPart)),
      events: this.#timeline.planned,
    };
  }

  #startWorker(own: WorkerPlan): SimulatedWorker {
    return new SimulatedWorker(this.#timeline, this.#plan, own, this.#luck);
  }

  #startController(own: ControllerPlan): SimulatedController {
    const controller = new SimulatedController(this.#timeline, own);
    for (const machine of this.#machines) {
      this.#timeline.after(own.startsAtMs, () => this.#dial(controller, machine));
    }
    if (own.vanishesAtMs < Infinity) {
      this.#timeline.after(own.vanishesAtMs, () => controller.vanish());
    }
    return controller;
  }

  /** Connects, and reconnects after each disconnect while the controller has work. */
  #dial(controller: SimulatedController, machine: Machine): void {
    if (controller.isFinished) return;
    if (!machine.worker.isAlive) {
      this.#timeline.after(DIAL_PAUSE_MS, () => this.#dial(controller, machine));
      return;
    }
    const { worker, plan } = machine;
    const redials = {
      onClosed: (closed: Connection) => {
        this.#connections.delete(closed);
        controller.onClosed(closed);
        this.#timeline.after(DIAL_PAUSE_MS, () => this.#dial(controller, machine));
      },
    };
    const connection = new Connection(this.#timeline, plan.latencyMs, redials, worker);
    this.#connections.add(connection);
    controller.onConnected(connection, worker, plan.tellsSlots ? plan.slots : undefined);
  }

  #strike({ kind }: Mishap, index: number): void {
    const machine = this.#machines[index % this.#machines.length] as Machine;
    if (kind === "connection breaks") return [...this.#connections].at(index % 3)?.break();
    if (!machine.worker.isAlive) return;
    if (kind === "slot dies") return machine.worker.loseSlot(index);
    // One worker always stays: otherwise all workers might be lost for good.
    if (kind === "worker leaves") {
      return machine !== this.#machines[0] ? machine.worker.leave() : undefined;
    }
    if (kind === "controller stalls") return machine.worker.stall(index, STALL_MS);
    machine.worker.die();
    this.#timeline.after(this.#plan.returnMs, () => {
      machine.worker = this.#startWorker(machine.plan);
    });
  }
}

/** Checks that every job ended as its plan says. */
function assertEnds(tasks: readonly Task[], luck: CoreLuck): void {
  for (const task of tasks) {
    if (task.isUnlucky && task.end === "failed") continue;
    if (luck.mayBeGivenUp(task.core) && task.end === "coreUnavailable") continue;
    const deserved = task.isPoison ? "failed" : "done";
    assert.equal(task.end, deserved, `task ${task.index} of core "${task.core}"`);
    assert.ok(!luck.isBad(task.core), `core "${task.core}" cannot be loaded`);
  }
}

function workMs({ controllers }: Plan): number {
  let sum = 0;
  for (const { tasks } of controllers) for (const { durationMs } of tasks) sum += durationMs;
  return sum;
}

function slotCount({ workers }: Plan): number {
  return workers.reduce((sum, { slots }) => sum + slots, 0);
}

/** Longer than any reasonable schedule takes: after this, jobs are stuck or repeated forever. */
function timeLimitMs(plan: Plan): number {
  const tasks = plan.controllers.flatMap((controller) => controller.tasks);
  const longestMs = tasks.reduce((longest, { durationMs }) => Math.max(longest, durationMs), 0);
  const crashes = (1 + RETRIES) * tasks.filter(({ isPoison }) => isPoison).length;
  const bad = tasks.filter(({ core }) => plan.loadFailures.get(core) === Infinity).length;
  // Only the first worker certainly stays.
  const hasLeavers = plan.mishaps.some(({ kind }) => kind === "worker leaves");
  const slots = hasLeavers ? plan.workers[0]?.slots ?? 0 : slotCount(plan);
  const restartMs = plan.startMs + plan.loadMs;
  return 40_000 + 2 * (workMs(plan) / slots + longestMs) + crashes * restartMs +
    plan.mishaps.length * (plan.returnMs + restartMs + longestMs) +
    // A controller reads more jobs once those it has read have failed, after three loads with pauses.
    Math.ceil(bad / 64) * 3 * (restartMs + 1_000);
}
