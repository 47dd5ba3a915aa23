/** The jobs of a session: those that are refused, and those that wait. */

import assert from "node:assert/strict";
import type { Cluster } from "../../../controller/cluster/cluster.ts";
import { KeepAlive } from "../../../controller/session/keep_alive.ts";
import {
  type JobClient,
  SessionJobs,
  type SessionTask,
} from "../../../controller/session/session_jobs.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

test("a job that is refused is abandoned at once and never sent, until jobs are accepted again", () => {
  const added: unknown[] = [];
  const client = { add: (task: unknown) => added.push(task) } as unknown as JobClient;
  const jobs = new SessionJobs(
    {} as Cluster<SessionTask>,
    new KeepAlive(new VirtualClock()),
    () => {},
  );
  const abandoned: Error[] = [];
  const start = () =>
    jobs.start(client, new Uint8Array(1), undefined, {
      onEnded: () => assert.fail("it has not ended"),
      onAbandoned: (error) => abandoned.push(error),
    });
  const error = new Error("no worker is left");
  jobs.refuse(error);
  start().cancel();
  assert.deepEqual([abandoned, added.length, jobs.pending], [[error], 0, 0]);
  jobs.accept();
  start();
  assert.deepEqual([abandoned.length, added.length, jobs.pending], [1, 1, 1]);
});
