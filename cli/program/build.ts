/** Values that `compile.sh` replaces in the executables that it builds. */

/** The commit of the sources; empty when the program runs from its sources. */
export const COMMIT = "";
