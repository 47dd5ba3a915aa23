/** Combines the outputs of the Mandelbrot example into one PNG file. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encode } from "fast-png";

/** Six 32-bit integers, as mandelbrot.c writes them. */
const HEADER_BYTES = 24;
const PIXEL_BYTES = 3;

/** The largest picture: more pixels would need more than a gigabyte of memory. */
const PIXELS_MAX = 350_000_000;

/** The size of the picture that was written. */
export interface Stitched {
  /** Width of the picture in pixels. */
  width: number;
  /** Height of the picture in pixels. */
  height: number;
  /** Number of tiles. */
  tiles: number;
}

interface Size {
  width: number;
  height: number;
}

interface TileImage extends Size {
  picture: Size;
  left: number;
  top: number;
  /** Red, green, blue; row by row. */
  pixels: Uint8Array;
}

/**
 * Combines the outputs of all tiles and writes the picture as a PNG file.
 *
 * @param tilesDir The inputs: each `tile_*.txt` in it must have an output.
 * @param outputsDir The outputs; each has the file name of its input.
 * @param pngPath The file to write.
 * @throws {Error} If an output is missing or damaged, or the tiles do not cover the picture.
 */
export async function stitch(
  tilesDir: string,
  outputsDir: string,
  pngPath: string,
): Promise<Stitched> {
  const names = (await readdir(tilesDir)).filter(isTileName).sort();
  await checkAllThere(names, tilesDir, outputsDir);
  let canvas: Canvas | undefined;
  for (const name of names) {
    const tile = decodeTile(name, await readFile(join(outputsDir, name)));
    canvas ??= new Canvas(tile.picture);
    canvas.paste(name, tile);
  }
  if (canvas === undefined) throw new Error(`Cannot stitch: ${tilesDir} holds no tile_*.txt`);
  await writeFile(pngPath, canvas.toPng());
  return { ...canvas.size, tiles: names.length };
}

function isTileName(name: string): boolean {
  return name.startsWith("tile_") && name.endsWith(".txt");
}

async function checkAllThere(names: string[], tilesDir: string, outputsDir: string) {
  const outputs = new Set(await readdir(outputsDir));
  const missing = names.filter((name) => !outputs.has(name));
  if (missing.length === 0) return;
  throw new Error(
    `Cannot stitch: ${missing.length} of the ${names.length} tiles in ${tilesDir} have no output ` +
      `in ${outputsDir}, ${missing[0]} for example`,
  );
}

function decodeTile(name: string, bytes: Uint8Array): TileImage {
  if (bytes.length < HEADER_BYTES) throw new Error(`Cannot stitch ${name}: its output is cut off`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const field = (index: number) => header.getUint32(4 * index, true);
  const tile: TileImage = {
    picture: { width: field(0), height: field(1) },
    left: field(2),
    top: field(3),
    width: field(4),
    height: field(5),
    pixels: bytes.subarray(HEADER_BYTES),
  };
  if (tile.pixels.length !== PIXEL_BYTES * tile.width * tile.height) {
    throw new Error(
      `Cannot stitch ${name}: its output has ${tile.pixels.length} bytes of color, ` +
        `but ${tile.width} × ${tile.height} pixels need ${PIXEL_BYTES * tile.width * tile.height}`,
    );
  }
  return tile;
}

class Canvas {
  readonly size: Size;
  readonly #pixels: Uint8Array;
  #pasted = 0;

  constructor(size: Size) {
    const count = size.width * size.height;
    if (count > PIXELS_MAX) {
      throw new Error(
        `Cannot stitch a picture of ${size.width} × ${size.height} pixels: ` +
          `the limit is ${PIXELS_MAX}`,
      );
    }
    this.size = size;
    this.#pixels = new Uint8Array(PIXEL_BYTES * count);
  }

  paste(name: string, tile: TileImage): void {
    const { width, height } = this.size;
    if (tile.picture.width !== width || tile.picture.height !== height) {
      throw new Error(`Cannot stitch ${name}: it belongs to another picture than the others`);
    }
    if (tile.left + tile.width > width || tile.top + tile.height > height) {
      throw new Error(`Cannot stitch ${name}: it lies outside the picture`);
    }
    const rowBytes = PIXEL_BYTES * tile.width;
    for (let row = 0; row < tile.height; row++) {
      const source = tile.pixels.subarray(row * rowBytes, (row + 1) * rowBytes);
      this.#pixels.set(source, PIXEL_BYTES * ((tile.top + row) * width + tile.left));
    }
    this.#pasted += tile.width * tile.height;
  }

  toPng(): Uint8Array {
    const { width, height } = this.size;
    if (this.#pasted !== width * height) {
      throw new Error(
        `Cannot stitch: the tiles have ${this.#pasted} pixels together, ` +
          `but the picture has ${width * height}`,
      );
    }
    return encode({ width, height, data: this.#pixels, channels: PIXEL_BYTES, depth: 8 });
  }
}
