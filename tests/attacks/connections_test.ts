/** Connections without end, or without any use: a worker has room for honest ones, and its memory is bounded. */

import assert from "node:assert/strict";
import { header, JOB } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { Keys, outerAddress } from "../lib/connections.ts";
import { eventually, type Program, startWorker } from "../lib/processes.ts";
import { slowTest, slowTestUnless } from "../lib/test.ts";
import { connectWith, run } from "../worker/controllers.ts";
import { connectRaw } from "../worker/raw.ts";
import { assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;

const ATTACKS: readonly (readonly [title: string, kind: string, ...args: number[]])[] = [
  [
    "300 connections that never send anything leave an honest run its rate, and a new controller a place",
    "idle connections",
    300,
  ],
  [
    "300 connections with half a header leave an honest run its rate, and a new controller a place",
    "half headers",
    300,
  ],
  [
    "200 connections that announce a gigabyte and trickle it leave an honest run its rate, and a new controller a place",
    "announced gigabytes",
    200,
    8_000_000,
  ],
  [
    "connections that come and go without end leave an honest run its rate, and a new controller a place",
    "connections without end",
  ],
];

for (const [title, kind, ...args] of ATTACKS) {
  slowTest(title, async () => {
    await using worker = await startWorker({ slots: SLOTS });
    await using honest = await HonestRun.start(worker, SLOTS);
    await coreBytes("echo"); // it is built, so that the new controller sends it at once
    const before = await honest.phase();
    await using _attacker = await Attacker.start(kind, worker.port, ...args);
    const during = await honest.phase();
    await assertServesNewcomer(worker);
    assertKept(before, during);
    assert(worker.stderr.length < 1_000_000, `${worker.stderr.length} bytes of log`);
  });
}

const OUTER = outerAddress();

slowTestUnless(
  OUTER === undefined ? "this machine has no address but loopback" : undefined,
  "strangers who begin TLS without end leave an honest run its rate, and a new controller with the key a place",
  async () => {
    await using keys = await Keys.make();
    const key = await keys.create();
    await using worker = await startWorker({ slots: SLOTS, host: "0.0.0.0", key });
    await using honest = await HonestRun.start(worker, SLOTS);
    const before = await honest.phase();
    const address = `${OUTER}:${worker.port}`;
    await using _attacker = await Attacker.start("handshakes without end", address, 16);
    const during = await honest.phase();
    await using newcomer = await HonestRun.start(worker, SLOTS, key);
    assert((await newcomer.phase()).jobs > 0);
    assertKept(before, during);
  },
);

/** A new controller gets a place. In a flood, one that has said nothing for a second loses it, and dials again. */
async function assertServesNewcomer(worker: Program): Promise<void> {
  await eventually("a new controller is served", async () => {
    try {
      await using newcomer = await connectWith(worker, "echo");
      return await run(newcomer, "served") === "served";
    } catch (error) {
      assert.match(String(error), /Connection closed|ECONNRESET/);
    }
  });
}

/** How often the memory of a worker is looked at: while connections take it, and while others wait for it. */
const LOOKS = 4;

const STOPPING: readonly (readonly [
  title: string,
  connections: number,
  kind: string,
  isSecure?: boolean,
])[] = [
  [
    "64 connections that announce a job of a gigabyte each, send 86 MB of it and trickle do not fill the memory of a worker",
    64,
    "announced gigabytes",
  ],
  [
    "16 connections over TLS that announce a job of a gigabyte each, send 86 MB of it and trickle do not fill the memory of a worker",
    16,
    "announced gigabytes",
    true,
  ],
  [
    "64 connections that announce a message of an unknown type, send 86 MB of it and trickle do not fill the memory of a worker",
    64,
    "announced unknowns",
  ],
  [
    "8 connections that announce a core of a gigabyte each, send 86 MB of it and trickle do not fill the memory of a worker",
    8,
    "announced cores",
  ],
  [
    "64 connections that announce a core of a gigabyte each, send 86 MB of it and trickle do not fill the memory of a worker",
    64,
    "announced cores",
  ],
  [
    "16 connections over TLS that announce a core of a gigabyte each, send 86 MB of it and trickle do not fill the memory of a worker",
    16,
    "announced cores",
    true,
  ],
];

for (const [title, connections, kind, isSecure] of STOPPING) {
  slowTest(title, async () => {
    await using keys = await Keys.make();
    const key = isSecure ? await keys.create() : undefined;
    await using worker = await startWorker({ slots: SLOTS, key });
    await using honest = await HonestRun.start(worker, SLOTS, key);
    const before = await honest.phase();
    const where = { port: worker.port, key };
    await using _attacker = await Attacker.start(kind, where, connections, 86_000_000);
    for (let look = 1; look < LOOKS; look++) await honest.phase(); // it looks at the memory
    assertKept(before, await honest.phase());
  });
}

slowTest(
  "with few open files, a worker keeps some for its jobs, and serves a new controller",
  async () => {
    const through = ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"];
    await using worker = await startWorker({ slots: SLOTS, through });
    await using honest = await HonestRun.start(worker, SLOTS);
    await coreBytes("echo"); // it is built, so that the new controller sends it at once
    const before = await honest.phase();
    await using _attacker = await Attacker.start("idle connections", worker.port, 100);
    const during = await honest.phase();
    await using newcomer = await connectWith(worker, "echo");
    assert.equal(await run(newcomer, "served"), "served");
    assertKept(before, during);
  },
);

slowTest(
  "controllers that send nothing, half a header, or no more than the header of a gigabyte are disconnected",
  async () => {
    await using worker = await startWorker({ slots: 1 });
    await using honest = await connectWith(worker, "echo");
    using silent = await connectRaw(worker);
    using unfinished = await connectRaw(worker);
    using announcing = await connectRaw(worker);
    unfinished.write(header(JOB, 1n, 8n).subarray(0, 9));
    announcing.write(header(JOB, 1n, 2n ** 30n));
    const sockets = [silent, unfinished, announcing].map((socket) => socket.resume());
    await eventually("all three are", () => sockets.every(({ destroyed }) => destroyed));
    assert.equal(await run(honest, "served"), "served");
  },
);
