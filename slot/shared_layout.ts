/**
 * The layout of the small memory that a slot shares with its worker: numbers, then the answers that the slot gathers,
 * then the address of a bad memory access. A message would not do: a slot can send nothing while a job runs.
 */

const NUMBER_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** The numbers, by their places in a `Float64Array`. The slot writes them unless the table says otherwise. */
export const SlotNumber = {
  /** The id of the job that the slot started last. */
  startedId: 0,
  /** Written by the worker: 1 while the core prints nothing, so that its jobs need no marks in the output. */
  isQuiet: 1,
  /** The index of the started job in its run, if core dumps are kept. */
  startedIndex: 2,
  /** Where the addresses begin into which the stack may grow: a bad access there is a stack overflow. */
  stackFrom: 3,
  /** Where they end. */
  stackTo: 4,
  /** When the started job began, on the machine's clock in microseconds. */
  startedAtUs: 5,
  /** Four bytes that are not 0 after the process has called `exit`, if it notes that. */
  exitCalls: 6,
  /** How many bytes of answers the slot has written to its connection since it has registered. */
  writtenBytes: 7,
  /** How many bytes of answers it had gathered, and not written, when its last job ended. */
  heldBytes: 8,
  /** The id of the job whose output the core is freeing; 0 while it frees none. */
  freeing: 9,
  /** How many bytes the slot is reading that the core has reported as its output; 0 while it reads none. */
  readingBytes: 10,
  /** 1 when the slot has found that its core has closed the connection to the worker. */
  isDisconnected: 11,
} as const;

/** How many numbers there are. */
export const SLOT_NUMBERS = Object.keys(SlotNumber).length;

/** The byte at which a number begins. */
export function slotNumberAt(place: number): number {
  return place * NUMBER_BYTES;
}

/** Behind the numbers lie the answers that the slot gathers, before it writes them together. */
export const SLOT_ANSWERS_AT = slotNumberAt(SLOT_NUMBERS);
export const SLOT_ANSWERS_BYTES_MAX = 64 * 1024;

/** The address of a bad memory access, which is the last that the process writes. */
export const SLOT_FAULT_AT = SLOT_ANSWERS_AT + SLOT_ANSWERS_BYTES_MAX;
export const SLOT_FAULT_BYTES = BigUint64Array.BYTES_PER_ELEMENT;

/** All of the memory. */
export const SLOT_SHARED_BYTES = SLOT_FAULT_AT + SLOT_FAULT_BYTES;
