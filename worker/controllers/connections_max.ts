/** How many connections a worker accepts: as many as are useful, and fewer where the system allows fewer open files. */

import type { AcceptRate } from "../../link/accept_pace.ts";
import type { ConnectionLimits } from "../../link/connection_limit.ts";
import { CLOSING_STREAMS_MAX } from "../../link/closing_streams.ts";
import { openFilesMax } from "../../system/open_files.ts";
import { type ProcFiles, thisSystem } from "../../runtime/proc_files.ts";

/** Far more controllers than use a machine at once. */
const CONNECTIONS_MAX = 256;

/** At least as many, however few files may be open: a worker without connections is none. */
const CONNECTIONS_MIN = 8;

/**
 * Controllers that are accepted: more than start at once, and little work for a worker. More at once would take a tenth
 * of a second from the jobs of others, and several on a busy machine.
 */
const ACCEPTED: AcceptRate = { perSecond: 100, atOnce: 64 };

/** Open files of the worker itself, with connections that are told why they are closed. */
const OWN_FILES = 48 + CLOSING_STREAMS_MAX;

/** Open files for each slot: its process, its pipes, its socket and its core, and those of the next process. */
const SLOT_FILES = 12;

/** The limits for a worker with this many slots. One host may have half of all places, so that others find one. */
export function connectionLimits(
  slots: number,
  system: ProcFiles = thisSystem,
): ConnectionLimits {
  const filesMax = openFilesMax(system);
  const left = filesMax - OWN_FILES - SLOT_FILES * slots;
  const all = Math.max(CONNECTIONS_MIN, Math.min(CONNECTIONS_MAX, Math.floor(left / 2)));
  return {
    all,
    perHost: Math.ceil(all / 2),
    filesMax: all < CONNECTIONS_MAX ? filesMax : undefined,
    accepted: ACCEPTED,
  };
}
