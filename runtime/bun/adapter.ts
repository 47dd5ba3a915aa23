/** The adapter for Bun: sockets and processes. Compute cores and the slot's channel are in `bun/ffi.ts`. */

import process from "node:process";
import { bun, type BunSocketHandler, type BunSubprocess } from "./api.ts";
import {
  createMemory,
  machineNowUs,
  openCFunctions,
  openCore,
  openCoreProcess,
  openSlotChannel,
} from "./ffi.ts";
import { openOutputPipe, type OutputPipe } from "./output_pipe.ts";
import { stdio, writeStderr } from "./stdio.ts";
import { type Socket, type SocketEvents, socketHandlers } from "./socket.ts";
import { SocketStream } from "./stream.ts";
import { systemClock, systemRandom } from "../clock.ts";
import { reasonOf } from "../error_text.ts";
import { bunFiles } from "./files.ts";
import { runInBackground } from "../processes/process_priority.ts";
import { adoptOrphansWith, ORPHAN_FUNCTIONS } from "../processes/orphans.ts";
import { peerUserBy } from "../network/peer_user.ts";
import {
  type Address,
  type ByteStream,
  type ChildProcess,
  type ProcessEnd,
  type Runtime,
  type SocketAddress,
  socketOf,
  type SpawnOptions,
  type StreamListener,
} from "../ports.ts";
import { killRestOfGroup, signalGroup } from "../processes/process_group.ts";
import { selfCommandOf } from "../processes/self_command.ts";
import { DIAGNOSIS_FUNCTIONS } from "../native/socket_diagnosis.ts";
import { checkOwnSocket } from "../network/unix_owner.ts";

/** Bun as a runtime for distcomp. */
export const bunRuntime: Runtime = {
  name: `bun ${bun.version}`,
  clock: systemClock,
  random: systemRandom,
  files: bunFiles,
  dial,
  listen,
  peerUser: peerUserBy(() => openCFunctions(DIAGNOSIS_FUNCTIONS)),
  stdio,
  writeStderr,
  spawn,
  adoptOrphans: () => adoptOrphansWith(() => openCFunctions(ORPHAN_FUNCTIONS)),
  selfCommand,
  openCore,
  openCoreProcess,
  createMemory,
  machineNowUs,
  inheritedAs: (_, index) => STDIO + index,
  openSlotChannel,
};

/** stdin, stdout and stderr: other descriptors that a process inherits follow. */
const STDIO = 3;

/** Connections that wait to be accepted: Bun takes them from the system's queue, which has a bound, at once. */
const ARRIVED_MAX = 128;

/** The event handlers of a socket with a stream. */
function handlers(onOpen: (stream: SocketStream) => void): BunSocketHandler<SocketEvents> {
  return socketHandlers((socket) => new SocketStream(socket), onOpen);
}

async function dial(address: Address, timeoutMs: number): Promise<ByteStream> {
  const { promise, resolve, reject } = Promise.withResolvers<SocketStream>();
  const timer = systemClock.after(
    timeoutMs,
    () => reject(new Error(`no answer within ${timeoutMs / 1000}s`)),
  );
  const socket = handlers(resolve);
  const connecting = connect(socketOf(address), { socket, allowHalfOpen: true });
  connecting.catch((error) => reject(new Error(reasonOf(error), { cause: error })));
  // Close a connection that opens after the timeout.
  promise.catch(() => connecting.then((late) => late.end(), () => {}));
  try {
    return prepared(await promise, await connecting);
  } finally {
    timer.stop();
  }
}

async function connect(address: SocketAddress, options: SocketOptions): Promise<Socket> {
  if (address.kind === "tcp") {
    return await bun.connect({ hostname: address.host, port: address.port, ...options });
  }
  checkOwnSocket(address.path);
  return await bun.connect({ unix: address.path, ...options });
}

function prepared(stream: SocketStream, socket: Socket): ByteStream {
  socket.setNoDelay(true);
  socket.setKeepAlive(true);
  return stream;
}

function listen(address: Address): StreamListener {
  let arrived: SocketStream[] = [];
  let waiting: ((stream: ByteStream | null) => void) | undefined;
  let isClosed = false;
  const socket = handlers((stream) => {
    if (waiting) waiting(stream);
    else if (arrived.length < ARRIVED_MAX) arrived.push(stream);
    else {
      arrived = arrived.filter((other) => !other.isClosed);
      if (arrived.length < ARRIVED_MAX) arrived.push(stream);
      else stream.close();
    }
    waiting = undefined;
  });
  const listener = listenAt(socketOf(address), { socket, allowHalfOpen: true });
  return {
    address: address.kind === "tcp" ? { ...address, port: listener.port ?? address.port } : address,
    accept: () => {
      const stream = arrived.shift();
      if (stream || isClosed) return Promise.resolve(stream ?? null);
      return new Promise((resolve) => waiting = resolve);
    },
    close: () => {
      isClosed = true;
      listener.stop();
      for (const stream of arrived.splice(0)) stream.close();
      waiting?.(null);
    },
    unref: () => listener.unref(),
  };
}

interface SocketOptions {
  readonly socket: BunSocketHandler<SocketEvents>;
  readonly allowHalfOpen: boolean;
}

function listenAt(address: SocketAddress, options: SocketOptions) {
  try {
    return address.kind === "unix"
      ? bun.listen({ unix: address.path, ...options })
      : bun.listen({ hostname: address.host, port: address.port, exclusive: true, ...options });
  } catch (cause) {
    throw new Error(reasonOf(cause), { cause });
  }
}

function spawn(command: readonly string[], options: SpawnOptions): ChildProcess {
  const { isDetached = false } = options;
  const pipe = options.hasNamedOutputs ? openOutputPipe() : undefined;
  const child = spawnWith(pipe, command, options);
  if (options.isInBackground) runInBackground(child.pid);
  if (options.isUnheld) child.unref(); // before anybody waits for its end: Bun would hold it for that
  return {
    pid: child.pid,
    outputs: pipe ? [pipe.output()] : [child.stdout, child.stderr].filter(isStream),
    ended: endOf(child, isDetached),
    tell: (text) => void tell(child, text),
    kill: (signal) => {
      if (!isDetached || !signalGroup(child.pid, signal)) child.kill(signal);
    },
    unref: () => child.unref(),
  };
}

function isStream(output: BunSubprocess["stdout"]): output is ReadableStream<Uint8Array> {
  return typeof output === "object";
}

/** `pipe`: for both of its outputs. */
function spawnWith(
  pipe: OutputPipe | undefined,
  command: readonly string[],
  { env, isDetached = false, isTold = false, inherited = [], folder }: SpawnOptions,
): BunSubprocess {
  const output = pipe?.writer ?? "pipe";
  try {
    const child = bun.spawn([...command], {
      env,
      ...folder !== undefined && { cwd: folder },
      stdio: [isTold ? "pipe" : "ignore", output, output, ...inherited],
      detached: isDetached,
    });
    pipe?.closeWriter();
    return child;
  } catch (error) {
    pipe?.close();
    throw error;
  }
}

/** Bun would end this process for what it still had to write when the child was killed. */
async function tell({ stdin }: BunSubprocess, text: string): Promise<void> {
  try {
    await Promise.all([stdin?.write(text), stdin?.flush()]);
  } catch {
    // Nobody reads it any more.
  }
}

async function endOf(child: BunSubprocess, isDetached: boolean): Promise<ProcessEnd> {
  const exitCode = await child.exited;
  if (isDetached) killRestOfGroup(child.pid);
  return child.signalCode ? { signal: String(child.signalCode) } : { exitCode };
}

function selfCommand(role?: string): readonly string[] {
  // Bun's function, because `node:url` would use 1 MB of memory in every slot.
  const pathOf = (url: string) => bun.fileURLToPath(new URL(url));
  const { isStandaloneExecutable: isExecutable, main } = bun;
  return selfCommandOf({ path: process.execPath, isExecutable, run: ["run"], main, pathOf }, role);
}
