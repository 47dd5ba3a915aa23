/**
 * The lines of jobs that are done, as bytes. A run of small jobs would spend more time on making them of strings than on
 * anything else. Each is written over a copy of the one before, as they differ in a few digits only, and is written anew
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
  ',"sent":',
  ',"verified":true',
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

const INDEX = 0, INPUT = 1, WORKER = 2, ATTEMPT = 3, SENT = 4, VERIFIED = 5;
const BYTES_IN = 6, BYTES_OUT = 7, QUEUED_AT = 8, STARTED_AT = 9, ENDED_AT = 10;
const RUN_MS = 11, CPU_MS = 12, MEMORY_BYTES = 13, ANSWERED_AT = 14, NODE = 15;
const SLOT = 16, CRC_OUT = 17, PACK_AT = 18, PACK_BYTES = 19, IDENTITY = 20;
const FILE = 21, LINE = 22, CONTENT = 23;

const QUOTE = Buffer.from('"');

/** A line has no more than this beside its strings, and the quotes behind them. */
const BYTES_MAX = BEFORE.reduce((sum, { byteLength }) => sum + byteLength + NUMBER_BYTES_MAX, 0);

/** Writes lines that all have the same end. */
export class DoneLines {
  readonly #writer: AsciiWriter;
  readonly #end: Uint8Array;
  /** Where the line begins that was written last, and how long it is; 0: there is none. */
  #last = 0;
  #lastBytes = 0;
  /** The values of its fields, where in it they begin, and how long they are; -1: it has no such field. */
  readonly #numbers = new Float64Array(BEFORE.length);
  readonly #texts: string[] = BEFORE.map(() => "");
  readonly #places = new Int32Array(BEFORE.length);
  readonly #lengths = new Int32Array(BEFORE.length).fill(-1);
  /** Where the line begins that is being written, and whether it is written anew. */
  #start = 0;
  #isNew = false;

  constructor(writer: AsciiWriter, end: Uint8Array) {
    this.#writer = writer;
    this.#end = end;
  }

  /** The last line may no longer be there. */
  forget(): void {
    this.#lastBytes = 0;
  }

  /** Writes a line. Returns false, with nothing written, if JSON writes it otherwise: with escapes, signs or fractions. */
  write(record: DoneRecord): boolean {
    const writer = this.#writer;
    this.#start = writer.end;
    writer.reserve(BYTES_MAX + this.#end.byteLength + Math.max(this.#lastBytes, charsIn(record)));
    if (this.#lastBytes === 0 || !this.#writeOver(record)) {
      writer.end = this.#start;
      this.#isNew = true;
      if (!this.#fields(record)) {
        writer.end = this.#start;
        this.#lastBytes = 0;
        return false;
      }
      writer.append(this.#end);
    }
    this.#last = this.#start;
    this.#lastBytes = writer.end - this.#start;
    return true;
  }

  #writeOver(record: DoneRecord): boolean {
    this.#writer.repeat(this.#last, this.#lastBytes);
    this.#isNew = false;
    return this.#fields(record);
  }

  #fields(record: DoneRecord): boolean {
    return this.#integer(INDEX, record.index) && this.#text(INPUT, record.input) &&
      this.#text(WORKER, record.worker) && this.#integer(ATTEMPT, record.attempt) &&
      this.#integer(SENT, record.sent) && this.#flag(VERIFIED, record.verified) &&
      this.#integer(BYTES_IN, record.bytesIn) &&
      this.#integer(BYTES_OUT, record.bytesOut) && this.#times(record) &&
      this.#text(NODE, record.node) && this.#integer(SLOT, record.slot) &&
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
    if (this.#has(field) && this.#texts[field] === text) return true;
    if (!this.#isPlaced(field, text.length)) return false;
    if (!this.#writer.text(this.#placeOf(field), text)) return false;
    this.#texts[field] = text;
    if (this.#isNew) this.#writer.append(QUOTE);
    return true;
  }

  /** A field that is there only if it is true. */
  #flag(field: number, value: boolean | undefined): boolean {
    if (!value) return this.#lacks(field);
    return this.#has(field) || this.#isPlaced(field, 0);
  }

  #integer(field: number, value: number | undefined): boolean {
    if (value === undefined) return this.#lacks(field);
    if (this.#has(field) && this.#numbers[field] === value) return true;
    const digits = this.#isNew ? digitsOf(value) : this.#lengths[field] as number;
    if (!hasDigits(value, digits) || !this.#isPlaced(field, digits)) return false;
    this.#writer.integer(this.#placeOf(field), digits, value);
    this.#numbers[field] = value;
    return true;
  }

  /** A time in milliseconds, with microseconds behind the point. */
  #time(field: number, ms: number | undefined): boolean {
    if (ms === undefined) return this.#lacks(field);
    if (this.#has(field) && this.#numbers[field] === ms) return true;
    const us = Math.round(1000 * ms);
    const whole = Math.floor(us / 1000);
    const digits = this.#isNew
      ? digitsOf(whole)
      : (this.#lengths[field] as number) - FRACTION_BYTES;
    if (!hasDigits(whole, digits) || !this.#isPlaced(field, digits + FRACTION_BYTES)) return false;
    this.#writer.decimal(this.#placeOf(field), digits, whole, us - 1000 * whole);
    this.#numbers[field] = ms;
    return true;
  }

  /** Whether the line is written over one that has this field. */
  #has(field: number): boolean {
    return !this.#isNew && this.#lengths[field] !== -1;
  }

  /** There is no such field, neither in this line nor in the last one. */
  #lacks(field: number): boolean {
    if (this.#isNew) this.#lengths[field] = -1;
    return this.#lengths[field] === -1;
  }

  /** Finds the place of a value: where it has the same length in the last line, or behind what is written. */
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
