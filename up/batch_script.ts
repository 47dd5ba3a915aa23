/** The script of a worker in a batch system. It needs a POSIX shell and the executable, but no other file of ours. */

/** What a worker is told. */
export interface BatchScript {
  /** Where the executable is on the nodes. */
  readonly executable: string;
  /** Where runs listen. */
  readonly address: string;
  /** The text of a key file. */
  readonly key: string;
  readonly idleSeconds: number;
}

/**
 * The script. The key is in it: batch systems show a script to nobody but its owner. What goes wrong is in a log in the
 * user's cache, named by the job, if that can be written.
 */
export function batchScript({ executable, address, key, idleSeconds }: BatchScript): string {
  return `#!/bin/sh
mask=\`umask\`
umask 077
logs="\${XDG_CACHE_HOME:-$HOME/.cache}/distcomp/jobs"
log="$logs/\${SLURM_ARRAY_JOB_ID:+\${SLURM_ARRAY_JOB_ID}_}\${SLURM_ARRAY_TASK_ID:-\${PBS_JOBID:-0}}"
# A shell ends if an exec cannot open its file, so that is tried in another one. A home may be read-only.
if mkdir -p "$logs" && (: >"$log"); then exec 2>"$log"; fi
find "$logs" -type f -mtime +14 -exec rm -f {} +
test -x ${quoted(executable)} || { echo "there is no "${
    quoted(executable)
  }" on \`uname -n\`" >&2; exit 127; }
folder=\`mktemp -d\` || exit 1
trap 'rm -rf "$folder"' EXIT
cat >"$folder/key" <<'END'
${key.trimEnd()}
END
slots="\${SLURM_CPUS_ON_NODE:-\${NCPUS:-\$PBS_NUM_PPN}}" # what the batch system gives; it may not enforce that
slots="\${slots:+--slots \$slots}"
umask "$mask" # what cores write is as the user wants it
${quoted(executable)} worker --connect ${
    quoted(address)
  } --key "$folder/key" --idle-timeout ${idleSeconds}s $slots &
worker=$!
trap 'kill "$worker"' TERM INT
wait "$worker"
status=$?
[ "$status" -le 128 ] || { wait "$worker"; status=$?; } # a signal has ended the first one
exit $status
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
