/** What peers and cores say, for people: one line without characters that control a terminal. */

export { HIDDEN, oneLine } from "../core/one_line.ts";
