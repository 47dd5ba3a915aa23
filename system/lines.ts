/**
 * Splits the output of a process into lines of text for the log. Inputs and the journal use `LineCutter`, because
 * their lines are bytes and must not be cut.
 */

import type { Clock } from "../runtime/clock.ts";
import type { PrintingPace } from "./printing_pace.ts";

/** A longer line is cut: a core may print endlessly without a line feed. */
const LINE_CHARS_MAX = 2000;

/** Bytes that are handled at once. Even a thousand empty lines take only a few milliseconds. */
const PIECE_BYTES = 1024;

/** Takes text in pieces, and passes whole lines to `onLine`. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #isCut = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    const parts = this.#decoder.decode(bytes, { stream: true }).split("\n");
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.#endLine();
      this.#add(part);
    }
  }

  /** Passes on the last line, even without a line feed. */
  end(): void {
    if (this.#rest !== "" || this.#isCut) this.#endLine();
  }

  #add(text: string): void {
    const room = LINE_CHARS_MAX - this.#rest.length;
    this.#isCut ||= text.length > room;
    this.#rest += text.slice(0, room);
  }

  #endLine(): void {
    this.#onLine(this.#rest.replace(/\r$/, "") + (this.#isCut ? " …" : ""));
    this.#rest = "";
    this.#isCut = false;
  }
}

/** How long to read on after the process has ended: a grandchild may keep the pipe open forever. */
const PRINTED_AFTER_END_MS = 200;

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
  const readers = streams.map((stream) => stream.getReader());
  const printed = Promise.all(readers.map((reader) => forward(reader, onLine, pace)));
  return {
    complete: async () => {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = clock.after(PRINTED_AFTER_END_MS, resolve);
      await Promise.race([printed, late]);
      timer.stop();
    },
    stop: () => {
      for (const reader of readers) reader.cancel().catch(() => {}); // a failed pipe has already stopped
    },
  };
}

async function forward(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  onLine: (line: string) => void,
  pace: PrintingPace,
): Promise<void> {
  const lines = new LineSplitter(onLine);
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (let at = 0; at < read.value.byteLength; at += PIECE_BYTES) {
      const piece = read.value.subarray(at, at + PIECE_BYTES);
      await pace.take(() => lines.push(piece));
    }
  }
  lines.end();
}
