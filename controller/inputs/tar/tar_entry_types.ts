/** The types of entries in a tar that are not plain files, and what becomes of them. */

/** Types of entries that are not files. They are skipped. */
export const NO_FILES: Readonly<Record<string, string>> = {
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
};

/** Types of entries that stand for files whose content is not there, and what to do. All others are like them. */
export const UNREADABLE: Readonly<Record<string, string>> = {
  "1": "it is a hard link; pack it with --hard-dereference",
  "2": "it is a link; pack it with --dereference",
  "M": "it is a part of a file; pack it without --multi-volume",
};

/** Types of entries that have no content, whatever their size says. */
export const WITHOUT_CONTENT = "123456";

/** Folders and the label of a tape are not inputs, and nobody misses them. */
export const SILENT = "5DV";
