/**
 * Where a text is no JSON. The runtimes say it in words of their own, one without the place, and a person who edits a
 * file needs the line.
 */

/** The first place that is wrong. Lines and columns count from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** What is there, `U+00A0` where nobody would see it; `undefined`: the text ends too early. */
  readonly found: string | undefined;
  /** It may be JSON, but is nested more deeply than anything that people write. */
  readonly isTooDeep?: true;
}

/** Each level takes some of the stack. */
const DEPTH_MAX = 100;

const SPACE = /[ \t\n\r]*/y;
/** Of the control characters, only those above ASCII's first ones may be in a string. */
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const PLAIN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;

/** How much of a wrong place is shown. */
const FOUND = /[\w.-]{1,20}|./suy;

/** Space of other kinds, and what takes no space, as the mark with which some editors begin a file. */
const UNSEEN = /^[\p{C}\p{Z}]$/u;

/** `undefined` if the text is JSON. */
export function jsonFaultIn(text: string): JsonFault | undefined {
  const reader = new Reader(text);
  if (reader.takesValue() && reader.isAtEnd) return undefined;
  const before = text.slice(0, reader.at).split("\n");
  FOUND.lastIndex = reader.at;
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    found: FOUND.exec(text)?.[0].replace(UNSEEN, codePointOf),
    ...(reader.isTooDeep && { isTooDeep: true }),
  };
}

function codePointOf(character: string): string {
  const digits = character.codePointAt(0)?.toString(16) ?? "";
  return `U+${digits.toUpperCase().padStart(4, "0")}`;
}

/** Reads a text up to the first place that is wrong. */
class Reader {
  readonly #text: string;
  /** What comes next, behind space. */
  at = 0;
  isTooDeep = false;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#takes(SPACE);
  }

  get isAtEnd(): boolean {
    return this.at === this.#text.length;
  }

  takesValue(): boolean {
    if (this.#takesSign("{")) return this.#takesList("}", () => this.#takesMember());
    if (this.#takesSign("[")) return this.#takesList("]", () => this.takesValue());
    return this.#takes(STRING) || this.#takes(PLAIN);
  }

  #takesMember(): boolean {
    return this.#takes(STRING) && this.#takesSign(":") && this.takesValue();
  }

  #takesList(end: string, takesItem: () => boolean): boolean {
    if (this.#takesSign(end)) return true;
    this.isTooDeep = this.#depth === DEPTH_MAX;
    if (this.isTooDeep) return false;
    this.#depth += 1;
    do {
      if (!takesItem()) return false;
    } while (this.#takesSign(","));
    this.#depth -= 1;
    return this.#takesSign(end);
  }

  #takesSign(sign: string): boolean {
    if (this.#text[this.at] !== sign) return false;
    this.at += 1;
    this.#takes(SPACE);
    return true;
  }

  #takes(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.#text)) return false;
    this.at = pattern.lastIndex;
    if (pattern !== SPACE) this.#takes(SPACE);
    return true;
  }
}
