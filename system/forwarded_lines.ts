/** Forwards what a process prints as lines, until it has ended and its pipes are empty. */

import type { Clock } from "../runtime/clock.ts";
import { LineSplitter } from "./line_splitter.ts";
import type { PrintingPace } from "./printing_pace.ts";

/** Bytes that are handled at once. Even a thousand empty lines take only a few milliseconds. */
const PIECE_BYTES = 1024;

/**
 * After the process has ended, reading goes on until its pipes are closed. A grandchild may keep them open forever,
 * so that it also ends when nothing has come for this many turns of the event loop, one each 10 ms. Turns, not time
 * alone: on a busy machine the time passes before the process that reads gets its turn, and what the process wrote
 * before it ended is still in the pipe.
 */
const QUIET_TURNS_MAX = 20;
const TURN_MS = 10;

/** Reading ends at the latest after this time: a grandchild may also print forever. */
const PRINTED_AFTER_END_MS_MAX = 3_000;

/** The output of a process while it is forwarded. */
export interface ForwardedLines {
  /**
   * Call it when the process has ended. Resolves when everything that it printed is forwarded: the last line often
   * says why it ended.
   */
  complete(): Promise<void>;
  /** Stops reading, from a process that may never end. */
  stop(): void;
}

/** Options for forwarding lines. */
export interface ForwardOptions {
  readonly clock: Clock;
  /** Shared by all child processes. */
  readonly pace: PrintingPace;
}

/** Forwards the lines of a process's outputs, no faster than `pace` allows. */
export function forwardLines(
  streams: readonly ReadableStream<Uint8Array>[],
  onLine: (line: string) => void,
  { clock, pace }: ForwardOptions,
): ForwardedLines {
  const outputs = streams.map((stream) => new Output(stream, onLine, pace));
  const printed = Promise.all(outputs.map((output) => output.forward()));
  return {
    complete: async () => {
      const { promise: quiet, resolve } = Promise.withResolvers<void>();
      const isQuiet = quietness(outputs, clock);
      const watch = clock.every(TURN_MS, () => isQuiet() && resolve());
      await Promise.race([printed, quiet]);
      watch.stop();
    },
    stop: () => outputs.forEach((output) => output.stop()),
  };
}

/** A function to call once in each turn: whether nothing more will come from these outputs. */
function quietness(outputs: readonly Output[], clock: Clock): () => boolean {
  const startedAtMs = clock.now();
  let turns = 0;
  let piecesBefore = 0;
  return () => {
    const pieces = outputs.reduce((sum, output) => sum + output.pieces, 0);
    const isBusy = pieces > piecesBefore && turns > 0;
    if (isBusy || outputs.some(({ isWaiting }) => isWaiting)) turns = 0;
    piecesBefore = pieces;
    turns += 1;
    return turns >= QUIET_TURNS_MAX || clock.now() - startedAtMs > PRINTED_AFTER_END_MS_MAX;
  };
}

/** One output of a process. */
class Output {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #lines: LineSplitter;
  readonly #pace: PrintingPace;
  /** How many pieces were read. */
  pieces = 0;
  /** A piece that was read waits for its turn. */
  isWaiting = false;

  constructor(
    stream: ReadableStream<Uint8Array>,
    onLine: (line: string) => void,
    pace: PrintingPace,
  ) {
    this.#reader = stream.getReader();
    this.#lines = new LineSplitter(onLine);
    this.#pace = pace;
  }

  async forward(): Promise<void> {
    for (let read = await this.#reader.read(); !read.done; read = await this.#reader.read()) {
      await this.#push(read.value);
    }
    this.#lines.end();
  }

  async #push(bytes: Uint8Array): Promise<void> {
    this.pieces += 1;
    this.isWaiting = true;
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      await this.#pace.take(() => this.#lines.push(piece));
    }
    this.isWaiting = false;
  }

  stop(): void {
    this.#reader.cancel().catch(() => {}); // a failed pipe has already stopped
  }
}
