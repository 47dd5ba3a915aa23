/**
 * The demo: builds the Mandelbrot core, writes the inputs, runs `distcomp run` on all CPUs of this
 * machine, and combines the outputs into a picture. All files are in the folder `demo`.
 */

import { spawnSync } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { stitch } from "./stitch.ts";
import { writeTiles } from "./tiles.ts";

const FOLDER = "demo";
/** The program, on the runtime that runs this file. Deno needs permissions. */
const PROGRAM = [
  ...(process.versions["deno"] ? ["run", "-A", "--quiet"] : ["run"]),
  fileURLToPath(new URL("../../cli.ts", import.meta.url)),
];
const SOURCE = fileURLToPath(new URL("mandelbrot.c", import.meta.url));

async function demo(): Promise<number> {
  const [core, inputs, outputs, picture] = ["mandelbrot.so", "inputs", "outputs", "mandelbrot.png"]
    .map((name) => join(FOLDER, name)) as [string, string, string, string];
  await rm(inputs, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });

  if (!build(core)) return 2;
  const tiles = await writeTiles(inputs);
  console.log(`$ distcomp run ${core} ${inputs} -o ${outputs}    # ${tiles} tiles`);
  const { status } = spawnSync(process.execPath, [...PROGRAM, "run", core, inputs, "-o", outputs], {
    stdio: "inherit",
  });
  if (status !== 0) return status ?? 1;

  const { width, height } = await stitch(inputs, outputs, picture);
  console.log(`The picture, ${width} × ${height} pixels, is in ${picture}`);
  return 0;
}

function build(core: string): boolean {
  const args = ["-O2", "-fPIC", "-shared", "-o", core, SOURCE, "-lm"];
  console.log(`$ cc ${args.join(" ")}`);
  const { error, status } = spawnSync("cc", args, { stdio: "inherit" });
  if (error) {
    console.error(
      "The demo needs the C compiler `cc` to build its compute core, and there is none on this machine; " +
        "install gcc or clang (Debian: apt install gcc, macOS: xcode-select --install)",
    );
  }
  return status === 0;
}

process.exit(await demo());
