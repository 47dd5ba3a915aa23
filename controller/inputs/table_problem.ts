/** What is wrong with a table, in our words. Those of the parser are about its options. */

/** What the parser's error says: its code, how far it was, and the row if it was read. */
interface CsvProblem {
  readonly message: string;
  readonly code: string;
  readonly lines: number;
  readonly empty_lines: number;
  readonly record?: readonly string[];
}

/** How far the parser was behind a row. */
export interface RowEnd {
  readonly lines: number;
  readonly emptyLines: number;
  /** The parser counts a line end of two characters within quotes as two. */
  readonly doubled: number;
}

/** How many such line ends are in a row. */
export function doubledIn(row: readonly string[]): number {
  return row.reduce((sum, value) => sum + value.split("\r\n").length - 1, 0);
}

/** What to say for an error of the parser behind the `last` row; `undefined` for any other one. */
export function tableProblem(error: unknown, last: RowEnd): string | undefined {
  if (!isCsvProblem(error)) return undefined;
  const line = `line ${error.lines - last.doubled - doubledIn(error.record ?? [])}`;
  // A quote that is not closed takes in all lines behind it.
  const rowAt = `line ${last.lines - last.doubled + error.empty_lines - last.emptyLines + 1}`;
  switch (error.code) {
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
      return `${line} has ${valuesText(error.record?.length ?? 0)}, but the first line has ` +
        columnsOf(error);
    case "CSV_QUOTE_NOT_CLOSED":
      return `a quote in the row at ${rowAt} is not closed`;
    case "CSV_MAX_RECORD_SIZE":
      return `the row at ${rowAt} is longer than 1 MiB; look for a quote that is not closed`;
    case "CSV_INVALID_CLOSING_QUOTE":
    case "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE":
      return `${line} has text behind a closing quote; write a quote within a value twice`;
    case "INVALID_OPENING_QUOTE":
      return `${line} has a quote within a value without quotes around it; put quotes around the ` +
        "value, and write the one within it twice";
  }
  return undefined;
}

function isCsvProblem(error: unknown): error is CsvProblem {
  return error instanceof Error && "code" in error && "lines" in error;
}

/** It stands nowhere but in the message of the parser: `expect 2, got 1`. */
function columnsOf({ message }: CsvProblem): string {
  return /expect (\d+)/.exec(message)?.[1] ?? "another number";
}

function valuesText(count: number): string {
  return count === 1 ? "1 value" : `${count} values`;
}
