/** What an error says of the limit of memory that a process may map. */

import assert from "node:assert/strict";
import { addressSpaceNote, loadProblem } from "../../runtime/address_space.ts";
import { test } from "../lib/test.ts";

function limitedTo(bytes: string): () => string {
  return () => `Max processes  63  63  processes\nMax address space  ${bytes}  ${bytes}  bytes\n`;
}

test("where a process may map only so much memory, errors about it name that limit as ulimit does", () => {
  const note = "; its address space is limited (ulimit -v 2000000), perhaps to too little";
  const limited = limitedTo("2048000000");
  assert.equal(addressSpaceNote(limited), note);
  for (
    const reason of [
      "failed to map segment from shared object",
      "cannot map zero-fill pages",
      "cannot create shared object descriptor: Cannot allocate memory",
    ]
  ) {
    assert.equal(loadProblem(reason, limited), reason + note);
    assert.equal(loadProblem(reason, limitedTo("unlimited")), reason);
  }
  assert.equal(addressSpaceNote(() => ""), "", "a system that does not say");
  for (const other of ["it lacks worker_init", "cannot allocate memory in static TLS block"]) {
    assert.equal(loadProblem(other, limited), other);
  }
});
