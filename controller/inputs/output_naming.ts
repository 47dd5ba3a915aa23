/** How outputs are named: like their inputs, with a suffix (`--suffix`), or by a template (`--name`). */

import { isInStateFolder } from "../output/state_folder.ts";
import { SourceError } from "./source.ts";

/** What a template may have in it. Folders of the input stay as they are. */
const PLACEHOLDER = /\{(name|stem|ext)\}/g;

const HELP =
  "{name} is the input's name, {stem} the same without its extension, {ext} the extension";

/** Stands for a number in a name. No name of a file has it. */
const ANY_NUMBER = "\0";

/** Names the outputs of inputs. */
export class OutputNaming {
  readonly #template: string;
  #numbers: RegExp | undefined;

  private constructor(template: string) {
    this.#template = template;
  }

  /** The outputs have the names of their inputs. */
  static readonly SAME = new OutputNaming("{name}");

  /** The outputs have the names of their inputs with a suffix. Throws a `SourceError`. */
  static withSuffix(suffix: string): OutputNaming {
    if (suffix !== "" && !/[/{}\0]/.test(suffix)) return new OutputNaming(`{name}${suffix}`);
    throw new SourceError(
      `--suffix must be the end of a file name, such as .txt, without / { }, not "${suffix}"`,
    );
  }

  /** The outputs are named by a template. Throws a `SourceError`. */
  static of(template: string): OutputNaming {
    const fail = (why: string): never => {
      throw new SourceError(`--name "${template}" ${why}`);
    };
    const rest = template.replace(PLACEHOLDER, "x");
    const [unknown] = /\{[^}]*\}?|\}/.exec(rest) ?? [];
    if (unknown !== undefined) fail(`has an unknown ${unknown}; ${HELP}`);
    if (!/\{(name|stem)\}/.test(template)) {
      fail(`gives all outputs one name; put {name} or {stem} into it, as in "{stem}.png"`);
    }
    if (!isPath(rest)) fail("leads out of the output folder, or to a folder; name a file in it");
    return new OutputNaming(template);
  }

  /** Whether outputs have the names of their inputs. */
  get isSame(): boolean {
    return this === OutputNaming.SAME;
  }

  /** What keeps the outputs of two inputs apart that would have the same one. */
  get remedy(): string {
    return this.#template.includes("{name}")
      ? "name a folder that has both, or run one of them alone with another -o"
      : "use {name} instead of {stem} in --name";
  }

  /**
   * The name of the output of the input called `name`. `hasExtension`: it is the name of a file, and not `a=0.5`. It may be no usable name: see
   * `reasonAgainst`.
   */
  outputOf(name: string, hasExtension = true): string {
    if (this.isSame) return name;
    const start = name.lastIndexOf("/") + 1;
    return name.slice(0, start) + this.#applied(name.slice(start), hasExtension);
  }

  /** The number in the name of an output, if it may be the output of a numbered input. */
  numberIn(output: string): string | undefined {
    this.#numbers ??= numbersLike(this.#applied(ANY_NUMBER));
    return this.#numbers.exec(output)?.[1];
  }

  #applied(name: string, hasExtension = true): string {
    const dot = hasExtension ? name.lastIndexOf(".") : -1;
    // The dot of `.profile` begins no extension.
    const parts = dot > 0
      ? { name, stem: name.slice(0, dot), ext: name.slice(dot + 1) }
      : { name, stem: name, ext: "" };
    return this.#template.replace(PLACEHOLDER, (_, part: keyof typeof parts) => parts[part]);
  }
}

/** Why an output cannot have this name, if it cannot. */
export function reasonAgainst(output: string): string | undefined {
  if (isPath(output) && !isInStateFolder(output)) return undefined;
  return `its output cannot be called "${output}"; choose another --name`;
}

/** Whether a text is a path of a file below a folder. */
function isPath(text: string): boolean {
  return text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function numbersLike(name: string): RegExp {
  const [before, ...others] = name.split(ANY_NUMBER)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${before}(\\d+)${others.join("\\1")}$`);
}
