/** Writes the inputs of the Mandelbrot example: one small text file for each tile of a picture. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What to draw, and into how many tiles to cut it. */
export interface Picture {
  /** Width in pixels. */
  width: number;
  /** Height in pixels. */
  height: number;
  /** Tiles side by side. */
  columns: number;
  /** Tiles one above the other. */
  rows: number;
  /** Real part of the point in the middle. */
  centerRe: number;
  /** Imaginary part of the point in the middle. */
  centerIm: number;
  /** Width of the picture in the complex plane. */
  span: number;
  /** A point that has not escaped after this many iterations counts as in the set. */
  iterations: number;
  /** Points per side of a pixel: with 2, each pixel is the mean of 4 points. */
  samples: number;
}

/** One input: the name of its file and its text. */
export interface Tile {
  name: string;
  text: string;
}

/** A spiral near the Seahorse Valley. The slowest of its 240 tiles take seven times as long as the fastest. */
export const defaultPicture: Readonly<Picture> = {
  width: 1920,
  height: 1200,
  columns: 20,
  rows: 12,
  centerRe: -0.7612,
  centerIm: -0.0849,
  span: 0.0026,
  iterations: 2000,
  samples: 2,
};

/**
 * The tiles of a picture, row by row. Their names, such as `tile_03_07.txt` for row 3 and column 7,
 * sort in the same order.
 */
export function* tilesOf(picture: Picture): Generator<Tile> {
  const { width, height, columns, rows } = picture;
  checkDivides("columns", columns, "width", width);
  checkDivides("rows", rows, "height", height);
  const digits = Math.max(2, String(Math.max(columns, rows) - 1).length);
  const padded = (index: number) => String(index).padStart(digits, "0");
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = slice(row, rows, height);
    for (let column = 0; column < columns; column++) {
      const [left, right] = slice(column, columns, width);
      yield {
        name: `tile_${padded(row)}_${padded(column)}.txt`,
        text: `picture ${width} ${height}\n` +
          `tile ${left} ${top} ${right - left} ${bottom - top}\n` +
          `center ${picture.centerRe} ${picture.centerIm}\n` +
          `span ${picture.span}\n` +
          `iterations ${picture.iterations}\n` +
          `samples ${picture.samples}\n`,
      };
    }
  }
}

/**
 * Writes the tiles of a picture into `dir`, which is created if it does not exist.
 *
 * @param options Options that differ from {@linkcode defaultPicture}.
 * @returns The number of tiles.
 */
export async function writeTiles(dir: string, options: Partial<Picture> = {}): Promise<number> {
  await mkdir(dir, { recursive: true });
  let count = 0;
  for (const tile of tilesOf({ ...defaultPicture, ...options })) {
    await writeFile(join(dir, tile.name), tile.text);
    count++;
  }
  return count;
}

/** Start and end of part `index` of `parts`. The sizes of parts differ by at most one pixel. */
function slice(index: number, parts: number, pixels: number): [start: number, end: number] {
  return [Math.floor(index * pixels / parts), Math.floor((index + 1) * pixels / parts)];
}

function checkDivides(partsName: string, parts: number, sideName: string, pixels: number): void {
  if (Number.isInteger(parts) && Number.isInteger(pixels) && 1 <= parts && parts <= pixels) return;
  throw new RangeError(
    `Cannot cut a ${sideName} of ${pixels} pixels into ${parts} ${partsName}: ` +
      `both must be whole numbers, and each tile needs a pixel`,
  );
}
