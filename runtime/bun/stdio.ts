/** Standard input, output and error on Bun. */

import process from "node:process";
import type { Writable } from "node:stream";
import { ChunkQueue } from "../chunk_queue.ts";
import type { ByteStream } from "../ports.ts";

/** This process's stdin and stdout as one stream. */
export function stdio(): ByteStream {
  const { stdin, stdout } = process;
  const incoming = new ChunkQueue((isPaused) => isPaused ? stdin.pause() : stdin.resume());
  stdin.on("data", (chunk: Uint8Array) => incoming.push(chunk));
  stdin.on("end", () => incoming.end());
  stdin.on("error", (error) => incoming.end(error));
  return {
    peer: "stdin",
    read: (into) => incoming.read(into),
    write: (bytes) => written(stdout, bytes),
    endWrites: () => new Promise((resolve) => stdout.end(resolve)),
    close: () => {
      incoming.end(); // `destroy` alone leaves a pending read waiting
      stdin.destroy();
      stdout.end();
    },
  };
}

let hasErrorHandler = false;

/** Writes to stderr. */
export function writeStderr(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  // Without a handler, an error such as a closed pipe would end the process. The write rejects too.
  if (!hasErrorHandler) process.stderr.on("error", () => {});
  hasErrorHandler = true;
  return written(process.stderr, bytes);
}

function written(to: Writable, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  return new Promise((resolve, reject) => {
    to.write(bytes, (error) => error ? reject(error) : resolve());
  });
}
