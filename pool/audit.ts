/** Whether a pool's books balance. For tests: it looks at every job. */

import type { Client } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ClientId, EndpointId } from "./types.ts";

/** Throws an error that says what is wrong, if anything is. */
export function audit<T>(
  endpoints: ReadonlyMap<EndpointId, Endpoint<T>>,
  clients: ReadonlyMap<ClientId, Client<T>>,
  isLocal = false,
): void {
  const inFlight = new Map<ClientId, number>();
  for (const endpoint of endpoints.values()) {
    auditEndpoint(endpoint);
    if (isLocal && endpoint.pace.slots === 1) auditTurn(endpoint);
    for (const { client, isOrphan } of endpoint.inFlight.values()) {
      check(
        isOrphan || clients.has(client),
        `the jobs of client ${client}, which is gone, are orphans`,
      );
      if (isOrphan) continue;
      inFlight.set(client, (inFlight.get(client) ?? 0) + 1);
    }
  }
  for (const client of clients.values()) {
    const found = inFlight.get(client.id) ?? 0;
    check(client.inFlight === found, `client ${client.id} counts the ${found} jobs it has out`);
    auditQueue(client);
  }
}

function auditQueue<T>(client: Client<T>): void {
  let jobs = 0, bytes = 0;
  for (const job of client.jobs()) {
    jobs += 1;
    bytes += job.bytes;
    check(!job.isOrphan, `nobody has taken back a job that client ${client.id} has queued`);
    check(job.client === client.id, `the jobs that client ${client.id} has queued are its own`);
  }
  check(client.queued === jobs, `client ${client.id} counts the ${jobs} jobs it has queued`);
  check(
    client.queuedBytes === bytes,
    `client ${client.id} counts the ${bytes} bytes it has queued`,
  );
}

function auditEndpoint<T>({ id, inFlight, ...state }: Endpoint<T>): void {
  let bytes = 0;
  for (const job of inFlight.values()) {
    bytes += job.bytes;
    check(job.list === undefined, `a job that endpoint ${id} has waits nowhere`);
    check(job.core === state.core, `endpoint ${id} has jobs for its core`);
    check(!job.alone || inFlight.size === 1, `a job that runs alone is alone on endpoint ${id}`);
    check(job.alone === state.isReserved, `endpoint ${id} is reserved for a job that runs alone`);
  }
  check(state.bytesInFlight === bytes, `endpoint ${id} counts the ${bytes} bytes it has`);
  check(!state.isLoading || inFlight.size === 0, `endpoint ${id} has no job while it loads a core`);
  check(!state.isLoading || state.core !== undefined, `endpoint ${id} loads a core`);
  check(!state.isReserved || inFlight.size === 1, `endpoint ${id} is reserved for a job`);
}

function auditTurn<T>({ id, inFlight }: Endpoint<T>): void {
  const clients = new Set([...inFlight.values()].map(({ client }) => client));
  check(clients.size <= 1, `slot ${id} has jobs of one client`);
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`The pool's books do not balance: not true that ${what}`);
}
