/// <reference types="npm:bun-types@1.4.5" />
/** Holds our types of Bun against Bun's own. Only to be checked, by `deno task check`; nothing runs it. */

import * as ffi from "bun:ffi";
import type { BunApi, BunFfi } from "../../runtime/bun/api.ts";

export const api: Omit<BunApi, "spawn"> = Bun;
export const spawn: BunApi["spawn"] = (command, options) => Bun.spawn(command, options);
export const foreign: BunFfi = ffi;
