/** Workers that dial: the controller listens, as behind a NAT or in a cluster that grows and shrinks. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { delay } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { KeyNeededError, RefusedError } from "../../security/refused_error.ts";
import { silentLog } from "../../system/log.ts";
import { dialController } from "../../worker/serve.ts";
import { Program } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { allIsTaken, loadAllSlots, loadCore, run } from "./controllers.ts";

test("a worker dials its controller and serves it, and dials again whenever it is gone", async () => {
  using controllers = await Controllers.listen();
  await using _worker = await dialing(controllers.port);
  for (let time = 0; time < 3; time++) {
    await using controller = await controllers.next();
    await assertServes(controller);
  }
});

test("a worker finds a controller that comes back later at the same address", async () => {
  using first = await Controllers.listen();
  const { port } = first;
  await using worker = await dialing(port);
  await using before = await first.next();
  await assertServes(before);
  first.close();
  await before.close();
  await worker.printed("stderr", /Cannot reach controller 127\.0\.0\.1:\d+: .*; retrying/);
  using second = await Controllers.listen(port);
  await using after = await second.next();
  await assertServes(after);
});

test("a worker that finds no controller says so once, and ends when asked to", async () => {
  using controllers = await Controllers.listen();
  controllers.close();
  await using worker = await dialing(controllers.port);
  await worker.printed("stderr", /retrying/);
  await worker.stop();
  assert.equal(worker.stderr.match(/retrying/g)?.length, 1);
});

test("a worker that dialed finishes its jobs when it is told to end", async () => {
  using controllers = await Controllers.listen();
  await using worker = await dialing(controllers.port);
  await using controller = await controllers.next();
  await loadCore(controller, "behave");
  await loadAllSlots(controller, 1);
  const job = run(controller, "sleep 300");
  await allIsTaken(controller);
  worker.signal("SIGTERM");
  assert.equal(await job, "slept");
  await worker.endsCleanly();
});

test("pauses between dials double from 0.1 s to 5 s, until a connection has lasted a second", async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const dials: number[] = [];
  let servedMs: number | undefined;
  const runtime = {
    clock,
    random: { fraction: () => 1, hex: () => "" },
    dial: () => {
      dials.push(clock.now());
      if (servedMs === undefined) return Promise.reject(new Error("connection refused"));
      return Promise.resolve({} as ByteStream);
    },
  };
  const worker = { serve: () => delay(clock, servedMs ?? 0) };
  const address = { kind: "tcp", host: "controller", port: 1 } as const;
  const served = dialController(worker, runtime, address, silentLog, ending.signal);
  await clock.advance(16_300);
  const pauses = dials.slice(1).map((atMs, index) => Math.round(atMs - (dials[index] as number)));
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);

  servedMs = 999;
  await clock.advance(12_000);
  assert.equal((dials.at(-1) as number) - (dials.at(-2) as number), 999 + 5000);
  servedMs = 1000;
  await clock.advance(12_000);
  assert.equal((dials.at(-1) as number) - (dials.at(-2) as number), 1000 + 100);
  ending.abort();
  await clock.advance(1000);
  await served;
  assert.equal(clock.timers, 0);
});

test("a connection that opens after the worker was told to end is closed, and not served", async () => {
  const { clock, dial, served, dialed, ending, limitsMs } = dialingInMemory();
  assert.deepEqual(limitsMs, [10_000], "how long an attempt may take");
  ending.abort();
  let isClosed = false;
  dialed.resolve({ close: () => void (isClosed = true) } as ByteStream);
  await dial;
  assert.deepEqual([isClosed, served.length, clock.timers], [true, 0, 0]);
});

test("an attempt that fails after the worker was told to end is not reported, and none follows", async () => {
  const { clock, dial, warnings, dialed, ending } = dialingInMemory();
  ending.abort();
  dialed.reject(new Error("connection refused"));
  await dial;
  assert.deepEqual([warnings, clock.now(), clock.timers], [[], 0, 0]);
});

test("each time that a controller cannot be reached is reported once, also for the same reason", async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const warnings: string[] = [];
  let isUp = false;
  const runtime = {
    clock,
    random: { fraction: () => 1, hex: () => "" },
    dial: () =>
      isUp ? Promise.resolve({} as ByteStream) : Promise.reject(new Error("connection refused")),
  };
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const worker = { serve: () => delay(clock, 2_000) };
  const address = { kind: "tcp", host: "controller", port: 1 } as const;
  const dial = dialController(worker, runtime, address, log, ending.signal);
  await clock.advance(10_000);
  assert.equal(warnings.length, 1);
  isUp = true;
  await clock.advance(6_000);
  isUp = false;
  await clock.advance(10_000);
  assert.equal(warnings.length, 2);
  ending.abort();
  await dial;
});

test("a worker that is asked for a key dials again at once, without a word in the log, and others that refuse it later", async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const warnings: string[] = [];
  const dials: number[] = [];
  const errors = [
    new KeyNeededError("this run needs a key"),
    new RefusedError("it is another key"),
  ];
  const runtime = {
    clock,
    random: { fraction: () => 1, hex: () => "" },
    dial: () => {
      const error = errors[dials.push(clock.now()) - 1];
      return Promise.resolve({ read: () => Promise.reject(error) } as unknown as ByteStream);
    },
  };
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const serve = async (stream: ByteStream) => {
    await stream.read(new Uint8Array(1)).catch(() => {});
  };
  const address = { kind: "tcp", host: "controller", port: 1 } as const;
  const dial = dialController({ serve }, runtime, address, log, ending.signal);
  await clock.advance(29_000);
  assert.deepEqual(dials, [0, 0]);
  assert.deepEqual(warnings, ["Cannot serve controller controller:1: it is another key; retrying"]);
  ending.abort();
  await clock.advance(1_000);
  await dial;
});

test("a dialed connection learns which reads are part of a large payload, as an accepted one does", async () => {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const reads: (boolean | undefined)[] = [];
  const stream = {
    read: (_: unknown, isLarge?: boolean) => {
      reads.push(isLarge);
      return Promise.resolve(null);
    },
  } as unknown as ByteStream;
  const runtime = {
    clock,
    random: { fraction: () => 1, hex: () => "" },
    dial: () => Promise.resolve(stream),
  };
  const serve = async (served: ByteStream) => {
    ending.abort();
    for (const isLarge of [true, false, undefined]) await served.read(new Uint8Array(1), isLarge);
  };
  const address = { kind: "tcp", host: "controller", port: 1 } as const;
  await dialController({ serve }, runtime, address, silentLog, ending.signal);
  assert.deepEqual(reads, [true, false, undefined]);
});

/** The header of 17 bytes, and a version. */
const VERSION_MESSAGE_BYTES = 25;

test("a controller that says nothing, or nothing but its version, for a minute is dialed again; a quiet one later is not", async () => {
  const network = new MemoryNetwork();
  const { clock, runtime } = network;
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const ending = new AbortController();
  /** Reads until the connection ends. */
  const serve = async (stream: ByteStream) => {
    while (await stream.read(new Uint8Array(1)) !== null);
  };
  const dial = dialController({ serve }, runtime, listener.address, silentLog, ending.signal);
  const accepted: ByteStream[] = [];
  void (async () => {
    for (let next = await listener.accept(); next; next = await listener.accept()) {
      accepted.push(next);
    }
  })();
  await clock.advance(60_000);
  assert.equal(accepted.length, 1);
  await clock.advance(1_000);
  assert.equal(accepted.length, 2, "it was silent");
  await accepted[1]?.write(new Uint8Array(VERSION_MESSAGE_BYTES));
  await clock.advance(59_000);
  assert.equal(accepted.length, 2, "it may still send its core");
  await clock.advance(2_000);
  assert.equal(accepted.length, 3, "it has sent no core");
  await accepted[2]?.write(new Uint8Array(VERSION_MESSAGE_BYTES + 1));
  await clock.advance(3_600_000);
  assert.equal(accepted.length, 3, "it has begun");
  ending.abort();
  accepted[2]?.close();
  listener.close();
  await clock.advance(10_000);
  await dial;
  assert.equal(clock.timers, 0);
});

/** A worker that has begun to dial; the test decides what comes of it. */
function dialingInMemory() {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const warnings: string[] = [];
  const served: ByteStream[] = [];
  const dialed = Promise.withResolvers<ByteStream>();
  const limitsMs: number[] = [];
  const runtime = {
    clock,
    random: { fraction: () => 1, hex: () => "" },
    dial: (_address: unknown, limitMs: number) => {
      limitsMs.push(limitMs);
      return dialed.promise;
    },
  };
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const worker = {
    serve: (stream: ByteStream) => {
      served.push(stream);
      return Promise.resolve();
    },
  };
  const address = { kind: "tcp", host: "controller", port: 1 } as const;
  const dial = dialController(worker, runtime, address, log, ending.signal);
  return { clock, dial, served, warnings, dialed, ending, limitsMs };
}

function dialing(port: number): Promise<Program> {
  return Program.start(["worker", "--connect", `127.0.0.1:${port}`, "--slots", "1"]);
}

async function assertServes(controller: ControllerV1): Promise<void> {
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "at your service"), "at your service");
}

/** Takes workers that dial, one after another. */
class Controllers implements Disposable {
  readonly #server: Server;
  readonly port: number;
  readonly #sockets: Socket[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#sockets.push(socket));
  }

  static async listen(port = 0): Promise<Controllers> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new Controllers(server);
  }

  async next(): Promise<ControllerV1> {
    if (this.#sockets.length === 0) await once(this.#server, "connection");
    return new ControllerV1(this.#sockets.shift() as Socket);
  }

  /** Takes no more of them. Those that it gave away stay. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
