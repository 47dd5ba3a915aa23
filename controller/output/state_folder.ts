/** distcomp's own folder inside an output folder. That of a pack has this at the end of its name. */

export const STATE_FOLDER = ".distcomp";

/** The journal in it. */
export const JOURNAL = "jobs.jsonl";

/** Prefix of its folders with the temporary files of outputs. */
export const TEMPORARY_PREFIX = "unfinished-";
