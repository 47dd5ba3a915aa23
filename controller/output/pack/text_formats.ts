/** Packs of text: one line of JSON, or one row of a table, per output. Outputs and names must be UTF-8. */

import { Buffer, isUtf8 } from "node:buffer";
import { nextTurn } from "../../../runtime/clock.ts";
import { isUtf8Name, shownName } from "../../../runtime/files/file_name.ts";
import { OutputNameError } from "../sink_errors.ts";
import type { PackFormat } from "./pack_entry.ts";

const NOTHING = new Uint8Array(0);

/** The exit code of every output in a pack: failed jobs have none. */
const EXIT_CODE = 0;

/**
 * A longer output is converted in parts of this size, with a turn of the event loop after each: workers must not wait
 * for seconds while one output of 200 MB is converted.
 */
const PART_BYTES = 1024 * 1024;

/** A character of UTF-8 has so many bytes at most behind its first one. */
const CONTINUATION_BYTES_MAX = 3;

/** Text with any of these needs quotes in a table. So does what begins or ends with a space, for some readers. */
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

/** What lies around and within a field of text. */
interface TextSyntax {
  readonly head: string;
  /** What an entry begins with. */
  startOf(name: string): string;
  /** The field of an output, with its quotes if it needs any. */
  fieldOf(output: string): string;
  /** A part of an output, as it stands between quotes. */
  quotedPart(text: string): string;
  /** What an entry ends with. */
  readonly end: string;
}

/** JSON Lines: an object with `name`, `exitCode` and `output`. */
export function jsonlFormat(): PackFormat {
  return textFormat({
    head: "",
    startOf: (name) => `{"name":${JSON.stringify(name)},"exitCode":${EXIT_CODE},"output":`,
    fieldOf: (output) => JSON.stringify(output),
    quotedPart: (text) => JSON.stringify(text).slice(1, -1),
    end: "}\n",
  });
}

/** Comma-separated values as in RFC 4180, with line feeds. The first line names the columns. */
export function csvFormat(): PackFormat {
  return textFormat({
    head: "name,exitCode,output\n",
    startOf: (name) => `${csvField(name)},${EXIT_CODE},`,
    fieldOf: csvField,
    quotedPart: doubleQuotes,
    end: "\n",
  });
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textFormat(syntax: TextSyntax): PackFormat {
  const { head, startOf, fieldOf, end } = syntax;
  return {
    head: Buffer.from(head),
    tail: NOTHING,
    areNamesPaths: false,
    startOf: (name) => Buffer.from(startOf(name)),
    setTime() {},
    entryOf: (name, output) => {
      checkName(name);
      const content = Buffer.from(startOf(name) + fieldOf(textOf(name, output)) + end);
      return { before: NOTHING, content, after: NOTHING };
    },
    partsOf: (name, output) =>
      output.byteLength > PART_BYTES ? partsOf(syntax, name, output) : undefined,
  };
}

/** The entry of a large output, which always has quotes: whether it needs them would only be known at its end. */
async function* partsOf(
  { startOf, quotedPart, end }: TextSyntax,
  name: string,
  output: Uint8Array,
): AsyncIterable<Uint8Array> {
  checkName(name);
  yield Buffer.from(`${startOf(name)}"`);
  for (let at = 0; at < output.byteLength;) {
    const partEnd = endOfCharacter(output, at + PART_BYTES);
    yield Buffer.from(quotedPart(textOf(name, output.subarray(at, partEnd))));
    at = partEnd;
    await nextTurn();
  }
  yield Buffer.from(`"${end}`);
}

/** The first place from `at` on where a character of UTF-8 ends. */
function endOfCharacter(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < at + CONTINUATION_BYTES_MAX && ((bytes[end] ?? 0) & 0xc0) === 0x80) end += 1;
  return end;
}

function checkName(name: string): void {
  if (!isUtf8Name(name)) throw textError(name, "its name is not UTF-8");
}

function textOf(name: string, output: Uint8Array): string {
  if (!isUtf8(output)) throw textError(name, "it is not UTF-8 text");
  return utf8.decode(output);
}

function csvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${doubleQuotes(text)}"` : text;
}

function doubleQuotes(text: string): string {
  return text.replaceAll('"', '""');
}

function textError(name: string, why: string): OutputNameError {
  return new OutputNameError(
    `its output "${shownName(name)}" cannot be packed as text: ${why}; use --pack FILE.tar`,
  );
}
