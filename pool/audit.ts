/** Checks a pool's counts and invariants. For tests: it looks at every job. */

import type { Client } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ClientId } from "./ids.ts";
import { isInFlight } from "./job.ts";
import type { EndpointSet } from "./endpoint_set.ts";
import { type Mutable, noShare, type Sums } from "./sums.ts";

const SUMS = [
  "staying",
  "inFlight",
  "ready",
  "slots",
  "slotsBusy",
  "unreported",
  "window",
] as const satisfies readonly (keyof Sums)[];

/** Throws an error that names the first violated invariant, if there is one. */
export function audit<T>(
  endpoints: EndpointSet<T>,
  clients: ReadonlyMap<ClientId, Client<T>>,
  isLocal = false,
): void {
  const inFlight = new Map<ClientId, number>();
  for (const endpoint of endpoints.values()) {
    auditEndpoint(endpoint);
    if (isLocal && endpoint.pace.slots === 1) auditClients(endpoint);
    for (const { client, state } of endpoint.inFlight) {
      if (state === "abandoned") continue;
      check(clients.has(client), `the jobs of client ${client}, which is gone, are abandoned`);
      inFlight.set(client, (inFlight.get(client) ?? 0) + 1);
    }
  }
  for (const client of clients.values()) {
    const found = inFlight.get(client.id) ?? 0;
    check(client.inFlight === found, `client ${client.id} counts its ${found} jobs in flight`);
    auditQueue(client);
  }
  auditSums(endpoints, isLocal);
}

/** The sums are kept up to date from change to change: here they are added up again. */
function auditSums<T>(endpoints: EndpointSet<T>, isLocal: boolean): void {
  const share = noShare();
  const found: Mutable<Sums> = noShare();
  for (const endpoint of endpoints.values()) {
    endpoint.setShare(share, isLocal);
    for (const name of SUMS) found[name] += share[name];
  }
  for (const name of SUMS) {
    check(endpoints.sums[name] === found[name], `the sum of "${name}" is ${found[name]}`);
  }
}

function auditQueue<T>(client: Client<T>): void {
  let jobs = 0, bytes = 0;
  for (const job of client.jobs()) {
    jobs += 1;
    bytes += job.bytes;
    check(job.state === "queued", `a job in the queue of client ${client.id} is queued`);
    check(job.client === client.id, `the jobs in the queue of client ${client.id} are its own`);
  }
  check(client.queued === jobs, `client ${client.id} counts its ${jobs} queued jobs`);
  check(client.queuedBytes === bytes, `client ${client.id} counts its ${bytes} queued bytes`);
}

function auditEndpoint<T>({ id, inFlight, ...state }: Endpoint<T>): void {
  let bytes = 0;
  for (const job of inFlight) {
    bytes += job.bytes;
    check(isInFlight(job), `a job that endpoint ${id} has is in flight`);
    if (!isInFlight(job)) continue;
    check(job.endpoint === id, `a job that endpoint ${id} has was sent there`);
    check(inFlight.get(job.dispatch) === job, `endpoint ${id} knows a job by its dispatch`);
    check(job.core === state.core, `the jobs at endpoint ${id} need its core`);
    check(!job.isIsolated || inFlight.size === 1, `an isolated job is alone at endpoint ${id}`);
    check(job.isIsolated === state.isReserved, `endpoint ${id} is reserved for an isolated job`);
  }
  check(state.bytesInFlight === bytes, `endpoint ${id} counts its ${bytes} bytes in flight`);
  check(!state.isLoading || inFlight.size === 0, `endpoint ${id} has no job while it loads a core`);
  check(!state.isLoading || state.core !== undefined, `endpoint ${id} loads a core`);
  check(!state.isReserved || inFlight.size === 1, `endpoint ${id} is reserved for a job`);
}

function auditClients<T>({ id, inFlight }: Endpoint<T>): void {
  const clients = new Set([...inFlight].map(({ client }) => client));
  check(clients.size <= 1, `slot ${id} has jobs of one client`);
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`An invariant of the pool is violated: ${what}`);
}
