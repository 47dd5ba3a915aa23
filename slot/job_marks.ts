/**
 * Marks in the output of a slot, which tell the worker where the lines of one job end and those of the next one
 * begin: the output reaches the worker through a pipe, and the answers through a socket.
 */

import type { FrameWriter } from "../protocol/mod.ts";
import type { SlotPrinting } from "../runtime/ports.ts";
import { encodeJobMark, SLOT_MARKED } from "./protocol.ts";
import { SlotNumber } from "./shared_layout.ts";

const NOTHING = new Uint8Array(0);

/** The marks of one slot. */
export class JobMarks {
  readonly #printing: SlotPrinting;
  readonly #writer: FrameWriter;
  readonly #numbers: Float64Array<ArrayBuffer>;

  /** `numbers`: those of the slot's shared memory. */
  constructor(printing: SlotPrinting, writer: FrameWriter, numbers: Float64Array<ArrayBuffer>) {
    this.#printing = printing;
    this.#writer = writer;
    this.#numbers = numbers;
  }

  /** Whether the worker wants a mark behind each job, because the core prints. */
  get areWanted(): boolean {
    return this.#numbers[SlotNumber.isQuiet] === 0;
  }

  /**
   * Before the response to a job: tells the worker to read first what the job has printed, and returns true, if
   * there may be something. A job that has failed may be the first one that prints.
   */
  announce(id: number, exitCode: number): boolean {
    this.#printing.flush();
    const isNeeded = this.areWanted || (exitCode !== 0 && this.#printing.unreadBytes > 0);
    if (isNeeded) this.#writer.frame(SLOT_MARKED, id, NOTHING);
    return isNeeded;
  }

  /** After the job: marks where its lines end. */
  write(id: number): void {
    this.#printing.flush();
    this.#printing.write(encodeJobMark(id));
  }
}
