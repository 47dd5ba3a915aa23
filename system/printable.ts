/** What peers and cores say, for people: one line without characters that control a terminal. */

export { oneLine } from "../core/one_line.ts";
