/** A file that is an input, before it is looked at. */

/** A file to read, with the name of its job. */
export interface ListedFile {
  readonly path: string;
  readonly name: string;
  /** Why the job fails without the file being read. */
  readonly failure?: string;
}

/** The same, with its place among all inputs. */
export interface IndexedFile extends ListedFile {
  readonly index: number;
}
