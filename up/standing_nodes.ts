/**
 * Workers that stay for any number of runs: each is started by ssh, which forwards a Unix socket of this machine to one
 * there. So no port is open, and only this user can use them.
 */

import { Backoff } from "../link/backoff.ts";
import type { Clock, Random } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { PipedProcess, StartPiped } from "../runtime/processes/piped_process.ts";
import { RefusedError } from "../security/refused_error.ts";
import { pause } from "../system/pause.ts";
import type { Executable } from "./executables.ts";
import type { Host } from "./host_list.ts";
import type { NodeFacts } from "./node_scripts.ts";
import { hasSaid, startOnNode } from "./ssh_node.ts";
import { sshProblem } from "./ssh_problems.ts";

/** A worker that has lived for this long was a success: after it, pauses are short again. */
const SETTLED_MS = 60_000;

/** How often a node is tried that has worked before, and now says what only the user can change. */
const REFUSED_RETRY_MS = 30_000;

/** What is left of an ssh is killed after this time. Its worker then ends by itself. */
const END_MS_MAX = 10_000;

/** As many bytes as a UUID: nobody guesses the name of a socket in /tmp. */
const NAME_BYTES = 16;

/** What happens to nodes. */
export interface NodesEvents {
  /** Its worker can be used, at a socket of this machine. */
  onReady(host: Host, facts: NodeFacts, socket: string): void;
  /** Its worker is gone, or cannot be started. `isFinal`: it is not tried again. */
  onProblem(host: Host, problem: string, isFinal: boolean): void;
}

/** What the nodes are made of. */
export interface NodesParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly start: StartPiped;
  readonly executables: readonly Executable[];
  /** A private folder for sockets of this machine. */
  readonly folder: string;
}

/** Workers on some nodes. */
export class StandingNodes {
  readonly #parts: NodesParts;
  readonly #events: NodesEvents;
  readonly #closing = new AbortController();
  readonly #processes = new Set<PipedProcess>();
  /** Those that have worked once: whatever is wrong with one of them later may pass. */
  readonly #proven = new Set<Host>();
  readonly #keeping: Promise<void>[];

  constructor(hosts: readonly Host[], parts: NodesParts, events: NodesEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#keeping = hosts.map((host, index) => this.#keep(host, index));
  }

  /** Resolves when no node is tried any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#keeping);
  }

  /** Ends all workers. */
  async close(): Promise<void> {
    this.#closing.abort();
    const timer = this.#parts.clock.after(END_MS_MAX, () => {
      for (const process of this.#processes) process.kill();
    });
    const left = [...this.#processes];
    for (const { stream } of left) stream.close();
    await Promise.all(left.map(({ ended }) => ended.catch(() => {}))); // however they end
    await this.ended();
    timer.stop();
  }

  async #keep(host: Host, index: number): Promise<void> {
    const { clock, random } = this.#parts;
    const backoff = new Backoff(() => random.fraction());
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const startedAtMs = clock.now();
      const error = await this.#serve(host, index).catch((error: unknown) => error);
      if (signal.aborted) return;
      const isRefused = error instanceof RefusedError;
      const isFinal = isRefused && !this.#proven.has(host);
      this.#events.onProblem(host, messageOf(error), isFinal);
      if (isFinal) return;
      if (clock.now() - startedAtMs >= SETTLED_MS) backoff.reset();
      await pause(clock, isRefused ? REFUSED_RETRY_MS : backoff.next(), signal);
    }
  }

  /** Starts a worker on a node. Resolves when it has ended, to the reason. */
  async #serve(host: Host, index: number): Promise<unknown> {
    const { clock, random, executables, folder } = this.#parts;
    const socket = `${folder}/${index + 1}`;
    const there = `/tmp/distcomp-${random.hex(NAME_BYTES)}`;
    const args = ["worker", "--listen", `unix:${there}`];
    if (host.slots !== undefined) args.push("--slots", String(host.slots));
    const forward = [
      "-o",
      "ExitOnForwardFailure=yes",
      "-o",
      "StreamLocalBindUnlink=yes",
      "-L",
      `${socket}:${there}`,
    ];
    const ports = { clock, start: this.#start };
    const node = await startOnNode(ports, host.target, executables, args, forward);
    await hasSaid(ports, node, /^listening on /);
    this.#proven.add(host);
    this.#events.onReady(host, node.facts, socket);
    for (;;) if (await node.lines.next() === undefined) break;
    const end = await node.process.ended;
    if (end.exitCode === 0) return new Error("its worker has ended");
    return new Error(sshProblem(node.process.stderr()) ?? "ssh has ended");
  }

  readonly #start: StartPiped = (command, peer) => {
    const process = this.#parts.start(command, peer);
    this.#processes.add(process);
    // Whoever has started it learns how it ends.
    void process.ended.catch(() => {}).finally(() => this.#processes.delete(process));
    if (this.#closing.signal.aborted) process.stream.close();
    return process;
  };
}
