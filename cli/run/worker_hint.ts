/** What to type where workers should run and nothing listens. */

import { DEFAULT_PORT, formatAddress, parseAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";

/** Not where ssh, or what it goes through, says so: no worker listens there. */
const REFUSED = /^(unix:.+|[^\s/]+): connection refused$/;

/** `reasons`: one sentence for each worker that cannot be used. `undefined` if no machine has refused the connection. */
export function workerHint(reasons: readonly string[]): string | undefined {
  const names = reasons.flatMap((reason) => REFUSED.exec(reason)?.[1] ?? []);
  const commands = new Set(names.map((name) => commandOf(parseAddress(name))));
  if (commands.size === 0) return undefined;
  const [command] = commands.size === 1 ? commands : ["distcomp worker --listen PORT"];
  return `is a worker running there? to start one, type there: ${command}`;
}

function commandOf(address: Address): string {
  if (address.kind !== "tcp") return `distcomp worker --listen ${formatAddress(address)}`;
  return address.port === DEFAULT_PORT
    ? "distcomp worker"
    : `distcomp worker --listen ${address.port}`;
}
