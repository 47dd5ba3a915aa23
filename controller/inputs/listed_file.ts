/** An input file as it was listed, before its size and time are known. */

import { type OutputNaming, reasonAgainst } from "./output_naming.ts";

/** A file to read, and the name of its output, which is the name of its job. */
export interface ListedFile {
  readonly path: string;
  readonly name: string;
  /** Where it leads below the folder of outputs, if it is a link into that. */
  readonly linksTo?: readonly string[] | undefined;
  /** The reason, if the job fails without reading the file. */
  readonly failure?: string | undefined;
}

/** The file at `path`. `name` is the name that its output has without `naming`. */
export function namedFile(
  path: string,
  name: string,
  naming: OutputNaming | undefined,
): ListedFile {
  if (!naming || naming.isSame) return { path, name };
  const output = naming.outputOf(name);
  const failure = reasonAgainst(output);
  return failure === undefined ? { path, name: output } : { path, name: output, failure };
}

/** A listed file with its index among all inputs. */
export interface IndexedFile extends ListedFile {
  readonly index: number;
}
