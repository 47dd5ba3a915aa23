/** Listeners to the events of a session. */

import assert from "node:assert/strict";
import { EventListeners } from "../../../controller/session/event_listeners.ts";
import { test } from "../../lib/test.ts";

const JOINED = { worker: "node1:7433", slots: 4 };

test("listeners are called after what has happened, each of them, until it stops listening", async () => {
  const listeners = new EventListeners();
  const heard: string[] = [];
  const stopFirst = listeners.add("workerJoined", ({ worker }) => heard.push(`first ${worker}`));
  listeners.add("workerJoined", ({ slots }) => heard.push(`second ${slots}`));
  listeners.add("noWorker", () => heard.push("noWorker"));
  listeners.emit("workerJoined", JOINED);
  assert.deepEqual(heard, [], "the session is still at work");
  await Promise.resolve();
  assert.deepEqual(heard, ["first node1:7433", "second 4"]);
  stopFirst();
  listeners.emit("workerJoined", JOINED);
  await Promise.resolve();
  assert.deepEqual(heard.slice(2), ["second 4"]);
});

test("whether somebody listens is known by event, and ends with the last listener", () => {
  const listeners = new EventListeners();
  const stops = [0, 1].map(() => listeners.add("jobEnded", () => {}));
  assert.deepEqual([listeners.has("jobEnded"), listeners.has("jobFailed")], [true, false]);
  for (const stop of stops) stop();
  assert.equal(listeners.has("jobEnded"), false);
});
