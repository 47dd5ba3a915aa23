/** Connections without end, or without any use: a worker has room for honest ones, and its memory is bounded. */

import assert from "node:assert/strict";
import { header, JOB } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { slowTest } from "../lib/test.ts";
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
    await using newcomer = await connectWith(worker, "echo");
    assert.equal(await run(newcomer, "served"), "served");
    assertKept(before, during);
    assert(worker.stderr.length < 1_000_000, `${worker.stderr.length} bytes of log`);
  });
}

/** How often the memory of a worker is looked at: while connections take it, and while others wait for it. */
const LOOKS = 4;

const STOPPING = [
  [
    "64 connections that announce a job of a gigabyte each, send 86 MB of it and trickle do not fill the memory of a worker",
    64,
    "announced gigabytes",
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
] as const;

for (const [title, connections, kind] of STOPPING) {
  slowTest(
    title,
    async () => {
      await using worker = await startWorker({ slots: SLOTS });
      await using honest = await HonestRun.start(worker, SLOTS);
      const before = await honest.phase();
      await using _attacker = await Attacker.start(
        kind,
        worker.port,
        connections,
        86_000_000,
      );
      for (let look = 1; look < LOOKS; look++) await honest.phase(); // it looks at the memory
      assertKept(before, await honest.phase());
    },
  );
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
