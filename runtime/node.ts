/**
 * The adapter for Node.js: a program there controls workers on other machines, or those that somebody has started on
 * this one. Cores and slots need calls of native code, which Node.js does not have.
 */

import net from "node:net";
import process from "node:process";
import { ChunkQueue } from "./chunk_queue.ts";
import { systemClock, systemRandom } from "./clock.ts";
import { reasonOf } from "./error_text.ts";
import { systemFiles } from "./files/system_files.ts";
import { type Address, type ByteStream, hostAndPort, type Runtime } from "./ports.ts";

const NEEDED =
  'On Node.js a session needs the addresses of workers, such as `workers: ["127.0.0.1:7433"]` for a ' +
  "`distcomp worker` on this machine; one of its own, and a WorkerServer, need Deno or Bun";

const NO_SSH = "Workers that are started with ssh need Deno, Bun, or the executable distcomp";

/** Node.js as a runtime for distcomp. */
export const nodeRuntime: Runtime = {
  name: `node ${process.versions.node}`,
  clock: systemClock,
  random: systemRandom,
  files: systemFiles,
  dial,
  listen: lacking,
  stdio: lacking,
  writeStderr: (bytes) => new Promise((resolve) => process.stderr.write(bytes, () => resolve())),
  spawn: lacking,
  selfCommand: lacking,
  openCore: lacking,
  openCoreProcess: lacking,
  openSlotChannel: lacking,
};

function lacking(): never {
  throw new Error(NEEDED);
}

function dial(address: Address, timeoutMs: number): Promise<ByteStream> {
  if (address.kind === "ssh") return Promise.reject(new Error(NO_SSH));
  const socket = address.kind === "unix"
    ? net.connect({ path: address.path, allowHalfOpen: true })
    : net.connect({ host: address.host, port: address.port, allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      timer.stop();
      socket.destroy();
      reject(new Error(reasonOf(error), { cause: error }));
    };
    const late = new Error(`no answer within ${timeoutMs / 1000}s`);
    const timer = systemClock.after(timeoutMs, () => fail(late));
    socket.once("error", fail);
    socket.once("connect", () => {
      timer.stop();
      socket.off("error", fail);
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      resolve(streamOf(socket));
    });
  });
}

function streamOf(socket: net.Socket): ByteStream {
  const incoming = new ChunkQueue((isPaused) => isPaused ? socket.pause() : socket.resume());
  socket.on("data", (chunk) => incoming.push(chunk));
  socket.on("end", () => incoming.end());
  socket.on("error", (error) => incoming.end(error));
  socket.on("close", () => incoming.end());
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  const ends = localAddress && localPort && remoteAddress && remotePort
    ? {
      local: { host: localAddress, port: localPort },
      remote: { host: remoteAddress, port: remotePort },
    }
    : undefined;
  return {
    peer: ends ? hostAndPort(ends.remote.host, ends.remote.port) : "a local process",
    ...ends && { ends },
    read: (into) => incoming.read(into),
    write: (bytes) => done((callback) => socket.write(bytes, callback)),
    endWrites: () => done((callback) => socket.end(callback)),
    close: () => {
      incoming.end();
      socket.destroy();
    },
    unref: () => void socket.unref(),
  };
}

function done(act: (callback: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => error ? reject(error) : resolve());
  });
}
