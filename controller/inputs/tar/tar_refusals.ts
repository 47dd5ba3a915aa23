/** What makes an entry of a tar one that is not read. */

/** No system has longer names. One would be in the journal and in what the run prints, again and again. */
const NAME_CHARS_MAX = 4_096;

/** What is shown of a name that is too long. */
const SHOWN_CHARS = 60;

/** What a file has in one of the three sparse formats of pax. */
const SPARSE_RECORDS = ["GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.size"];

/** Whether only a part of a file's content is in the tar. `pax`: the records in front of it. */
export function isSparse(type: string, pax: ReadonlyMap<string, unknown> | undefined): boolean {
  return type === "S" || SPARSE_RECORDS.some((record) => pax?.has(record));
}

export function isTooLong(name: string): boolean {
  return name.length > NAME_CHARS_MAX;
}

/** `at` tells it from others that begin in the same way. */
export function shownLongName(name: string, at: number): string {
  return `${name.slice(0, SHOWN_CHARS)}… at byte ${at}`;
}

export function reasonOfLongName(name: string): string {
  return `its name has ${name.length} characters, which no system takes`;
}
