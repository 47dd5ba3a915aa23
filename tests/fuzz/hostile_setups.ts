/** Setups and the contents of their files as a hostile controller sends them: the payloads of its messages. */

import { createHash } from "node:crypto";
import { blob, concat, int32, u64, utf8 } from "../fixtures/peers/frames.ts";
import type { Choices } from "../lib/random.ts";
import type { HostileCores } from "./hostile_messages.ts";

/** Texts of files: few, so that several controllers send the same at once. */
const TEXTS = ["", "a", "some text", "0123456789".repeat(500)];

/** Announced sizes that no disk has room for. */
const SIZES = [2n ** 36n + 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];

/** Paths that lead out of the folder of a setup, or clash. */
const PATHS = [
  "../out",
  "/etc/passwd",
  "a/../../b",
  "",
  ".",
  "core.so",
  "core.so/x",
  "a//b",
  "a\0b",
  "a\\b",
];

/** Variables that no core may get. */
const VARIABLES = [["DISTCOMP_SLOT", "1"], ["DENO_DIR", "/"], ["A=B", ""], ["", "x"], [
  "A",
  "\0",
]] as const;

type File = readonly [path: string, digest: Uint8Array];
type Variables = readonly (readonly [name: string, value: string])[];

/** Makes payloads. */
export class HostileSetups {
  readonly #choices: Choices;
  readonly #cores: HostileCores;

  constructor(choices: Choices, cores: HostileCores) {
    this.#choices = choices;
    this.#cores = cores;
  }

  /** A part of a content: a whole one, one that has a beginning only, or what does not belong to it. */
  content(): Uint8Array {
    const text = this.#choices.of(TEXTS);
    const bytes = utf8(text);
    const cut = this.#choices.below(bytes.length + 1);
    const length = BigInt(bytes.length);
    return this.#choices.weighted<() => Uint8Array>([
      [4, () => partOf(digestOf(text), length, 0n, bytes)],
      [2, () => partOf(digestOf(text), length, 0n, bytes.subarray(0, cut))],
      [2, () => partOf(digestOf(text), length, BigInt(cut), bytes.subarray(cut))],
      [1, () => partOf(this.#choices.bytes(32), length, 0n, bytes)],
      [1, () => partOf(digestOf(text), this.#choices.of(SIZES), 0n, bytes)],
      [1, () => partOf(digestOf(text), length, this.#choices.uint64(), bytes)],
    ])();
  }

  /** A setup with a file that nobody has. */
  incomplete(): Uint8Array {
    const files: File[] = [["data", digestOf("a")], ["none", this.#choices.bytes(32)]];
    return this.#setup("core.so", files, [["A", "1"]]);
  }

  /** A setup that every worker has to refuse. */
  invalid(): Uint8Array {
    const file: File = [this.#choices.of(PATHS), digestOf("a")];
    if (this.#choices.onceIn(2)) return this.#setup("core.so", [file], []);
    return this.#setup("", [], [this.#choices.of(VARIABLES)]);
  }

  /** All contents of a whole setup. */
  wholeContents(): Uint8Array[] {
    const { content, digest } = this.#cores;
    const files = TEXTS.map((text) => {
      const bytes = utf8(text);
      return partOf(digestOf(text), BigInt(bytes.length), 0n, bytes);
    });
    return [partOf(digest, BigInt(content.length), 0n, content), ...files];
  }

  /** A setup with these contents. */
  complete(): Uint8Array {
    const files = TEXTS.map((text, index): File => [`folder-${index}/data`, digestOf(text)]);
    return this.#setup("core.so", files, [["DC_HOSTILE", String(this.#choices.below(5))]]);
  }

  #setup(path: string, files: readonly File[], variables: Variables): Uint8Array {
    return concat(
      this.#cores.digest,
      blob(utf8("hostile")),
      blob(utf8(path)),
      int32(files.length),
      ...files.map(([at, digest]) => concat(blob(utf8(at)), digest, u64(1n))),
      int32(variables.length),
      ...variables.map(([name, value]) => concat(blob(utf8(name)), blob(utf8(value)))),
      u64(0n),
    );
  }
}

function partOf(digest: Uint8Array, bytes: bigint, offset: bigint, part: Uint8Array): Uint8Array {
  return concat(digest, u64(bytes), u64(offset), blob(part));
}

function digestOf(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}
