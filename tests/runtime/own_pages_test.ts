/** Which pages are a process's own, as Linux tells it: the library is written here. */

import assert from "node:assert/strict";
import { Pages } from "../../runtime/native/own_pages.ts";
import { test } from "../lib/test.ts";

const PAGE = 4096;
const FILE_PAGE = 0xa000_0000;
const OWN_PAGE = 0x8000_0000;
const SWAPPED_OWN_PAGE = 0x4000_0000;

test("pages of the file, and those that are not there, are not own ones", () => {
  const { pages, asked } = pagesOf(new Map([[5, FILE_PAGE], [6, FILE_PAGE]]));
  assert.equal(pages?.hasOwn(BigInt(4 * PAGE), 10 * PAGE), false);
  assert.deepEqual(asked, [[4, 10]]);
});

test("one own page among many is found, also if it is swapped out", () => {
  for (const bits of [OWN_PAGE, SWAPPED_OWN_PAGE]) {
    for (const own of [100, 4195, 4196, 9999]) {
      const { pages } = pagesOf(new Map([[own, bits]]));
      assert.equal(pages?.hasOwn(BigInt(100 * PAGE), 9900 * PAGE), true, `page ${own}`);
      assert.equal(pages?.hasOwn(BigInt((own + 1) * PAGE), 9900 * PAGE), false);
    }
  }
});

test("a range that begins or ends within a page includes it", () => {
  const { pages } = pagesOf(new Map([[7, OWN_PAGE]]));
  assert.equal(pages?.hasOwn(BigInt(8 * PAGE - 1), 1), true);
  assert.equal(pages?.hasOwn(BigInt(6 * PAGE + 64), PAGE - 63), true);
  assert.equal(pages?.hasOwn(BigInt(6 * PAGE + 64), PAGE - 64), false);
});

test("where the system does not answer, a page may be an own one", () => {
  const { pages } = pagesOf(new Map(), -1);
  assert.equal(pages?.hasOwn(0n, PAGE), true);
  assert.equal(pagesOf(new Map(), 0, -1).pages, undefined);
});

test("without a page fault no page has become an own one, and nobody looks at them", () => {
  const faults = { minor: 7, major: 2 };
  const { pages, asked } = pagesOf(new Map([[5, OWN_PAGE]]), 0, 9, faults);
  const look = () => pages?.haveBecomeOwn(BigInt(5 * PAGE), PAGE);
  assert.equal(look(), true, "nothing is known before");
  assert.equal(look(), false);
  assert.equal(asked.length, 1);
  faults.minor += 1;
  assert.equal(look(), true);
  faults.major += 1;
  assert.equal(look(), true, "a page that was swapped out");
  assert.equal(look(), false);
});

test("where the system does not count page faults, pages are looked at each time", () => {
  const { pages, asked } = pagesOf(new Map());
  for (let time = 0; time < 3; time++) assert.equal(pages?.haveBecomeOwn(0n, PAGE), false);
  assert.equal(asked.length, 3);
});

/** Pages of a system in which these have bits; all others are not there. */
function pagesOf(
  bits: ReadonlyMap<number, number>,
  result = 0,
  fd = 9,
  faults?: { minor: number; major: number },
) {
  const asked: [page: number, count: number][] = [];
  const library = {
    open: () => fd,
    getpagesize: () => PAGE,
    getrusage: (_: number, usage: Uint8Array) => {
      if (faults) {
        const numbers = new BigUint64Array(usage.buffer);
        numbers[8] = BigInt(faults.minor);
        numbers[9] = BigInt(faults.major);
      }
      return faults ? 0 : -1;
    },
    pread: (_: number, into: Uint8Array, count: number, offset: number) => {
      const first = offset / 8;
      asked.push([first, count / 8]);
      const entries = new Uint32Array(into.buffer, into.byteOffset, count / 4);
      entries.forEach((_, at) => entries[at] = at % 2 ? bits.get(first + (at - 1) / 2) ?? 0 : 123);
      return result || count;
    },
  };
  return { pages: Pages.open<number>(library, (count) => count), asked };
}
