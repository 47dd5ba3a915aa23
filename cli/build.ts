/** What `compile.sh` writes into the executables that it builds. */

/** The commit of the sources; empty when the program runs from its sources. */
export const COMMIT = "";
