/** The source of lines: `--lines FILE`. */

import type { FinishedJobs, KnownLines } from "../output/finished_jobs.ts";
import { bytesIn, countLines, readLines } from "./file_lines.ts";
import { LineIdentities } from "./line_identities.ts";
import { lineNote } from "./line_note.ts";
import { type KeptNumbers, LineNumbers } from "./line_numbers.ts";
import { OutputNaming } from "./output_naming.ts";
import { digitsFor, NUMBER_DIGITS_MIN } from "./padded_number.ts";
import { skipFinishedIn } from "./skip.ts";
import { BATCH_INPUTS, type ReadyTask, type Source } from "./source.ts";

/** A source of the lines of a file, or of stdin for `-`, without line endings. */
export function lineSource(
  file: string,
  finished?: FinishedJobs,
  naming: OutputNaming = OutputNaming.SAME,
): Source {
  return {
    batches: skipFinishedIn(lineBatches(file, naming, finished?.lines), finished),
    count: () => countLines(file),
  };
}

async function* lineBatches(
  file: string,
  naming: OutputNaming,
  known: KnownLines | undefined,
): AsyncIterable<ReadyTask[]> {
  const bytes = await bytesIn(file);
  const kept = known && (bytes === undefined ? allOf(known) : await keptIn(file, known));
  // A small file is not read just to be counted: each line has at least one byte.
  const isMany = bytes !== undefined && bytes > 10 ** NUMBER_DIGITS_MIN;
  const digits = digitsFor(isMany ? await countLines(file) ?? 0 : 0);
  const numbers = new LineNumbers(digits, known, kept);
  const identities = new LineIdentities();
  let index = 0;
  for await (const lines of readLines(file)) {
    for (let first = 0; first < lines.length; first += BATCH_INPUTS) {
      yield lines.slice(first, first + BATCH_INPUTS).map((input): ReadyTask => {
        const identity = identities.next(input);
        const name = naming.outputOf(numbers.numberOf(identity, index), false);
        return { kind: "ready", index: index++, name, input, identity, note: lineNote(input) };
      });
    }
  }
}

/** A pipe can be read only once: any line of the journal may still come. */
function allOf(known: KnownLines): KeptNumbers {
  return { isKept: (number) => known.has(number), end: known.lastNumber + 1 };
}

/** Reads the file once to see which lines of earlier runs it still has. Only moved ones are remembered. */
async function keptIn(file: string, known: KnownLines): Promise<KeptNumbers> {
  const identities = new LineIdentities();
  const moved = new Set<number>();
  let place = 0;
  for await (const lines of readLines(file)) {
    for (const line of lines) {
      const number = known.numberOf(identities.next(line));
      if (number !== undefined && Number(number) !== place) moved.add(Number(number));
      place += 1;
    }
  }
  return {
    isKept: (number) => moved.has(number),
    end: Math.max(place, known.lastNumber + 1),
  };
}
