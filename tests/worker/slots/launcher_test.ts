/** Which connections a launcher takes for those of its processes, and which it closes. */

import assert from "node:assert/strict";
import type { ByteStream, ChildProcess, ProcessEnd, SpawnOptions } from "../../../runtime/ports.ts";
import { SLOT_REGISTER, type SlotStart } from "../../../slot/protocol.ts";
import { silentLog } from "../../../system/log.ts";
import { Launcher } from "../../../worker/slots/processes/launcher.ts";
import { encodeFrame } from "../../fixtures/peers/frames.ts";
import { hugeOutputHead } from "../../lib/huge_output.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

const EVENTS = { onAnswer: () => {}, onLost: () => {} };

test("a process is connected by the ticket that it was started with, and only once", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  const first = await scene.connect(SLOT_REGISTER, scene.ticket);
  await process.connected;
  assert(process.isEmpty);
  const second = await scene.connect(SLOT_REGISTER, scene.ticket);
  assert.deepEqual([await isClosed(second), await isClosed(first)], [true, false]);
});

test("a connection without the ticket of a process, or that begins with another message, is closed", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  // Its number, which others can guess, is no ticket.
  for (const [type, id] of [[SLOT_REGISTER, 1], [1, scene.ticket]] as const) {
    assert(await isClosed(await scene.connect(type, id)));
  }
  assert(!process.isEmpty);
  await scene.connect(SLOT_REGISTER, scene.ticket);
  await process.connected;
});

test("a connection that ends before it has named a process is closed", async () => {
  await using scene = new Scene();
  scene.launcher.spawn("slot", 0, EVENTS);
  const stream = await scene.dial();
  await stream.endWrites();
  assert(await isClosed(stream));
});

test("a connection that does not say which process it is is closed after a time, or when there are many", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  const silent = await scene.dial();
  await scene.network.clock.advance(10_000);
  assert(await isClosed(silent));
  const many = await Promise.all(Array.from({ length: 600 }, () => scene.dial()));
  await scene.network.clock.advance(0);
  assert(await isClosed(many[0] as ByteStream));
  await scene.connect(SLOT_REGISTER, scene.ticket);
  await process.connected;
});

test("a process that is being killed may not connect any more, and its connection is closed", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  process.kill("it took too long");
  assert(await isClosed(await scene.connect(SLOT_REGISTER, scene.ticket)));
  assert(!process.isEmpty);
});

test("a process that has exited is neither ended nor killed when the launcher closes", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  process.connected.catch(() => {});
  scene.processes[0]?.end({ exitCode: 1 });
  await scene.network.clock.advance(1_000);
  await scene.launcher.close();
  assert.deepEqual(scene.processes[0]?.signals, []);
  assert.equal(scene.network.clock.timers, 0);
});

test("a process whose large output is being sent is killed when the launcher closes", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  const stream = await scene.connect(SLOT_REGISTER, scene.ticket);
  await process.connected;
  await stream.write(hugeOutputHead(1, 2 ** 31));
  await scene.network.clock.advance(0);
  const closed = scene.launcher.close();
  const [child] = scene.processes;
  assert.deepEqual(child?.signals, ["SIGKILL"]);
  stream.close();
  child.end({ signal: "SIGKILL" });
  await scene.network.clock.advance(0);
  await closed;
  assert.equal(scene.network.clock.timers, 0);
});

test("each process has a folder of its own, which is removed when it has ended", async () => {
  await using scene = new Scene();
  for (const slot of [0, 1]) scene.launcher.spawn("slot", slot, EVENTS).connected.catch(() => {});
  assert.deepEqual(scene.starts.map(({ folder }) => folder), ["/work-1", "/work-2"]);
  assert.deepEqual(scene.starts.map(({ env }) => env["DISTCOMP_SLOT"]), ["0", "1"]);
  await scene.network.disk.files.create("/work-1/left", "something");
  scene.processes[0]?.end({ signal: "SIGSEGV" });
  await scene.network.clock.advance(1_000);
  const { disk } = scene.network;
  const left = ["/work-1", "/work-2"].filter((path) => disk.files.infoSync(path));
  assert.deepEqual(left, ["/work-2"]);
});

test("a process without room for its folder is not started, and nothing of it is left", async () => {
  await using scene = new Scene();
  const noRoom = Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  scene.network.disk.onOperation = (operation) => {
    if (operation === "makeFolder") throw noRoom;
  };
  assert.throws(
    () => scene.launcher.spawn("slot", 0, EVENTS),
    /^Error: Cannot make its working folder in \/: no space left on the disk, or no inodes \(df -i\)$/,
  );
  assert.deepEqual(scene.starts, []);
  await scene.network.clock.advance(0);
  assert.deepEqual(scene.network.disk.paths, []);
});

test("a process works on although the file of its started job cannot be removed", async () => {
  await using scene = new Scene();
  const process = scene.launcher.spawn("slot", 0, EVENTS);
  scene.network.disk.onOperation = (operation) => {
    if (operation === "remove") throw Object.assign(new Error("EACCES"), { code: "EACCES" });
  };
  await scene.connect(SLOT_REGISTER, scene.ticket);
  await process.connected;
  await scene.network.clock.advance(0);
  assert(process.isEmpty);
  scene.network.disk.onOperation = () => {};
});

/** Whether a launcher has closed its end of a connection. */
async function isClosed(stream: ByteStream): Promise<boolean> {
  const end = stream.read(new Uint8Array(1)).then(() => true);
  const soon = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50));
  return await Promise.race([end, soon]);
}

/** Where processes connect. */
const SOCKET = "/slots";

/** A launcher on a network in memory, whose processes do nothing. */
class Scene implements AsyncDisposable {
  readonly network = new MemoryNetwork();
  readonly processes: Process[] = [];
  readonly starts: SpawnOptions[] = [];
  /** That of the last process. */
  ticket = 0;
  readonly launcher: Launcher;

  constructor() {
    const runtime = {
      ...this.network.runtime,
      selfCommand: () => ["distcomp"],
      spawn: (command: readonly string[], options: SpawnOptions) => {
        this.ticket = (JSON.parse(command.at(-1) ?? "") as SlotStart).ticket;
        this.starts.push(options);
        this.processes.push(new Process());
        return this.processes.at(-1) as Process;
      },
    };
    this.launcher = new Launcher(runtime, { socketPath: SOCKET, log: silentLog });
  }

  dial(): Promise<ByteStream> {
    return this.network.dial({ kind: "unix", path: SOCKET });
  }

  /** Connects, and sends a first message with this type and id. */
  async connect(type: number, number: number): Promise<ByteStream> {
    const stream = await this.dial();
    const frame = encodeFrame({ type, id: BigInt(number), payload: new Uint8Array(0) });
    await stream.write(new Uint8Array(frame));
    await this.network.clock.advance(0);
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.launcher.kill();
    await this.network.clock.advance(60_000);
  }
}

/** A process that ends when it is killed, or when the test says so. */
class Process implements ChildProcess {
  readonly pid = 4711;
  readonly outputs = [];
  readonly #end = Promise.withResolvers<ProcessEnd>();
  readonly ended = this.#end.promise;
  readonly signals: string[] = [];

  kill(signal: string): void {
    this.signals.push(signal);
    if (this.signals.length > 1) this.end({ signal });
  }

  unref(): void {}

  end(end: ProcessEnd): void {
    this.#end.resolve(end);
  }
}
