/**
 * How much of its rate an honest run keeps while a stranger floods its worker: the attacks of tests/attacks, each on a
 * new worker of this machine, with the rate of the honest run before it and during it.
 *
 *     deno task bench:flood [--tls] [--only TEXT] [--seconds 2] [--rounds 3] [--slots 2]
 *
 * With `--tls`, the honest run and who attacks have the key and use it. `--only`: attacks with this text in their names.
 * Prints a table of medians. The honest run has 4 jobs of 3 ms in flight. Attackers and worker share the CPUs of this machine, so
 * that some loss is theirs and not the worker's.
 */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Attacker, HonestRun, type Phase } from "../tests/attacks/attack.ts";
import { Keys, outerAddress } from "../tests/lib/connections.ts";
import { core } from "../tests/lib/cores.ts";
import { startWorker } from "../tests/lib/processes.ts";
import { medianOf } from "./measurement.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    slots: { type: "string", default: String(availableParallelism()) },
    only: { type: "string", default: "" },
    tls: { type: "boolean", default: false },
  },
});

/** Each attack, and what it is told. */
const ATTACKS: readonly (readonly [string, ...(number | string)[]])[] = [
  ["unknown frames"],
  ["jobs without a core"],
  ["large jobs without a core", 2 ** 20],
  ["pings"],
  ["cancels"],
  ["idle connections", 300],
  ["half headers", 300],
  ["announced gigabytes", 200, 4096],
  ["announced gigabytes", 64, 86_000_000],
  ["announced unknowns", 64, 86_000_000],
  ["announced cores", 64, 86_000_000],
  ["connections without end"],
  ["compressed zeros"],
  ["stored cores", 24, await core("behave"), 9_000_000],
  ["hanging cores", 60, await core("init_hangs")],
];

/** Begins TLS without end; not as one who has the key. */
const HANDSHAKES = "handshakes without end";

await using keys = await Keys.make();
await compare(await keys.create());

async function compare(key: string): Promise<void> {
  const rows: string[][] = [];
  for (const [kind, ...args] of [...ATTACKS, [HANDSHAKES, 16] as const]) {
    if (!kind.includes(values.only)) continue;
    const rounds: Awaited<ReturnType<typeof measure>>[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      rounds.push(await measure(key, kind, args));
    }
    const median = (pick: (round: typeof rounds[number]) => number) => medianOf(rounds.map(pick));
    rows.push([
      typeof args[1] === "number" ? `${kind}, ${args[1]} bytes` : kind,
      median(({ before }) => before.jobs).toFixed(),
      median(({ during }) => during.jobs).toFixed(),
      `${median(({ before, during }) => 100 * during.jobs / before.jobs).toFixed()} %`,
      median(({ before }) => before.slowestMs).toFixed(),
      median(({ during }) => during.slowestMs).toFixed(),
    ]);
    console.error(`${kind}: measured`);
  }
  console.log(
    table(["attack", "jobs/s before", "during", "kept", "slowest ms before", "during"], rows),
  );
}

async function measure(
  key: string,
  kind: string,
  args: readonly (number | string)[],
): Promise<{ before: Phase; during: Phase }> {
  const slots = Number(values.slots);
  const ms = 1000 * Number(values.seconds);
  await using worker = await startWorker({ slots, host: "0.0.0.0", key });
  await using honest = await HonestRun.start(worker, slots, values.tls ? key : undefined);
  const before = await honest.phase(ms);
  const where = kind === HANDSHAKES
    ? `${outerAddress()}:${worker.port}`
    : { port: worker.port, key: values.tls ? key : undefined };
  await using _attacker = await Attacker.start(kind, where, ...args);
  return { before, during: await honest.phase(ms) };
}
