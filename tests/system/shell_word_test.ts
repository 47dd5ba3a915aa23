/** Words of commands that are printed for a person to type. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { shellWord } from "../../system/shell_word.ts";
import { test } from "../lib/test.ts";

test("a shell reads the word that was meant, and a terminal gets no character that controls it", () => {
  for (
    const word of [
      "plain",
      "",
      "two words",
      "it's",
      "a\nb",
      "\u001b]0;title\u0007",
      "\u009b1m\u202eé'x",
    ]
  ) {
    const shown = shellWord(word);
    // deno-lint-ignore no-control-regex -- this is what must not be there
    assert(!/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/.test(shown), JSON.stringify(shown));
    const read = execFileSync("bash", ["-c", `printf %s ${shown}`], { encoding: "utf8" });
    assert.equal(read, word);
  }
});
