/** A process whose stdin and stdout are one stream of bytes, such as `ssh`. */

import { spawn } from "node:child_process";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import type { ByteStream, ProcessEnd } from "../ports.ts";

/** How much of what it prints on stderr is kept: the end. */
const STDERR_CHARS_MAX = 8 * 1024;

/**
 * How long to wait for the rest of what it has printed, once it has ended: a process that it has started may keep the
 * pipe open, as an ssh with `ControlPersist` did up to OpenSSH 8.4.
 */
const STDERR_MS_MAX = 500;

/** A process that has been started. */
export interface PipedProcess {
  readonly stream: ByteStream;
  /** What it has printed last on stderr. */
  stderr(): string;
  /** Resolves when it has ended. Rejects if it could not be started. */
  readonly ended: Promise<ProcessEnd>;
  kill(): void;
}

/** Starts such a process. */
export type StartPiped = (command: readonly string[], peer: string) => PipedProcess;

/**
 * Starts a program with pipes, in a session of its own: Ctrl-C in a terminal must not end it. It is to end when its
 * stdin does, and so ends with this process.
 */
export function startPiped([program = "", ...args]: readonly string[], peer: string): PipedProcess {
  const child = spawn(program, args, { stdio: "pipe", detached: true, env: process.env });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARS_MAX);
  });
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      const onEnd = () => resolve(signal ? { signal } : { exitCode: code ?? 0 });
      const timer = setTimeout(() => {
        child.stderr.destroy();
        onEnd();
      }, STDERR_MS_MAX);
      child.once("close", () => {
        clearTimeout(timer);
        onEnd();
      });
    });
  });
  ended.catch(() => {}); // also if nobody waits
  return {
    stream: streamOf(peer, child.stdout, child.stdin),
    stderr: () => stderr,
    ended,
    kill: () => void child.kill("SIGKILL"),
  };
}

function streamOf(peer: string, output: Readable, input: Writable): ByteStream {
  let rest: Uint8Array = new Uint8Array(0);
  /** Ends the wait for the last write: a stream that is destroyed does not always call back. */
  let giveUp = () => {};
  const chunks = output[Symbol.asyncIterator]();
  input.on("error", () => {}); // reported by the writes that fail
  return {
    peer,
    read: async (into) => {
      while (rest.byteLength === 0) {
        const next = await chunks.next().catch(() => undefined); // closed, or never started: `ended` says why
        if (!next || next.done) return null;
        rest = next.value;
      }
      const bytes = Math.min(rest.byteLength, into.byteLength);
      into.set(rest.subarray(0, bytes));
      rest = rest.subarray(bytes);
      return bytes;
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        giveUp = () => reject(new Error("the connection is closed"));
        input.write(bytes, (error) => error ? reject(error) : resolve());
      }),
    endWrites: () =>
      new Promise((resolve) => {
        if (input.destroyed) return resolve();
        giveUp = resolve;
        input.once("close", resolve).end(() => resolve());
      }),
    close: () => {
      input.destroy();
      output.destroy();
      giveUp();
    },
  };
}
