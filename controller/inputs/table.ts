/** The source of tables: `--lines FILE.csv` or `FILE.tsv`, one job for each row below the header. */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { reasonOf } from "../../runtime/error_text.ts";
import { NEWLINE } from "../../system/line_cutter.ts";
import type { FinishedJobs } from "../output/finished_jobs.ts";
import { bytesIn, openStream } from "./file_lines.ts";
import { OutputNaming } from "./output_naming.ts";
import { type Parameter, ParameterTasks } from "./parameters.ts";
import { skipFinishedIn } from "./skip.ts";
import { doubledIn, type RowEnd, tableProblem } from "./table_problem.ts";
import { BATCH_INPUTS, type ReadyTask, type Source, SourceError } from "./source.ts";
import { uncompressed } from "./uncompressed_text.ts";

/** A quote that is never closed would make one row of a whole file. */
const ROW_CHARS_MAX = 1024 * 1024;

/** A file may have all of them, as when rows of several systems were joined. */
const LINE_ENDS = ["\r\n", "\n", "\r"];

/** What may separate columns. Excel writes semicolons where numbers have a comma. */
const SEPARATORS = [[";", "semicolons"], ["\t", "tabs"], [",", "commas"]] as const;

const CARRIAGE_RETURN = 0x0d;

/** How a text in UTF-16 may begin. */
const UTF16_MARKS = [Buffer.of(0xff, 0xfe), Buffer.of(0xfe, 0xff)];

/** Whether `--lines` takes this file for a table. */
export function isTable(file: string): boolean {
  return /\.(csv|tsv)$/i.test(file);
}

/** A source of the rows of a file. */
export function tableSource(
  file: string,
  finished?: FinishedJobs,
  naming: OutputNaming = OutputNaming.SAME,
): Source {
  return {
    batches: skipFinishedIn(batchesOf(file, naming), finished),
    count: () => countRows(file),
  };
}

async function* batchesOf(file: string, naming: OutputNaming): AsyncIterable<ReadyTask[]> {
  const tasks = new ParameterTasks(naming);
  let batch: ReadyTask[] = [];
  for await (const row of readRows(file)) {
    batch.push(tasks.next(row));
    if (batch.length < BATCH_INPUTS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** `undefined` for a pipe, which can be read only once: a second reader would take rows from the run. */
async function countRows(file: string): Promise<number | undefined> {
  if (await bytesIn(file) === undefined) return undefined;
  let count = 0;
  for await (const _row of readRows(file)) count += 1;
  return count;
}

/** The rows, each value with the name of its column. */
async function* readRows(file: string): AsyncIterable<Parameter[]> {
  const { parse } = await import("csv-parse"); // other runs do not wait until it is loaded
  let names: readonly string[] | undefined;
  const separator = file.toLowerCase().endsWith(".tsv") ? "\t" : ",";
  let last: RowEnd = { lines: 0, emptyLines: 0, doubled: 0 };
  const parser = parse({
    delimiter: separator,
    bom: true,
    skip_empty_lines: true,
    record_delimiter: LINE_ENDS, // otherwise the first one counts for all lines
    max_record_size: ROW_CHARS_MAX,
    on_record: (record, { lines, empty_lines }) => {
      const doubled = lines > last.lines + 1 ? doubledIn(record) : 0;
      last = { lines, emptyLines: empty_lines, doubled: last.doubled + doubled };
      return record;
    },
  });
  let first: string | undefined; // the first character of the header
  const text = Readable.from(textOf(file, (some) => first ??= /[^\r\n]/.exec(some)?.[0]));
  text.on("error", (error) => parser.destroy(error));
  try {
    for await (const record of text.pipe(parser) as AsyncIterable<string[]>) {
      if (names) yield names.map((name, column): Parameter => [name, record[column] as string]);
      else names = checkedHeader(record, separator, first === '"');
    }
  } catch (cause) {
    throw new SourceError(
      `Cannot read the table "${file}": ${tableProblem(cause, last) ?? reasonOf(cause)}`,
      { cause },
    );
  } finally {
    parser.destroy();
    text.destroy();
  }
}

async function* textOf(file: string, onText: (some: string) => void): AsyncIterable<string> {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Buffer): string => {
    try {
      return chunk ? utf8.decode(chunk, { stream: true }) : utf8.decode();
    } catch {
      throw new Error("it is not UTF-8; convert it, as with iconv -f latin1 -t utf8");
    }
  };
  let isHeader = true;
  for await (const chunk of uncompressed(openStream(file), file)) {
    if (isHeader) isHeader = !endsHeader(chunk);
    const some = decode(chunk);
    onText(some);
    yield some;
  }
  yield decode();
}

/** Whether the first line ends in this chunk. Throws if it is in UTF-16, as some programs on Windows write tables. */
function endsHeader(chunk: Buffer): boolean {
  const end = chunk.findIndex((byte) => byte === NEWLINE || byte === CARRIAGE_RETURN);
  const encoding = utf16In(chunk, end < 0 ? chunk.byteLength : end);
  if (encoding) throw new Error(`it is UTF-16; convert it: iconv -f ${encoding} -t utf8`);
  return end >= 0;
}

/** Which UTF-16 a text with such a first line is in. Names without a mark are UTF-8 as well, with zeros in turn. */
function utf16In(chunk: Buffer, lineBytes: number): string | undefined {
  const hasMark = UTF16_MARKS.some((mark) => chunk.subarray(0, mark.length).equals(mark));
  const isUtf32 = chunk[2] === 0 && chunk[3] === 0;
  if (hasMark && !isUtf32) return "utf16";
  const line = chunk.subarray(0, lineBytes + 2); // with both bytes of the line's end
  const isZero = (part: number) =>
    line.byteLength >= 4 && line.every((byte, at) => (byte === 0) === (at % 2 === part));
  return isZero(0) ? "utf16be" : isZero(1) ? "utf16le" : undefined;
}

/** A name in quotes is one column, whatever is in it. */
function checkedHeader(
  names: readonly string[],
  separator: string,
  isQuoted: boolean,
): readonly string[] {
  const [only = ""] = names;
  const other = SEPARATORS.find(([text]) => text !== separator && only.includes(text));
  if (names.length === 1 && other && !isQuoted) {
    throw new Error(otherSeparator(only, other[1], separator));
  }
  if (names.includes("")) {
    throw new Error("a column has no name; the first line has to name all columns");
  }
  const seen = new Set<string>(); // tables of genes have a hundred thousand columns
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw new Error(`two columns are called "${twice}"; rename one`);
  return names;
}

/** Rows would become values with several columns in them, and nobody would notice. */
function otherSeparator(column: string, found: string, wanted: string): string {
  const [, name = ""] = SEPARATORS.find(([text]) => text === wanted) ?? [];
  return `its first line has one column, "${column}", with ${found} in it; put ${name} between ` +
    "columns (a .csv has commas, a .tsv has tabs), or quotes around the name of a single column";
}
