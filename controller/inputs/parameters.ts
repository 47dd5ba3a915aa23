/** Parameters as inputs: a small JSON object for each job, which is named by its values. */

import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { contentIdentity } from "./identity.ts";
import { lineNote } from "./line_note.ts";
import { Occurrences } from "./occurrences.ts";
import type { OutputNaming } from "./output_naming.ts";
import type { ReadyTask } from "./source.ts";

/** A parameter's name, and its value as text. */
export type Parameter = readonly [name: string, value: string];

/** File systems allow 255 bytes. The rest is for `~2`, for `--suffix`, and for the digest. */
const NAME_BYTES_MAX = 160;

/** With this many digits, no two of millions of digests are equal by chance. */
const DIGEST_HEX_DIGITS = 16;

/** What stays as it is in a name. A comma or an equals sign in a value would make the name ambiguous. */
const UNSAFE = /[^\p{L}\p{N}._+-]/gu;

/** A number as JSON writes it. Leading zeros are none: `007` is text. */
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Makes the tasks of a run, in order. */
export class ParameterTasks {
  readonly #naming: OutputNaming;
  readonly #names = new Occurrences();
  #index = 0;

  constructor(naming: OutputNaming) {
    this.#naming = naming;
  }

  next(parameters: readonly Parameter[]): ReadyTask {
    const json = jsonOf(parameters);
    const name = nameOf(parameters, json);
    const count = this.#names.add(name);
    const input = new TextEncoder().encode(json);
    return {
      kind: "ready",
      index: this.#index++,
      name: this.#naming.outputOf(count === 1 ? name : `${name}~${count}`, false),
      input,
      identity: contentIdentity(input),
      note: lineNote(input),
    };
  }
}

/** `{"a":1,"b":"x"}`. A number is written as the user wrote it, with all its digits. */
export function jsonOf(parameters: readonly Parameter[]): string {
  const fields = parameters.map(([name, value]) =>
    `${JSON.stringify(name)}:${JSON_NUMBER.test(value) ? value : JSON.stringify(value)}`
  );
  return `{${fields.join(",")}}`;
}

/** `a=1,b=x`. If characters are replaced or cut off, a digest of the JSON object keeps the name unique. */
export function nameOf(parameters: readonly Parameter[], json: string): string {
  const exact = parameters.map((parameter) => parameter.join("=")).join(",");
  const safe = parameters.map((parameter) => parameter.map(safeOf).join("=")).join(",");
  const name = cut(safe);
  if (name === exact) return name;
  return `${name}~${hash("sha256", json, "hex").slice(0, DIGEST_HEX_DIGITS)}`;
}

function safeOf(text: string): string {
  return text.replace(UNSAFE, "_");
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= NAME_BYTES_MAX) return text;
  return bytes.subarray(0, NAME_BYTES_MAX).toString().replace(/\ufffd+$/, "");
}
