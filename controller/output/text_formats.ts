/** Packs of text: one line of JSON, or one row of a table, per output. Outputs and names must be UTF-8. */

import { Buffer, isUtf8 } from "node:buffer";
import { isUtf8Name, shownName } from "../../runtime/file_name.ts";
import { OutputNameError } from "./directory_sink.ts";
import type { PackFormat } from "./pack_entry.ts";

const NOTHING = new Uint8Array(0);

/** The exit code of every output in a pack: failed jobs have none. */
const EXIT_CODE = 0;

/** Text with any of these needs quotes in a table. So does what begins or ends with a space, for some readers. */
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

/** JSON Lines: an object with `name`, `exitCode` and `output`. */
export function jsonlFormat(): PackFormat {
  return textFormat(
    "",
    (name) => `{"name":${JSON.stringify(name)},"exitCode":${EXIT_CODE},"output":`,
    (output) => `${JSON.stringify(output)}}\n`,
  );
}

/** Comma-separated values as in RFC 4180, with line feeds. The first line names the columns. */
export function csvFormat(): PackFormat {
  return textFormat(
    "name,exitCode,output\n",
    (name) => `${field(name)},${EXIT_CODE},`,
    (output) => `${field(output)}\n`,
  );
}

/** An entry is text that depends on the name alone, and text that depends on the output alone. */
function textFormat(
  head: string,
  startOf: (name: string) => string,
  restOf: (output: string) => string,
): PackFormat {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    head: Buffer.from(head),
    tail: NOTHING,
    areNamesPaths: false,
    startOf: (name) => Buffer.from(startOf(name)),
    setTime() {},
    entryOf: (name, output) => {
      if (!isUtf8(output)) throw textError(name, "it is not UTF-8 text");
      if (!isUtf8Name(name)) throw textError(name, "its name is not UTF-8");
      const content = Buffer.from(textOf(name, () => startOf(name) + restOf(utf8.decode(output))));
      return { before: NOTHING, content, after: NOTHING };
    },
  };
}

/** A text has half a gigabyte at most, and control characters take six times their size. */
function textOf(name: string, make: () => string): string {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw textError(name, "it is too long");
    }
    throw error;
  }
}

function field(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function textError(name: string, why: string): OutputNameError {
  return new OutputNameError(
    `its output "${shownName(name)}" cannot be packed as text: ${why}; use --pack FILE.tar`,
  );
}
