/** Which loads of compute cores fail. */

import type { CoreKey } from "../../../pool/types.ts";

/** After this many failures a core may be given up; see `FAILURES_MAX` in `pool/load_failures.ts`. */
const GIVEN_UP_AFTER = 3;

/** Decides which loads succeed, and remembers which did not. */
export class CoreLuck {
  readonly #failuresLeft: Map<CoreKey, number>;
  readonly #failed = new Map<CoreKey, number>();

  constructor(failures: ReadonlyMap<CoreKey, number>) {
    this.#failuresLeft = new Map(failures);
  }

  /** Whether the next load succeeds, unless its process dies before. */
  draw(core: CoreKey): boolean {
    const left = this.#failuresLeft.get(core) ?? 0;
    this.#failuresLeft.set(core, Math.max(0, left - 1));
    return left === 0;
  }

  onFailed(core: CoreKey): void {
    this.#failed.set(core, (this.#failed.get(core) ?? 0) + 1);
  }

  mayBeGivenUp(core: CoreKey): boolean {
    return (this.#failed.get(core) ?? 0) >= GIVEN_UP_AFTER;
  }

  /** No load of it will ever succeed. */
  isBad(core: CoreKey): boolean {
    return this.#failuresLeft.get(core) === Infinity;
  }
}
