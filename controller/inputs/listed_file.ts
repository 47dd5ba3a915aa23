/** An input file as it was listed, before its size and time are known. */

/** A file to read, and the name of its job. */
export interface ListedFile {
  readonly path: string;
  readonly name: string;
  /** The reason, if the job fails without reading the file. */
  readonly failure?: string;
}

/** A listed file with its index among all inputs. */
export interface IndexedFile extends ListedFile {
  readonly index: number;
}
