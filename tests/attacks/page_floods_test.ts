/**
 * Floods of the page of a worker, whose event loop also relays jobs: an honest run beside them keeps its rate, and a new
 * browser is answered.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../lib/processes.ts";
import { slowTest } from "../lib/test.ts";
import { ANSWER_MS_MAX, assertKept, Attacker, HonestRun } from "./attack.ts";

const SLOTS = 2;
const TOKEN = "a-token-of-32-characters-or-more";

const FLOODS = [
  ["a flood of requests to a page leaves an honest run its rate", "page requests", 64, "none"],
  [
    "a flood of requests by who may look leaves an honest run its rate",
    "page requests",
    64,
    `Bearer ${TOKEN}`,
  ],
  ["a flood of connections to a page leaves an honest run its rate", "connections without end"],
  [
    "800 half requests to a page leave an honest run its rate, and a new browser is answered",
    "half page requests",
    800,
  ],
] as const;

for (const [title, kind, ...args] of FLOODS) {
  slowTest(title, async () => {
    const folder = await mkdtemp(join(tmpdir(), "dc-token-"));
    try {
      await writeFile(join(folder, "token"), TOKEN);
      const page = ["--web", "--web-token", join(folder, "token")];
      await using worker = await Program.start(
        ["worker", "--listen", "127.0.0.1:0", "--slots", String(SLOTS), ...page],
      );
      const [, port] = await worker.printed("stderr", /^the page is at http:\S+:(\d+)\//m);
      await worker.printed("stdout", /^listening on .*\n/m);
      await using honest = await HonestRun.start(worker, SLOTS);
      const before = await honest.phase();
      await using _attacker = await Attacker.start(kind, Number(port), ...args);
      assertKept(before, await honest.phase());
      if (kind === "half page requests") assert.equal(await statusFor(Number(port)), 401);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

/** How the page answers a browser that comes now and has no token. It is late if nothing comes for some seconds. */
async function statusFor(port: number): Promise<number> {
  const late = AbortSignal.timeout(ANSWER_MS_MAX);
  return (await fetch(`http://127.0.0.1:${port}/`, { signal: late })).status;
}
