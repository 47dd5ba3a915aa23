/** Workers that stay, and an ssh that is made up. */

import assert from "node:assert/strict";
import { NODE_LINE } from "../../up/node_scripts.ts";
import { StandingNodes } from "../../up/standing_nodes.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { type MadeUpSsh, madeUpSsh } from "./made_up_ssh.ts";

const WORKS = `${NODE_LINE}ready linux-x64 2 1\nlistening on unix:/tmp/x\n`;
const DENIED = "ssh: Permission denied (publickey).\n";

/** What happens to a node whose ssh prints these in turn. */
function watched(...all: readonly MadeUpSsh[]) {
  const clock = new VirtualClock();
  const start = madeUpSsh(...all);
  const seen: string[] = [];
  const nodes = new StandingNodes(
    [{ target: "node1" }],
    {
      clock,
      random: { fraction: () => 1, hex: () => "00" },
      start,
      executables: [],
      folder: "/tmp",
    },
    {
      onReady: () => seen.push("ready"),
      onProblem: (_, problem, isFinal) => seen.push(`${isFinal ? "final: " : ""}${problem}`),
    },
  );
  return { clock, nodes, seen };
}

test("a node that has worked once is tried again, whatever ssh says about it", async () => {
  const lost = { stdout: WORKS, stderr: "" };
  const { clock, nodes, seen } = watched(lost, { stderr: DENIED }, { stdout: WORKS });
  await clock.until("it is back", () => seen.at(-1) === "ready" && seen.length === 4);
  assert.deepEqual(seen, ["ready", "ssh has ended", DENIED.slice(5, -2), "ready"]);
  assert(clock.now() >= 30_000, "what only the user can change is not asked every few seconds");
  await nodes.close();
});

test("a node that has never worked is given up if only the user can change that", async () => {
  const { nodes, seen } = watched({ stderr: DENIED });
  await nodes.ended();
  assert.deepEqual(seen, ["final: Permission denied (publickey)"]);
});

test("a name server that does not answer is asked again", async () => {
  const resolve = "ssh: Could not resolve hostname node1:";
  const { clock, nodes, seen } = watched(
    { stderr: `${resolve} Temporary failure in name resolution\n` },
    { stderr: `${resolve} Try again\n` }, // musl's words
    { stdout: WORKS },
  );
  await clock.until("it works", () => seen.includes("ready"));
  await nodes.close();
  const unknown = watched({ stderr: `${resolve} Name or service not known\n` });
  await unknown.nodes.ended();
  assert.match(unknown.seen[0] ?? "", /^final: Could not resolve/);
});
