/**
 * Fake slots without processes, for tests of a worker. They speak the slot protocol and run the jobs of a few
 * cores, at once or on the test's clock.
 *
 * A core is known by its name: `hangs` never comes back from `worker_init`, `slow` takes a minute for it,
 * `refuses` returns 7 from it, `crashes`, `killed` and `terminated` die in it, `stays` never unloads. Any other
 * loads if its file exists, and its jobs do what the core `behave` does for `echo`, `pid`, `sleep`, `spin`, `crash`,
 * `exit`, `hang-up` and `huge`. `core` outputs the name of the core, with `crash-before` the slot dies before it
 * has started the job, `relay` begins an output of 2 GiB, of which it writes 4 MiB, and with `frees` the core never
 * gets done with freeing the output.
 */

import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import { decodeLoad, sharedPath, SLOT_LOAD, type SlotStart } from "../../slot/protocol.ts";
import { SlotNumber, slotNumberAt } from "../../slot/shared_layout.ts";
import { blob, concat, ERROR, type Frame, int32, OK, utf8 } from "../fixtures/peers/frames.ts";
import { hugeOutputHead } from "../lib/huge_output.ts";
import { inputOf, SlotPeer } from "../lib/slot_peer.ts";

const NOTHING = new Uint8Array(0);

/** The first process id. */
const FIRST_PID = 1000;

/** How long `worker_init` of the core `slow` takes. */
export const SLOW_LOAD_MS = 60_000;

/** How fake slots behave. */
export interface FakeSlotsOptions {
  readonly clock?: Clock;
  /** They never register. */
  readonly isMute?: boolean;
  /** They do not end when they are killed, as on a file server that is gone. */
  readonly isUnkillable?: boolean;
  /** Called when the worker is about to read from one. */
  readonly onRead?: (slot: FakeSlot) => void;
}

/** A slot's process, and its end of the socket. */
export class FakeSlot extends SlotPeer {
  readonly #options: FakeSlotsOptions;
  readonly #clock: Clock;
  readonly #slot: number;
  readonly #shared: number;
  readonly #jobs: Frame[] = [];
  #isRunning = false;
  /** The name of the core that it has loaded. */
  core = "";
  /** The inputs of the jobs that it was sent, in order. */
  readonly inputs: string[] = [];
  isKilled = false;

  constructor(
    pid: number,
    socketPath: string,
    { number, ticket, slot }: SlotStart,
    options: FakeSlotsOptions,
  ) {
    super(pid);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#slot = slot;
    this.#shared = openSync(sharedPath(socketPath, number), "r+");
    void this.ended.then(() => closeSync(this.#shared));
    this.register(ticket);
  }

  kill(): void {
    this.isKilled = true;
    if (!this.#options.isUnkillable) this.exit({ signal: "SIGKILL" });
  }

  /** It dies, not killed by its worker. */
  crash(signal: string): void {
    this.exit({ signal });
  }

  /** The system lets it end at last. */
  vanish(): void {
    this.exit({ signal: "SIGKILL" });
  }

  override read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    this.#options.onRead?.(this);
    return super.read(into);
  }

  override endWrites(): Promise<void> {
    if (this.core === "stays" || this.isKilled) return Promise.resolve();
    return super.endWrites();
  }

  protected override onMessage(frame: Frame): void {
    if (frame.type === SLOT_LOAD) return this.#load(frame);
    this.inputs.push(inputOf(frame));
    this.#jobs.push(frame);
    if (!this.#isRunning) this.#runNext();
  }

  #load({ id, payload }: Frame): void {
    const { name, path } = decodeLoad(new Uint8Array(payload));
    if (!existsSync(path)) return this.send(ERROR, id, utf8("no such file"));
    this.core = name;
    if (name === "hangs") return;
    if (name === "crashes") return this.exit({ signal: "SIGABRT" });
    if (name === "killed") return this.exit({ signal: "SIGKILL" });
    if (name === "terminated") return this.exit({ signal: "SIGTERM" });
    if (name === "refuses") return this.send(ERROR, id, utf8("worker_init returned 7"));
    const onLoaded = () => this.send(OK, id, NOTHING);
    if (name === "slow") this.#clock.after(SLOW_LOAD_MS, onLoaded);
    else onLoaded();
  }

  #runNext(): void {
    if (this.#jobs[0] && inputOf(this.#jobs[0]) === "crash-before") return this.crash("SIGSEGV");
    const job = this.#jobs.shift();
    this.#isRunning = job !== undefined && !this.isGone;
    if (!job || this.isGone) return;
    this.#note(SlotNumber.startedId, job);
    this.#run(job, inputOf(job));
  }

  #note(place: number, { id }: Frame): void {
    writeSync(this.#shared, new Float64Array([Number(id)]), 0, 8, slotNumberAt(place));
  }

  #run(job: Frame, input: string): void {
    const [word = "", rest = ""] = input.split(" ");
    if (word === "spin") return;
    if (word === "crash") return this.exit({ signal: "SIGSEGV" });
    if (word === "exit") return this.exit({ exitCode: Number(rest) });
    if (word === "hang-up") return this.hangUp();
    if (word === "frees") {
      this.#note(SlotNumber.freeing, job);
      return this.send(OK, job.id, concat(int32(0), blob(utf8("done"))));
    }
    if (word === "sleep") {
      this.#clock.after(Number(rest), () => this.#answer(job, utf8("slept")));
      return;
    }
    if (word === "relay") return this.#relay(job);
    if (word === "huge") return this.#answer(job, new Uint8Array(Number(rest)));
    const outputs = new Map([["pid", String(this.pid)], ["core", this.core]]);
    this.#answer(job, utf8(outputs.get(word) ?? input.replace(/^echo /, "")));
  }

  #relay({ id }: Frame): void {
    this.sendBytes(hugeOutputHead(Number(id), 2 ** 31, this.#slot), new Uint8Array(4 * 2 ** 20));
  }

  #answer({ id }: Frame, output: Uint8Array): void {
    this.send(OK, id, concat(int32(0), blob(output)));
    this.#runNext();
  }
}

/** The slots that were started, in their order. */
export class FakeSlots {
  readonly started: FakeSlot[] = [];
  /** No process can be started. */
  cannotStart = false;
  readonly #options: FakeSlotsOptions;
  readonly #connected: ByteStream[] = [];
  #accepting: ((stream: ByteStream | null) => void) | undefined;

  constructor(options: FakeSlotsOptions = {}) {
    this.#options = options;
  }

  /** The slots that exist. */
  get running(): FakeSlot[] {
    return this.started.filter(({ isGone }) => !isGone);
  }

  /** How many jobs all slots were sent, those that are gone too. */
  get jobsStarted(): number {
    return this.started.reduce((sum, { inputs }) => sum + inputs.length, 0);
  }

  /** The same runtime, but for its processes and their socket. */
  replaceIn(runtime: Runtime): Runtime {
    return {
      ...runtime,
      listen: (address) =>
        address.kind === "unix" ? this.#listener(address.path) : runtime.listen(address),
      spawn: (command) => {
        const [socketPath = "", start = ""] = command.slice(-2);
        return this.#spawn(socketPath, JSON.parse(start));
      },
    };
  }

  #spawn(socketPath: string, start: SlotStart): FakeSlot {
    if (this.cannotStart) throw new Error("no more processes");
    const pid = FIRST_PID + this.started.length;
    const slot = new FakeSlot(pid, socketPath, start, this.#options);
    this.started.push(slot);
    if (!this.#options.isMute) this.#connected.push(slot);
    this.#connect();
    return slot;
  }

  #listener(path: string): StreamListener {
    return {
      address: { kind: "unix", path },
      accept: () => {
        const next = new Promise<ByteStream | null>((resolve) => this.#accepting = resolve);
        this.#connect();
        return next;
      },
      close: () => this.#accepting?.(null),
    };
  }

  #connect(): void {
    const accept = this.#accepting;
    if (!accept || this.#connected.length === 0) return;
    this.#accepting = undefined;
    accept(this.#connected.shift() as ByteStream);
  }
}
