/** Reaches workers by ssh, as if they were dialed: each connection is an ssh with a worker at its other end. */

import type { Clock, Timer } from "../runtime/clock.ts";
import type { PipedProcess, StartPiped } from "../runtime/processes/piped_process.ts";
import type { Address, ByteStream } from "../runtime/ports.ts";
import { messageOf } from "../runtime/error_text.ts";
import { RefusedError } from "../security/refused_error.ts";
import type { Executable } from "./executables.ts";
import { startOnNode } from "./ssh_node.ts";

/**
 * The most connections that are opened at once: a gateway that all go through refuses more (`MaxStartups` of sshd is
 * 10).
 */
const STARTS_MAX = 8;

/** A worker whose connection is closed unloads its cores and ends. Then its ssh ends, or is killed after this time. */
const END_MS_MAX = 5_000;

/** The address of a worker that is reached by ssh. */
export type SshAddress = Extract<Address, { readonly kind: "ssh" }>;

/** What a dialer is made of. */
export interface SshDialerParts {
  readonly clock: Clock;
  readonly start: StartPiped;
  /** The executables that nodes may need. */
  readonly executables: readonly Executable[];
}

/** Dials by ssh. */
export class SshDialer {
  readonly #parts: SshDialerParts;
  readonly #processes = new Set<PipedProcess>();
  /** The nodes that have started a worker once: whatever is wrong with one of them later may pass. */
  readonly #proven = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #starting = 0;

  constructor(parts: SshDialerParts) {
    this.#parts = parts;
  }

  /**
   * Opens a connection with a new worker. Rejects with a `RefusedError` if it is of no use to try again soon, which is
   * never so for a node that has worked before.
   */
  async dial({ target, slots }: SshAddress): Promise<ByteStream> {
    await this.#turn();
    try {
      const args = [
        "worker",
        "--stdio",
        ...(slots === undefined ? [] : ["--slots", String(slots)]),
      ];
      const { clock, executables } = this.#parts;
      const ports = { clock, start: this.#start };
      const { stream } = await startOnNode(ports, target, executables, args);
      this.#proven.add(target);
      return stream;
    } catch (error) {
      if (!(error instanceof RefusedError) || !this.#proven.has(target)) throw error;
      throw new Error(messageOf(error), { cause: error });
    } finally {
      this.#onStarted();
    }
  }

  /** Closes all connections. Resolves when no ssh is left. */
  async close(): Promise<void> {
    const left = [...this.#processes];
    for (const { stream } of left) stream.close();
    await Promise.all(left.map(({ ended }) => ended.catch(() => {}))); // however they end
  }

  /** Starts an ssh that ends some time after its connection is closed. */
  readonly #start: StartPiped = (command, peer) => {
    const process = this.#parts.start(command, peer);
    const { stream } = process;
    let timer: Timer | undefined;
    const close = () => {
      stream.close();
      timer ??= this.#parts.clock.after(END_MS_MAX, () => process.kill());
    };
    const closing = { ...process, stream: { ...stream, close } };
    this.#processes.add(closing);
    // Whoever has started it learns how it ends.
    void process.ended.catch(() => {}).finally(() => {
      this.#processes.delete(closing);
      timer?.stop();
    });
    return closing;
  };

  async #turn(): Promise<void> {
    if (this.#starting < STARTS_MAX) this.#starting += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The one that has waited longest takes the place. */
  #onStarted(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#starting -= 1;
  }
}
