/** A runtime whose slots are no processes: they say hello unless they are mute, and no kill ends them. */

import { systemClock } from "../../runtime/clock.ts";
import { SLOT_HELLO } from "../../slot/protocol.ts";
import type {
  ByteStream,
  ChildProcess,
  ProcessEnd,
  Runtime,
  StreamListener,
} from "../../runtime/ports.ts";
import { encodeFrame } from "../fixtures/peers/frames.ts";

const NOTHING = new Uint8Array(0);

/** A slot's process, and its end of the socket. It ends when it is asked to and not when it is killed. */
export class FakeSlot implements ChildProcess, ByteStream {
  readonly peer = "a slot";
  readonly outputs = [];
  readonly #ended = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#ended.promise;
  readonly #closed = Promise.withResolvers<null>();
  readonly #hello: Uint8Array[];
  isClosed = false;
  isKilled = false;

  constructor(readonly pid: number, number: string) {
    this.#hello = [encodeFrame({ type: SLOT_HELLO, id: BigInt(number), payload: NOTHING })];
  }

  kill(): void {
    this.isKilled = true;
  }

  /** The system lets it end at last. */
  vanish(): void {
    this.#ended.resolve({ signal: "SIGKILL" });
  }

  unref(): void {}

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const bytes = this.#hello.shift();
    if (!bytes) return this.#closed.promise;
    into.set(bytes);
    return Promise.resolve(bytes.byteLength);
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    if (!this.isKilled) {
      this.#ended.resolve({ exitCode: 0 });
      this.#closed.resolve(null);
    }
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#closed.resolve(null);
  }
}

/** The slots that were started, from the first on. */
export class FakeSlots {
  readonly started: FakeSlot[] = [];
  readonly #isMute: boolean;
  readonly #connected: ByteStream[] = [];
  #accepting: ((stream: ByteStream | null) => void) | undefined;

  constructor({ isMute = false } = {}) {
    this.#isMute = isMute;
  }

  /** What a host of slots needs of a runtime. */
  get runtime(): Runtime {
    return {
      name: "fake",
      clock: systemClock,
      listen: () => this.#listener(),
      spawn: (command: readonly string[]) => this.#spawn(command.at(-1) as string),
      selfCommand: () => [],
      dial: () => Promise.reject(new Error("nobody is there")),
    } as Partial<Runtime> as Runtime;
  }

  #spawn(number: string): FakeSlot {
    const slot = new FakeSlot(1000 + this.started.length, number);
    this.started.push(slot);
    if (!this.#isMute) this.#connected.push(slot);
    this.#introduce();
    return slot;
  }

  #listener(): StreamListener {
    return {
      address: { kind: "unix", path: "" },
      accept: () => {
        const next = new Promise<ByteStream | null>((resolve) => this.#accepting = resolve);
        this.#introduce();
        return next;
      },
      close: () => this.#accepting?.(null),
    };
  }

  #introduce(): void {
    const accept = this.#accepting;
    if (!accept || this.#connected.length === 0) return;
    this.#accepting = undefined;
    accept(this.#connected.shift() as ByteStream);
  }
}
