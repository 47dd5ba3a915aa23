/**
 * The demo: builds the Mandelbrot core, writes its inputs, runs `distcomp run` on them with every CPU of
 * this machine, and puts the tiles together. Everything it writes is in the folder `demo`.
 *
 *     deno task demo [--size 1920x1200]
 */

import { spawnSync } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stitch } from "./stitch.ts";
import { defaultPicture, type Picture, writeTiles } from "./tiles.ts";

const FOLDER = "demo";
/** The arguments that start distcomp on the runtime of this demo. Deno also needs permissions. */
const PROGRAM = [
  ...(process.versions["deno"] ? ["run", "-A", "--quiet"] : ["run"]),
  fileURLToPath(new URL("../../cli.ts", import.meta.url)),
];
const SOURCE = relative("", fileURLToPath(new URL("mandelbrot.c", import.meta.url)));

async function demo(size: PictureSize): Promise<number> {
  const [core, inputs, outputs, picture] = ["mandelbrot.so", "inputs", "outputs", "mandelbrot.png"]
    .map((name) => join(FOLDER, name)) as [string, string, string, string];
  await rm(inputs, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });

  if (!build(core)) return 2;
  const tiles = await writeTiles(inputs, size);
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
      "Cannot run the C compiler `cc`, which builds the demo's compute core; " +
        "install gcc or clang (Debian: apt install gcc, macOS: xcode-select --install)",
    );
  }
  return status === 0;
}

type PictureSize = Pick<Picture, "width" | "height">;

/** Reads `1920x1200`. */
function sizeOf(text: string | undefined): PictureSize {
  if (text === undefined) return defaultPicture;
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (width && height) return { width: Number(width), height: Number(height) };
  console.error(`--size must be WIDTHxHEIGHT in pixels, such as 480x300, not "${text}"`);
  process.exit(2);
}

const { values } = parseArgs({ options: { size: { type: "string" } } });
process.exit(await demo(sizeOf(values.size)));
