/** When jobs are scheduled: after the events of a turn, and after those whose answers have come could react. */

/**
 * A program that has got the result of its job often has the next job at once. If jobs are scheduled so many microtasks
 * later, that job takes the slot that has just become free, instead of waiting behind another client's job in it. A
 * promise that passes through a few functions needs about ten.
 */
export const REPLY_MICROTASKS = 16;

/** Calls `action` after so many microtasks, in this turn of the event loop. */
export function afterMicrotasks(count: number, action: () => void): void {
  queueMicrotask(count > 1 ? () => afterMicrotasks(count - 1, action) : action);
}
