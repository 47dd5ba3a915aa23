/** Whether growth goes on: a pool or a cache that fills grows for a while, and a leak until the end. Pure. */

/** The growth in the second half of a leak is half of all growth. This is less, as what warms up grows at first. */
const LATE_GROWTH_PART_MIN = 1 / 4;

/** Whether something has grown from the first of these sizes to the last, and not nearly all of it in the first half. */
export function growsToTheEnd(sizes: readonly number[]): boolean {
  const [first, middle, last] = [sizes[0], sizes[sizes.length >> 1], sizes.at(-1)];
  if (first === undefined || middle === undefined || last === undefined) return false;
  return last > first && last - middle >= LATE_GROWTH_PART_MIN * (last - first);
}
