/** The connections with workers: dialled, taken in, lost, waited for. Which jobs they get is not known here. */

import { formatAddress } from "../link/address.ts";
import { Backoff } from "../link/backoff.ts";
import type { DispatchId, EndpointId } from "../pool/types.ts";
import { LATEST_VERSION, type WorkerDescription } from "../protocol/mod.ts";
import type { Log } from "../runtime/log.ts";
import type { Address, ByteStream, Runtime, StreamListener } from "../runtime/ports.ts";
import { Offers } from "./offers.ts";
import { reasonOf } from "./system_error.ts";
import {
  type Answer,
  UnusableWorkerError,
  VERSION_LIMIT_MS,
  VersionRefusedError,
  WorkerLink,
} from "./worker_link.ts";

/** One attempt to connect. */
const DIAL_LIMIT_MS = 10_000;

/** A worker that was never of use, or is gone, is waited for this long before the run can do without. */
const HOPE_MS = 10_000;

const CLOSED_BY_WORKER = "it closed the connection";

/** A worker that is connected. */
export interface Member {
  readonly name: string;
  readonly link: WorkerLink;
  /** How many it has, if we know without asking. */
  readonly slots: number | undefined;
  readonly joinedAtMs: number;
  /** What it says of itself, from version 2 on. */
  description: WorkerDescription | undefined;
  /** As the pool knows it, once it can be used. */
  endpoint: EndpointId | undefined;
  /** Jobs that it has answered, and when it did last. */
  answers: number;
  answeredAtMs: number;
  /** It has said that it is about to leave. */
  isLeaving: boolean;
}

/** What is known of an address that is dialled. */
interface Dialled {
  /** It was a worker since the last attempt: that it is lost was said then. */
  wasUp: boolean;
  /** And one that answered, or at least stayed: there is hope again. */
  wasOfUse: boolean;
  /** Why nobody waits for it any more. */
  hopeless: string | undefined;
}

/** How long to wait for workers; for tests. */
export interface WorkersLimits {
  readonly hopeMs: number;
  readonly versionMs: number;
  /** A worker of version 2 that is silent for longer is given up. */
  readonly silentMs: number | undefined;
  /** Fewer workers are of no use. */
  readonly needed: number;
}

/** What the owner hears. */
export interface WorkersEvents {
  /** A worker can be used. */
  onUp(member: Member): void;
  onLoaded(member: Member): void;
  onAnswer(member: Member, dispatch: DispatchId, answer: Answer): void;
  onDraining(member: Member): void;
  /**
   * A worker that was up is gone. `isProven`: under its name jobs were answered before, so that it may be
   * a job that has ended it. Returns how many jobs it had.
   */
  onDown(member: Member, why: string, isProven: boolean): number;
  /** No worker is left, and none can come back. Called once. */
  onForsaken(reasons: readonly string[]): void;
}

/** The worker is to be connected to again, at once: it may speak a newer version than it has agreed on. */
class AskAgainError extends Error {
  override name = "AskAgainError";
}

/** A run's workers. */
export class Workers {
  readonly #runtime: Runtime;
  readonly #events: WorkersEvents;
  readonly #log: Log;
  readonly #limits: WorkersLimits;
  readonly #up = new Set<Member>();
  readonly #connecting = new Set<Member>();
  readonly #listeners: StreamListener[] = [];
  readonly #dialled = new Map<string, Dialled>();
  readonly #offers = new Offers();
  /** Names under which jobs were answered. */
  readonly #proven = new Set<string>();
  /** Why workers that came by themselves, or were given, are not used any more. */
  readonly #farewells = new Map<string, string>();
  /** Workers that are not to be used, by `voterOf`, and why. */
  readonly #banned = new Map<string, string>();
  #expectsGuests = false;
  #isPaused = false;
  #isClosed = false;

  constructor(
    runtime: Runtime,
    events: WorkersEvents,
    log: Log,
    limits: Partial<WorkersLimits> = {},
  ) {
    this.#runtime = runtime;
    this.#events = events;
    this.#log = log;
    this.#limits = {
      hopeMs: HOPE_MS,
      versionMs: VERSION_LIMIT_MS,
      silentMs: undefined,
      needed: 1,
      ...limits,
    };
  }

  /** Those that can be used. */
  get up(): ReadonlySet<Member> {
    return this.#up;
  }

  /** Dials a worker, and dials again when it is gone. One that was given up is tried once more. */
  dial(address: Address): void {
    const name = formatAddress(address);
    const known = this.#dialled.get(name);
    if (known && known.hopeless === undefined) return;
    const state = { wasUp: false, wasOfUse: false, hopeless: undefined };
    this.#dialled.set(name, state);
    void this.#keepDialling(name, address, state);
  }

  /** Takes workers that dial us. Returns where. */
  listen(address: Address): Address {
    const listener = this.#listenerAt(address);
    this.#listeners.push(listener);
    this.#expectsGuests = true;
    void this.#acceptFrom(listener);
    return listener.address;
  }

  /** Takes a worker that is connected already; `slots` if we know how many it has. Resolves at its end. */
  join(stream: ByteStream, name = stream.peer, slots?: number): Promise<Error | undefined> {
    if (this.#isClosed) {
      stream.close();
      return Promise.resolve(undefined);
    }
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    const link: WorkerLink = new WorkerLink(stream, {
      onReady: (description) => this.#onReady(member, description),
      onLoaded: () => this.#events.onLoaded(member),
      onLoadFailed: (_core, reason) => link.close(new UnusableWorkerError(reason)),
      onAnswer: (dispatch, answer) => this.#events.onAnswer(member, dispatch, answer),
      onDraining: () => this.onLeaving(member),
      onClosed: (reason) => {
        this.#onClosed(member, reason);
        resolve(reason);
      },
    }, {
      version: this.#offers.next(this.#keyOf(name)),
      versionLimitMs: this.#limits.versionMs,
      ...this.#limits.silentMs !== undefined && { silentMsMax: this.#limits.silentMs },
    });
    const member: Member = {
      name,
      link,
      slots,
      joinedAtMs: performance.now(),
      description: undefined,
      endpoint: undefined,
      answers: 0,
      answeredAtMs: 0,
      isLeaving: false,
    };
    this.#connecting.add(member);
    link.start();
    return promise;
  }

  /** A worker that somebody else looks after will never come (again). */
  giveUp(name: string, reason: string): void {
    this.#dismiss(name, reason);
  }

  /** The worker that `voterOf` calls so is not to be used again, however it comes. */
  ban(voter: string, reason: string): void {
    this.#banned.set(voter, reason);
    for (const member of [...this.#up]) {
      if (voterOf(member) === voter) member.link.close(new UnusableWorkerError(reason));
    }
  }

  /** Does without a worker that was dialled: what it has is answered, and nobody dials it again. */
  leave(address: Address): void {
    const name = formatAddress(address);
    this.#dialled.delete(name);
    for (const member of this.#up) if (member.name === name) this.onLeaving(member);
    for (const { name: other, link } of [...this.#connecting]) if (other === name) link.close();
  }

  /** The worker starts nothing more: it has said so, or it shows. */
  onLeaving(member: Member): void {
    if (member.isLeaving) return;
    member.isLeaving = true;
    this.#log.info(`worker ${member.name} is about to leave`);
    this.#events.onDraining(member);
  }

  /** Whether workers may come that are not here now. */
  get expectsMore(): boolean {
    const upNames = new Set([...this.#up].map(({ name }) => name));
    return this.#expectsGuests ||
      [...this.#dialled].some(([name, { hopeless }]) => !upNames.has(name) && !hopeless);
  }

  /** Lets workers wait with their answers, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { link } of this.#up) link.pause(isPaused);
  }

  /** Looks for workers that give no sign of life. Call it several times a second. */
  look(nowMs: number): void {
    for (const { link } of [...this.#up, ...this.#connecting]) link.look(nowMs);
    const hasWaited = ({ joinedAtMs }: Member) => nowMs - joinedAtMs > this.#limits.hopeMs;
    if (this.#up.size < this.#limits.needed && [...this.#up].some(hasWaited)) this.#checkForsaken();
  }

  /** Leaves all of them. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener.close();
    for (const member of [...this.#up, ...this.#connecting]) member.link.close();
  }

  #listenerAt(address: Address): StreamListener {
    try {
      return this.#runtime.listen(address);
    } catch (cause) {
      const name = formatAddress(address);
      throw new Error(`Cannot listen on ${name}: ${reasonOf(cause)}`, { cause });
    }
  }

  async #acceptFrom(listener: StreamListener): Promise<void> {
    for (;;) {
      const stream = await listener.accept();
      if (!stream) return;
      void this.join(stream);
    }
  }

  async #keepDialling(name: string, address: Address, state: Dialled): Promise<void> {
    const backoff = new Backoff();
    let hopeUntilMs = performance.now() + this.#limits.hopeMs;
    let said = "";
    let refusals = 0;
    while (!this.#isClosed && this.#dialled.get(name) === state) {
      const outcome = await this.#dialOnce(name, address, state);
      if (this.#isClosed) return;
      const why = outcome ? reasonOf(outcome) : CLOSED_BY_WORKER;
      if (outcome instanceof AskAgainError) continue;
      if (!(outcome instanceof VersionRefusedError)) refusals = 0;
      else if (++refusals < LATEST_VERSION) continue; // it may speak another, older or newer
      if (outcome instanceof UnusableWorkerError) return this.#dismiss(name, why);
      if (state.wasOfUse) {
        hopeUntilMs = performance.now() + this.#limits.hopeMs;
        backoff.reset();
      } else if (performance.now() > hopeUntilMs) {
        state.hopeless = why;
        this.#checkForsaken();
      }
      if (why !== said && !state.wasUp) this.#log.warn(`worker ${name}: ${why}; trying again`);
      said = why;
      state.wasUp = state.wasOfUse = false;
      await new Promise((resolve) => setTimeout(resolve, backoff.next()));
    }
  }

  /** One connection from its beginning to its end. */
  async #dialOnce(
    name: string,
    address: Address,
    state: Dialled,
  ): Promise<Error | undefined> {
    try {
      const stream = await this.#runtime.dial(address, DIAL_LIMIT_MS);
      if (this.#isClosed || this.#dialled.get(name) !== state) return void stream.close();
      return await this.join(stream, name);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #onReady(member: Member, description: WorkerDescription | undefined): void {
    this.#connecting.delete(member);
    member.description = description;
    if (member.isLeaving) return member.link.close(new Error("it is about to leave"));
    if (!this.#offers.onAgreed(this.#keyOf(member.name), member.link.version)) {
      return member.link.close(new AskAgainError("it may speak a newer version of the protocol"));
    }
    const banned = this.#banned.get(voterOf(member));
    if (banned !== undefined) return member.link.close(new UnusableWorkerError(banned));
    const twin = this.#twinOf(member);
    if (twin && this.#dialled.has(member.name)) {
      const problem = `it is the same worker as ${twin.name}, and is used once`;
      return member.link.close(new UnusableWorkerError(problem));
    }
    // It has dialled again: whatever it has been, the old connection is of no use to it.
    twin?.link.close(new Error("it has connected again"));
    this.#up.add(member);
    const dialled = this.#dialled.get(member.name);
    if (dialled) {
      dialled.wasUp = true;
      dialled.hopeless = undefined;
    }
    member.link.pause(this.#isPaused);
    this.#events.onUp(member);
  }

  /** The same worker process on another connection, unless that only finishes what it has. */
  #twinOf({ description }: Member): Member | undefined {
    if (!description) return undefined;
    return [...this.#up].find((other) =>
      other.description?.instance === description.instance && !other.isLeaving
    );
  }

  #onClosed(member: Member, reason: Error | undefined): void {
    this.#connecting.delete(member);
    if (this.#isClosed) return;
    const { name } = member;
    this.#noteVersion(member, reason);
    const why = reason ? reasonOf(reason) : CLOSED_BY_WORKER;
    const dialled = this.#dialled.get(name);
    if (dialled) dialled.wasOfUse = this.#isOfUse(member);
    if (this.#up.delete(member)) {
      if (member.answers > 0) this.#proven.add(this.#keyOf(name));
      const lost = this.#events.onDown(member, why, this.#proven.has(this.#keyOf(name)));
      if (!(reason instanceof UnusableWorkerError)) this.#sayLost(member, why, lost);
    }
    const isOld = reason instanceof VersionRefusedError && reason.version > 1;
    if (reason instanceof UnusableWorkerError && !isOld && !dialled) this.#dismiss(name, why);
  }

  /** What to offer next time follows from how this connection has ended. */
  #noteVersion({ name, link }: Member, reason: Error | undefined): void {
    const key = this.#keyOf(name);
    if (reason instanceof VersionRefusedError) this.#offers.onRefused(key, link.version);
    else if (link.isAgreed) this.#offers.onEnded(key);
    else this.#offers.onUnanswered(key);
  }

  /** A worker that dials comes from another port each time. */
  #keyOf(name: string): string {
    return this.#dialled.has(name) ? name : name.replace(/:\d+$/, "");
  }

  #sayLost({ name, isLeaving }: Member, why: string, lost: number): void {
    const jobs = `${lost} ${lost === 1 ? "job" : "jobs"}`;
    const run = lost === 1 ? "runs" : "run";
    const where = this.#up.size > 0 ? `${run} elsewhere` : `${run} as soon as there is a worker`;
    const rerun = lost === 0 ? "" : `; ${jobs} ${where}`;
    this.#log.warn(
      isLeaving ? `worker ${name} has left${rerun}` : `lost worker ${name}: ${why}${rerun}`,
    );
  }

  /** One that only ever takes jobs and goes is not worth waiting for: they would be sent in a circle. */
  #isOfUse({ endpoint, answers, joinedAtMs }: Member): boolean {
    if (endpoint === undefined) return false;
    return answers > 0 || performance.now() - joinedAtMs > this.#limits.hopeMs;
  }

  /** A worker that will never be of use. If it was the last hope, the run's end says why; else a warning. */
  #dismiss(name: string, why: string): void {
    const dialled = this.#dialled.get(name);
    const farewell = `${this.#keyOf(name)}: ${why}`;
    const isKnown = this.#farewells.has(farewell); // who dials us may do so again and again
    if (dialled) dialled.hopeless = why;
    else if (!isKnown) this.#farewells.set(farewell, `${name}: ${why}`);
    this.#checkForsaken();
    if (!this.#isClosed && !isKnown) this.#log.warn(`cannot use worker ${name}: ${why}`);
  }

  #checkForsaken(): void {
    if (this.#isClosed || this.#expectsGuests) return;
    const isHopeful = ({ name }: Member) => this.#dialled.get(name)?.hopeless === undefined;
    if (this.#up.size >= this.#limits.needed || [...this.#connecting].some(isHopeful)) return;
    const upNames = [...this.#up].map(({ name }) => name);
    const reasons: string[] = [...this.#farewells.values()];
    for (const [name, state] of this.#dialled) {
      if (state.hopeless !== undefined) reasons.push(`${name}: ${state.hopeless}`);
      else if (!upNames.includes(name)) return;
    }
    if (upNames.length > 0) {
      const { needed } = this.#limits;
      reasons.push(`${upNames.join(", ")}: alone, and to verify takes ${needed} different workers`);
    }
    this.close();
    this.#events.onForsaken(reasons);
  }
}

/** What tells workers apart: version 1 has only the address for that. */
export function voterOf({ name, description }: Member): string {
  return description?.instance ?? name;
}
