/** The states of a slot's process, from its start to its end. */

import type { StoredCore } from "../../cores/stored_core.ts";

/** The state. It moves down this list, and may skip states. */
export type ProcessLife =
  /** It has not connected to its worker yet. */
  | { readonly name: "starting" }
  /** It can load a core, and only one: unloading a core means ending its process. */
  | { readonly name: "empty" }
  | {
    readonly name: "loading";
    readonly core: StoredCore;
    readonly loaded: PromiseWithResolvers<void>;
  }
  /** It runs jobs. */
  | { readonly name: "ready"; readonly core: StoredCore }
  /** Its core failed to load. */
  | { readonly name: "unusable" }
  /** It was told to unload its core and exit. */
  | { readonly name: "ending" }
  /** It has exited, or was killed and is given up. */
  | { readonly name: "gone" };
