/** A source of tasks that is closed while it waits. */

import assert from "node:assert/strict";
import { type ClientHost, ClusterClient } from "../../../controller/cluster/cluster_client.ts";
import type { Task } from "../../../controller/cluster/cluster_types.ts";
import type { ClientId } from "../../../pool/ids.ts";
import { test } from "../../lib/test.ts";

test("a client that is closed while it waits for room is woken, and asks for none again", async () => {
  const asked: string[] = [];
  const queue = {
    openClient: () => 1 as ClientId,
    closeClient: () => void asked.push("close"),
    hasRoom: () => {
      asked.push("room");
      return false;
    },
  };
  const client = new ClusterClient<Task>({
    jobs: { queue } as unknown as ClientHost<Task>["jobs"],
    isClosed: () => false,
    onEvent: () => 0,
    onEnded: () => {},
    onClosed: () => client.onRoom(), // as the cluster does when it schedules
  }, 0);
  const room = client.room();
  client.close();
  await room;
  // What is kept of a client goes with it. Whoever asks again makes it anew, for ever.
  assert.deepEqual(asked, ["room", "close"]);
});
