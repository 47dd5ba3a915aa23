/**
 * The lines of jobs that are done, as bytes. A run of small jobs would spend more time on making them of strings than on
 * anything else. Each is written over a copy of one before it, as they differ in a few digits only, and is written anew
 * where a field has another length.
 */

import { Buffer } from "node:buffer";
import {
  type AsciiWriter,
  digitsOf,
  FRACTION_BYTES,
  hasDigits,
  NUMBER_BYTES_MAX,
} from "./ascii_writer.ts";
import { type JobRecord, JOURNAL_VERSION } from "./journal_record.ts";

/** The record of a job that is done. */
export type DoneRecord = JobRecord & { readonly state: "done"; readonly exitCode: 0 };

/** What stands before the values of the fields, in their order. */
const BEFORE = [
  `{"v":${JOURNAL_VERSION},"index":`,
  ',"input":"',
  ',"state":"done","exitCode":0,"worker":"',
  ',"attempt":',
  ',"bytesIn":',
  ',"bytesOut":',
  ',"queuedAt":',
  ',"startedAt":',
  ',"endedAt":',
  ',"runMs":',
  ',"cpuMs":',
  ',"memoryBytes":',
  ',"answeredAt":',
  ',"node":"',
  ',"slot":',
  ',"crcOut":"',
  ',"packAt":',
  ',"packBytes":',
  ',"identity":"',
  ',"file":"',
  ',"line":"',
  ',"content":"',
].map((text) => Buffer.from(text));

const INDEX = 0, INPUT = 1, WORKER = 2, ATTEMPT = 3, BYTES_IN = 4, BYTES_OUT = 5, QUEUED_AT = 6;
const STARTED_AT = 7, ENDED_AT = 8, RUN_MS = 9, CPU_MS = 10, MEMORY_BYTES = 11, ANSWERED_AT = 12;
const NODE = 13, SLOT = 14, CRC_OUT = 15, PACK_AT = 16, PACK_BYTES = 17, IDENTITY = 18;
const FILE = 19, LINE = 20, CONTENT = 21;

const QUOTE = Buffer.from('"');

/** A line has no more than this beside its strings, and the quotes behind them. */
const BYTES_MAX = BEFORE.reduce((sum, { byteLength }) => sum + byteLength + NUMBER_BYTES_MAX, 0);

/** Writes lines, without the core and the checksum at their ends. */
export class DoneLines {
  readonly #writer: AsciiWriter;
  /** The line that others are written over. */
  #model: Uint8Array = new Uint8Array(0);
  /** Where the values of its fields begin, and how long they are; -1: it has no such field. */
  readonly #places = new Int32Array(BEFORE.length);
  readonly #lengths = new Int32Array(BEFORE.length).fill(-1);
  /** Where the line begins that is being written, and whether it is written anew. */
  #start = 0;
  #isNew = false;

  constructor(writer: AsciiWriter) {
    this.#writer = writer;
  }

  /** Writes a line. Returns false, with nothing written, if JSON has to escape something in it. */
  write(record: DoneRecord): boolean {
    const writer = this.#writer;
    const start = this.#start = writer.end;
    writer.reserve(BYTES_MAX + Math.max(this.#model.byteLength, charsIn(record)));
    writer.append(this.#model);
    this.#isNew = false;
    if (this.#model.byteLength > 0 && this.#fields(record)) return true;
    writer.end = start;
    this.#isNew = true;
    if (this.#fields(record)) {
      this.#model = writer.written(start).slice();
      return true;
    }
    writer.end = start;
    this.#model = new Uint8Array(0); // the places are partly those of this line
    return false;
  }

  #fields(record: DoneRecord): boolean {
    return this.#integer(INDEX, record.index) && this.#text(INPUT, record.input) &&
      this.#text(WORKER, record.worker) && this.#integer(ATTEMPT, record.attempt) &&
      this.#integer(BYTES_IN, record.bytesIn) && this.#integer(BYTES_OUT, record.bytesOut) &&
      this.#times(record) && this.#text(NODE, record.node) && this.#integer(SLOT, record.slot) &&
      this.#text(CRC_OUT, record.crcOut) && this.#integer(PACK_AT, record.packAt) &&
      this.#integer(PACK_BYTES, record.packBytes) && this.#text(IDENTITY, record.identity) &&
      this.#text(FILE, record.file) && this.#text(LINE, record.line) &&
      this.#text(CONTENT, record.content);
  }

  #times(record: DoneRecord): boolean {
    return this.#time(QUEUED_AT, record.queuedAt) && this.#time(STARTED_AT, record.startedAt) &&
      this.#time(ENDED_AT, record.endedAt) && this.#time(RUN_MS, record.runMs) &&
      this.#time(CPU_MS, record.cpuMs) && this.#integer(MEMORY_BYTES, record.memoryBytes) &&
      this.#time(ANSWERED_AT, record.answeredAt);
  }

  #text(field: number, text: string | undefined): boolean {
    if (text === undefined) return this.#lacks(field);
    if (!this.#isPlaced(field, text.length)) return false;
    if (!this.#writer.text(this.#placeOf(field), text)) return false;
    if (this.#isNew) this.#writer.append(QUOTE);
    return true;
  }

  #integer(field: number, value: number | undefined): boolean {
    if (value === undefined) return this.#lacks(field);
    const digits = this.#isNew ? digitsOf(value) : this.#lengths[field] as number;
    if (!hasDigits(value, digits) || !this.#isPlaced(field, digits)) return false;
    this.#writer.integer(this.#placeOf(field), digits, value);
    return true;
  }

  /** A time in milliseconds, with microseconds behind the point. */
  #time(field: number, ms: number | undefined): boolean {
    if (ms === undefined) return this.#lacks(field);
    const us = Math.round(1000 * ms);
    const whole = Math.floor(us / 1000);
    const digits = this.#isNew
      ? digitsOf(whole)
      : (this.#lengths[field] as number) - FRACTION_BYTES;
    const bytes = digits + FRACTION_BYTES;
    if (!hasDigits(whole, digits) || !this.#isPlaced(field, bytes)) return false;
    this.#writer.decimal(this.#placeOf(field), digits, whole, us - 1000 * whole);
    return true;
  }

  /** There is no such field, in this line and in the model. */
  #lacks(field: number): boolean {
    if (this.#isNew) this.#lengths[field] = -1;
    return this.#lengths[field] === -1;
  }

  /** Finds the place of a value: in the model, if it has the same length there, or behind what is written. */
  #isPlaced(field: number, length: number): boolean {
    if (!this.#isNew) return this.#lengths[field] === length;
    const writer = this.#writer;
    writer.append(BEFORE[field] as Buffer);
    this.#places[field] = writer.end - this.#start;
    this.#lengths[field] = length;
    writer.end += length;
    return true;
  }

  #placeOf(field: number): number {
    return this.#start + (this.#places[field] as number);
  }
}

/** How many bytes its strings take, if nothing in them is escaped. */
function charsIn({ input, worker, node, crcOut, identity, file, line, content }: DoneRecord) {
  return input.length + charsOf(worker) + charsOf(node) + charsOf(crcOut) + charsOf(identity) +
    charsOf(file) + charsOf(line) + charsOf(content);
}

function charsOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length;
}
