/** The regions of shared memory: which is taken, and what is known of those that are in use or were. */

import assert from "node:assert/strict";
import type { SharedMemory } from "../../../runtime/native/shared_memory.ts";
import { PAGE_BYTES } from "../../../runtime/native/shared_memory.ts";
import { DATA_AT, FreeRegions, type Region, ZEROS_BYTES } from "../../../slot/regions.ts";
import { type GivenBack, RegionViews } from "../../../worker/slots/transport/region_views.ts";
import { test } from "../../lib/test.ts";

const MEBIBYTE = 2 ** 20;

test("an input has room for zeros behind it in its region, or gets a larger one", () => {
  const free = new FreeRegions();
  const small = taken(free, 1);
  const most = small.byteLength - DATA_AT - ZEROS_BYTES;
  assert.equal(taken(free, most).byteLength, small.byteLength);
  assert(taken(free, most + 1).byteLength > small.byteLength);
});

test("when all regions of a size are in use, a larger one is taken, and in the end none", () => {
  const free = new FreeRegions();
  const sizes: number[] = [];
  for (let region = free.take(1); region; region = free.take(1)) sizes.push(region.byteLength);
  assert.equal(new Set(sizes).size, 3);
  assert.deepEqual(sizes, sizes.toSorted((one, other) => one - other));
});

test("of regions that are not in use, 64 MiB are kept, and 16 MiB when nothing comes: those that were used last", () => {
  const { views, given, regions } = viewsOf("coldest", 12);
  for (const region of regions) views.view(region, 7 * MEBIBYTE);
  for (const region of regions) views.onReleased(region);
  assert.deepEqual(given, regions.slice(0, 3).map(({ at }) => [at, 7 * MEBIBYTE]));
  views.onIdle();
  assert.deepEqual(given, regions.slice(0, 10).map(({ at }) => [at, 7 * MEBIBYTE]));
});

test("a region in use does not count as one that is kept", () => {
  const { views, given, regions: [one, two, three] } = viewsOf("coldest", 3);
  for (const region of [one, two]) {
    views.view(region, 7 * MEBIBYTE);
    views.onReleased(region);
  }
  views.view(two, 7 * MEBIBYTE); // in use again
  views.view(three, 7 * MEBIBYTE);
  views.onReleased(three);
  views.onIdle();
  assert.deepEqual(given, []);
});

test("of what the other process may use, 32 MiB are kept: only the region that is released can be given back", () => {
  const { views, given, regions } = viewsOf("released", 12);
  for (const region of regions) views.view(region, 7 * MEBIBYTE);
  for (const region of regions) views.onReleased(region);
  views.onIdle();
  assert.deepEqual(given.map(([at]) => at), regions.slice(4).map(({ at }) => at));
});

test("the view of a region stays when its memory is given back", () => {
  const { views, given, regions: [huge] } = viewsOf("released", 1);
  const { buffer } = views.view(huge, 17 * MEBIBYTE);
  views.onReleased(huge);
  assert.equal(given.length, 1);
  assert.equal(views.view(huge, 17 * MEBIBYTE).buffer, buffer);
  assert.equal(views.usedBytes(() => true), 17 * MEBIBYTE);
});

test("a region that a shorter input is in keeps the memory of the longer one before it", () => {
  const { views, given, regions: [one, two, three] } = viewsOf("coldest", 3);
  for (const [region, bytes] of [[one, 7 * MEBIBYTE], [one, 1], [two, 7 * MEBIBYTE]] as const) {
    views.view(region, bytes);
    views.onReleased(region);
  }
  views.view(three, 7 * MEBIBYTE);
  views.onReleased(three);
  views.onIdle();
  assert.deepEqual(given, [[one.at, 7 * MEBIBYTE]]);
});

test("a region larger than what may be kept is given back itself, and the others stay", () => {
  const { views, given, regions: [small, huge] } = viewsOf("coldest", 2);
  for (const [region, bytes] of [[small, MEBIBYTE], [huge, 17 * MEBIBYTE]] as const) {
    views.view(region, bytes);
    views.onReleased(region);
  }
  assert.deepEqual(given, [[huge.at, 17 * MEBIBYTE]]);
});

test("a region that was given back takes no memory until it is used again", () => {
  const { views, regions: [huge] } = viewsOf("released", 1);
  views.view(huge, 17 * MEBIBYTE);
  assert.equal(views.usedBytes(() => true), 17 * MEBIBYTE);
  views.onReleased(huge);
  assert.equal(views.usedBytes(() => true), 0);
});

function taken(free: FreeRegions, bytes: number): Region {
  return free.take(bytes) ?? assert.fail("there is no region");
}

/** Views of made-up regions of 64 MiB, and what of their memory is given back: from where on, and how many bytes. */
function viewsOf(givenBack: GivenBack, count: number) {
  const given: [number, number][] = [];
  const memory: SharedMemory = {
    byteLength: 0,
    fd: -1,
    view: (_, bytes) => new Uint8Array(bytes),
    viewWithHead: (_, bytes) => new Uint8Array(PAGE_BYTES + bytes),
    discard: (at, bytes) => void given.push([at, bytes]),
    closeDescriptors: () => {},
    close: () => {},
  };
  const byteLength = 64 * MEBIBYTE;
  const regions = Array.from(
    { length: count },
    (_, index): Region => ({ index, at: index * byteLength, byteLength, sizeClass: 1 }),
  );
  return {
    views: new RegionViews(memory, givenBack),
    given,
    regions: regions as [Region, Region, Region, ...Region[]],
  };
}
