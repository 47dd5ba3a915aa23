/**
 * Measures what compression does for a slow network: a whole run with one worker on this machine, behind a proxy that
 * limits the rate and adds delay. Inputs are echoed; each way is run in turn, and the medians are printed.
 *
 *     deno task bench:slow [--distcomp ./distcomp] [--mbit 100] [--rtt 20] [--mib 50] [--rounds 3] [--tls]
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Network } from "../tests/fixtures/peers/network.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MIB = 1024 * 1024;

/** The ways, as options of the run. */
const WAYS = ["--no-compress", "(auto)", "--compress"] as const;

/** What inputs are made of. */
const INPUTS = { "text": text, "random bytes": noise } as const;

const { values } = parseArgs({
  options: {
    distcomp: { type: "string", default: "" },
    mbit: { type: "string", default: "100" },
    rtt: { type: "string", default: "20" },
    mib: { type: "string", default: "50" },
    rounds: { type: "string", default: "3" },
    tls: { type: "boolean", default: false },
  },
});
const own = [process.execPath, "run", ...process.versions.bun ? [] : ["-A", "--quiet"]];
const program = values.distcomp ? [values.distcomp] : [...own, join(ROOT, "cli.ts")];
const folder = mkdtempSync(join(tmpdir(), "distcomp-bench-"));
try {
  await compare();
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(0);

async function compare(): Promise<void> {
  const core = join(folder, "echo.so");
  const source = join(ROOT, "tests/fixtures/cores/echo.c");
  execFileSync("cc", ["-O2", "-fPIC", "-shared", "-o", core, source]);
  const keys = values.tls ? [`--key=${makeKey()}`] : [];
  for (const [name, make] of Object.entries(INPUTS)) {
    const inputs = join(folder, name.replace(" ", "-"));
    makeInputs(inputs, make);
    const seconds = new Map<string, number[]>(WAYS.map((way) => [way, []]));
    let passed = "";
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const way of WAYS) {
        const run = await measure(core, inputs, way, keys);
        seconds.get(way)?.push(run.seconds);
        if (round === 0) passed += ` ${way}: ${run.thereMib} MiB there, ${run.backMib} MiB back;`;
      }
    }
    const [plain = NaN] = [...seconds.values()].map(median);
    const table = WAYS.map((way) => {
      const each = median(seconds.get(way) as number[]);
      return `${way} ${each.toFixed(2)} s (${(plain / each).toFixed(2)} times as fast)`;
    });
    console.log(`${values.mib} MiB of ${name}, ${values.mbit} Mbit/s, ${values.rtt} ms:`);
    console.log(`  ${table.join(", ")}`);
    console.log(` ${passed}`);
  }
}

function makeKey(): string {
  const key = join(folder, "key");
  execFileSync(program[0] as string, [...program.slice(1), "key", "create", key]);
  return key;
}

function makeInputs(inputs: string, make: (bytes: number) => Uint8Array): void {
  mkdirSync(inputs);
  for (let index = 0; index < 4 * Number(values.mib); index++) {
    writeFileSync(join(inputs, String(index)), make(MIB / 4));
  }
}

async function measure(core: string, inputs: string, way: string, keys: readonly string[]) {
  const worker = start(["worker", "--listen=127.0.0.1:0", "--slots=2", ...keys]);
  const [line] = await once(createInterface(worker.stdout), "line") as [string];
  const port = Number(/^listening on \S+:(\d+),/.exec(line)?.[1]);
  const bytesPerMs = Number(values.mbit) * 1e6 / 8 / 1000;
  await using proxy = await Network.open(port, { bytesPerMs, delayMs: Number(values.rtt) / 2 });
  const outputs = join(folder, "outputs");
  const options = way.startsWith("--") ? [way] : [];
  const sinceMs = performance.now();
  const run = start(
    [
      "run",
      core,
      inputs,
      "-o",
      outputs,
      "-w",
      `127.0.0.1:${proxy.port}`,
      "-q",
      ...keys,
      ...options,
    ],
  );
  const [code] = await once(run, "exit");
  const seconds = (performance.now() - sinceMs) / 1000;
  worker.kill();
  if (code !== 0) throw new Error(`The run ended with ${code}`);
  rmSync(outputs, { recursive: true });
  const mib = (bytes: number) => (bytes / MIB).toFixed(1);
  const { there, back } = proxy.passedBytes;
  return { seconds, thereMib: mib(there), backMib: mib(back) };
}

function start(args: readonly string[]) {
  return spawn(program[0] as string, [...program.slice(1), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Lines of a log, which compress to a fourth or so. */
function text(bytes: number): Uint8Array {
  let lines = "";
  while (lines.length < bytes) {
    const [x, y] = [Math.random(), Math.random()];
    lines += `${Math.round(1e6 * x)} measured ${y.toFixed(3)} at node-${Math.round(9 * y)}: ok\n`;
  }
  return new TextEncoder().encode(lines).subarray(0, bytes);
}

function noise(bytes: number): Uint8Array {
  return new Uint8Array(bytes).map(() => 256 * Math.random());
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
