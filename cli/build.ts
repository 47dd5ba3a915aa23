/** What `compile.sh` writes into the executables that it makes. */

/** The commit that this was built from; empty when it runs from its source. */
export const COMMIT = "";
