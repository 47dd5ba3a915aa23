/** The connections with workers: dialled, taken in, lost, waited for. Which jobs they get is not known here. */

import { formatAddress } from "../../link/address.ts";
import type { DispatchId } from "../../pool/types.ts";
import { LATEST_VERSION, type WorkerDescription } from "../../protocol/mod.ts";
import type { Log } from "../../system/log.ts";
import type { Address, ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import {
  AskAgainError,
  type Attempt,
  CLOSED_BY_WORKER,
  Dialled,
  type DialledLimits,
  HOPE_MS,
  SECOND_CHANCE_MS,
} from "./reconnect.ts";
import { keyOf, type Member, voterOf } from "./member.ts";
import { VersionNegotiation } from "./version_negotiation.ts";
import { reasonOf, toError } from "../../runtime/error_text.ts";
import type { Answer } from "../answer.ts";
import {
  UnusableWorkerError,
  VERSION_LIMIT_MS,
  VersionRefusedError,
  WorkerConnection,
} from "./worker_connection.ts";

/** One attempt to connect. */
const DIAL_LIMIT_MS = 10_000;

/** An attempt that has led to nothing. */
const NOTHING: Attempt = { reason: undefined, wasUp: false, wasOfUse: false };

/** How long to wait for workers; for tests. */
export interface WorkersLimits extends DialledLimits {
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
  readonly #offers = new VersionNegotiation();
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
      secondChanceMs: SECOND_CHANCE_MS,
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

  /** Dials a worker, and dials again when it is gone. One that was given up is tried at once. */
  dial(address: Address): void {
    const name = formatAddress(address);
    const known = this.#dialled.get(name);
    if (known) return known.onNamed();
    const dialled: Dialled = new Dialled(name, this.#limits, {
      connect: () => this.#connect(address, dialled),
      onHopeless: () => this.#checkForsaken(),
      warn: (text) => this.#log.warn(text),
    }, this.#runtime.random);
    this.#dialled.set(name, dialled);
    // One that is left may have been the last: what it had is answered now.
    void dialled.keepDialling().then(() => this.#checkForsaken());
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
  async join(
    stream: ByteStream,
    name = stream.peer,
    slots?: number,
  ): Promise<Error | undefined> {
    return (await this.#meet(stream, name, { slots })).reason;
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
    const left = this.#dialled.get(name);
    if (!left) return;
    this.#dialled.delete(name);
    left.leave();
    for (const member of this.#up) if (member.dialled === left) this.onLeaving(member);
    for (const { dialled, link } of [...this.#connecting]) if (dialled === left) link.close();
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
    const here = new Set([...this.#up].map(({ dialled }) => dialled));
    return this.#expectsGuests ||
      [...this.#dialled.values()].some((one) => !here.has(one) && one.hopeless === undefined);
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
    for (const dialled of this.#dialled.values()) dialled.leave();
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

  /** One connection from its beginning to its end. */
  async #connect(address: Address, dialled: Dialled): Promise<Attempt> {
    try {
      const stream = await this.#runtime.dial(address, DIAL_LIMIT_MS);
      if (!dialled.isLeft) return await this.#meet(stream, dialled.name, { dialled });
      stream.close();
      return NOTHING;
    } catch (error) {
      return { ...NOTHING, reason: toError(error) };
    }
  }

  /** Makes a worker's acquaintance, and stays with it to the end of its connection. */
  #meet(
    stream: ByteStream,
    name: string,
    { dialled, slots }: { dialled?: Dialled; slots?: number | undefined },
  ): Promise<Attempt> {
    if (this.#isClosed) {
      stream.close();
      return Promise.resolve(NOTHING);
    }
    const { promise, resolve } = Promise.withResolvers<Attempt>();
    const link: WorkerConnection = new WorkerConnection(stream, {
      onReady: (description) => this.#onReady(member, description),
      onLoaded: () => this.#onLoaded(member),
      onLoadFailed: (_core, reason) => link.close(new UnusableWorkerError(reason)),
      onAnswer: (dispatch, answer) => this.#events.onAnswer(member, dispatch, answer),
      onDraining: () => this.onLeaving(member),
      onClosed: (reason) => resolve(this.#onClosed(member, reason)),
    }, {
      clock: this.#runtime.clock,
      // A worker whose slots we know is a process of our own.
      version: slots === undefined ? this.#offers.next(keyOf({ name, dialled })) : LATEST_VERSION,
      versionLimitMs: this.#limits.versionMs,
      ...this.#limits.silentMs !== undefined && { silentMsMax: this.#limits.silentMs },
    });
    const member: Member = {
      name,
      dialled,
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

  #onReady(member: Member, description: WorkerDescription | undefined): void {
    this.#connecting.delete(member);
    member.description = description;
    if (member.isLeaving) return member.link.close(new Error("it is about to leave"));
    if (!this.#offers.onAgreed(keyOf(member), member.link.version)) {
      return member.link.close(new AskAgainError("it may speak a newer version of the protocol"));
    }
    const banned = this.#banned.get(voterOf(member));
    if (banned !== undefined) return member.link.close(new UnusableWorkerError(banned));
    const twin = this.#twinOf(member);
    if (twin && member.dialled) {
      member.dialled.onTwin(voterOf(twin));
      const problem = `it is the same worker as ${twin.name}, and is used once`;
      return member.link.close(new UnusableWorkerError(problem));
    }
    // It has dialled again: whatever it has been, the old connection is of no use to it.
    twin?.link.close(new Error("it has connected again"));
    this.#up.add(member);
    member.dialled?.onUp();
    member.link.pause(this.#isPaused);
    this.#events.onUp(member);
  }

  #onLoaded(member: Member): void {
    member.dialled?.onLoaded();
    this.#events.onLoaded(member);
  }

  /** The same worker process on another connection, unless that only finishes what it has. */
  #twinOf({ description }: Member): Member | undefined {
    if (!description) return undefined;
    return [...this.#up].find((other) =>
      other.description?.instance === description.instance && !other.isLeaving
    );
  }

  #onClosed(member: Member, reason: Error | undefined): Attempt {
    this.#connecting.delete(member);
    if (this.#isClosed) return { ...NOTHING, reason };
    const wasUp = this.#up.delete(member);
    const wasOfUse = this.#wasOfUse(member, reason);
    this.#noteVersion(member, reason);
    if (wasUp) {
      this.#onDown(member, reason);
      for (const other of this.#dialled.values()) other.onGone(voterOf(member));
    }
    const isOld = reason instanceof VersionRefusedError && reason.version > 1;
    if (reason instanceof UnusableWorkerError && !isOld && !member.dialled) {
      this.#dismiss(member.name, reasonOf(reason));
    }
    return { reason, wasUp, wasOfUse };
  }

  #onDown(member: Member, reason: Error | undefined): void {
    const key = keyOf(member);
    if (member.answers > 0) this.#proven.add(key);
    const why = reason ? reasonOf(reason) : CLOSED_BY_WORKER;
    const isSentAway = reason instanceof UnusableWorkerError;
    // Who is sent away again and again does not need a job for that.
    const isUsual = isSentAway && member.dialled?.wasSentAway === true;
    const lost = this.#events.onDown(member, why, this.#proven.has(key) && !isUsual);
    if (!isSentAway) this.#sayLost(member, why, lost);
  }

  /** What to offer next time follows from how this connection has ended. */
  #noteVersion(member: Member, reason: Error | undefined): void {
    const key = keyOf(member);
    const { link } = member;
    if (reason instanceof VersionRefusedError) this.#offers.onRefused(key, link.version);
    else if (link.isAgreed) this.#offers.onEnded(key);
    else this.#offers.onUnanswered(key);
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
  #wasOfUse({ endpoint, answers, joinedAtMs }: Member, reason: Error | undefined): boolean {
    if (endpoint === undefined || answers > 0) return answers > 0;
    // It may also have been at long jobs all the time, unless it took that long to fail.
    const stayedMs = performance.now() - joinedAtMs;
    return stayedMs > this.#limits.hopeMs && !(reason instanceof UnusableWorkerError);
  }

  /** One that nobody dials will never be of use. If it was the last, the run's end says why; else a warning. */
  #dismiss(name: string, why: string): void {
    const farewell = `${keyOf({ name, dialled: undefined })}: ${why}`;
    const isKnown = this.#farewells.has(farewell); // who dials us may do so again and again
    if (!isKnown) this.#farewells.set(farewell, `${name}: ${why}`);
    this.#checkForsaken();
    if (!this.#isClosed && !isKnown) this.#log.warn(`cannot use worker ${name}: ${why}`);
  }

  #checkForsaken(): void {
    if (this.#isClosed || this.#expectsGuests) return;
    // One that has its second chance gives no hope before it has taken it.
    const isHopeful = ({ dialled }: Member) => dialled?.hopeless === undefined;
    const up = [...this.#up].filter(isHopeful);
    if (up.length >= this.#limits.needed || [...this.#connecting].some(isHopeful)) return;
    const here = new Set(up.map(({ dialled }) => dialled));
    const reasons: string[] = [...this.#farewells.values()];
    for (const one of this.#dialled.values()) {
      if (one.hopeless !== undefined) reasons.push(`${one.name}: ${one.hopeless}`);
      else if (!here.has(one)) return;
    }
    if (up.length > 0) {
      const names = up.map(({ name }) => name).join(", ");
      reasons.push(`${names}: alone, and to verify takes ${this.#limits.needed} different workers`);
    }
    if (reasons.length === 0) reasons.push("none is named any more");
    this.close();
    this.#events.onForsaken(reasons);
  }
}
