/** What to do where no worker can be used: what to type, and on which machine. */

import { DEFAULT_PORT, formatAddress, parseAddress } from "../../link/address.ts";
import type { Address } from "../../runtime/ports.ts";

/** Not where ssh, or what it goes through, says so: no worker listens there. */
const REFUSED = /^(unix:.+|[^\s/]+): connection refused$/;

/** What workers say of a core, and what helps. */
const CORE_HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /: it (is not signed|is signed by|was changed since)/,
    "the worker runs signed cores only; to sign it, type: distcomp sign CORE --with NAME",
  ],
  [
    /\(ulimit -v \d+\)/,
    "raise that limit where the worker runs: ulimit -v unlimited",
  ],
  [
    /: this machine lacks |: cannot open shared object file/,
    "install it where the worker runs, or link it into the core; one that lies beside the core is " +
    "found if the core is linked with -Wl,-rpath,'$ORIGIN'; distcomp check CORE says there whether " +
    "all is found",
  ],
];

/** `reasons`: one sentence for each worker that cannot be used. `undefined` if nothing is known that helps. */
export function workerHint(reasons: readonly string[]): string | undefined {
  return startHint(reasons) ??
    CORE_HINTS.find(([pattern]) => reasons.some((reason) => pattern.test(reason)))?.[1];
}

function startHint(reasons: readonly string[]): string | undefined {
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
