/** distcomp's own folder inside an output folder. */

export const STATE_FOLDER = ".distcomp";

/** Prefix of its folders with the temporary files of outputs. */
export const TEMPORARY_PREFIX = "unfinished-";
