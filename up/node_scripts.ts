/**
 * What ssh runs on a node. The node may have nothing but a POSIX shell, and the user's own shell may be any: so each
 * script is one line without single quotes and exclamation marks, which `sh` gets in single quotes.
 */

import type { Executable } from "./executables.ts";

/** How many digits of its SHA-256 the name of an executable has. */
const NAME_DIGITS = 32;

/** Executables that nobody has started for this many days are removed from a node. Workers touch theirs each day. */
const KEPT_DAYS = 90;

/** A line of a script to us ends with this and what follows. Whatever the user's shell prints before it is skipped. */
export const NODE_LINE = "distcomp-node: ";

/** Where executables are on a node, for other runs too. */
const FOLDER = 'd="${XDG_CACHE_HOME:-$HOME/.cache}/distcomp"';

/** The platform of the node, in the words of `compile.sh`. */
const PLATFORM = [
  "o=`uname -s`",
  "m=`uname -m`",
  "case $o in Linux) o=linux;; Darwin) o=macos;; esac",
  "case $m in x86_64|amd64) m=x64;; aarch64|arm64) m=arm64;; esac",
  "p=$o-$m",
  "if test -e /lib/ld-musl-x86_64.so.1 -a -d /etc/apk; then p=$p-musl; fi",
].join("; ");

const CPUS = "c=`getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0`";

const MEMORY = 'k=$(awk "/^MemTotal/ {print \\$2}" /proc/meminfo 2>/dev/null); k=${k:-0}';

/** What a node says about itself. */
export interface NodeFacts {
  readonly platform: string;
  /** 0: unknown. */
  readonly cpus: number;
  /** 0: unknown. */
  readonly memoryBytes: number;
}

/** What a script says in its line. */
export type NodeAnswer =
  /** It has the executable, and becomes the worker: what follows is the worker's. */
  | { readonly kind: "ready"; readonly facts: NodeFacts }
  /** It has no executable for its platform yet. */
  | { readonly kind: "lacks"; readonly facts: NodeFacts }
  /** It waits for the bytes of an executable. */
  | { readonly kind: "send" }
  /** It has the executable. */
  | { readonly kind: "stored" };

/** Where a worker listens, if it does not serve its stdin. */
const SOCKET = /^unix:(.*)/;

/**
 * Ends a worker that does not read its stdin: when that ends, the worker gets SIGTERM, and once more after 5 seconds,
 * which ends it at once. A worker that has ended before gets no second one: its number may be another process's by then.
 * Its socket is removed behind it: a killed one leaves it.
 */
function endsWithStdin(socket: string): string {
  return `p=$$; exec 3<&0; (trap "rm -f ${socket}" EXIT; ` +
    "cat; kill $p; for i in 1 2 3 4 5; do sleep 1; kill -0 $p || exit; done; kill $p) " +
    "<&3 >/dev/null 2>&1 & exec 3<&- </dev/null; ";
}

/**
 * The command that becomes a worker, if the node has one of the executables. `args` are those of distcomp. It ends when
 * its stdin does, if it serves its stdin or not.
 */
export function workerScript(executables: readonly Executable[], args: readonly string[]): string {
  const [socket] = args.flatMap((arg) => SOCKET.exec(arg)?.[1] ?? []);
  const before = socket === undefined ? "" : endsWithStdin(socket);
  const cases = executables.map(({ platform, sha256, bytes }) =>
    `${platform}) h=${nameOf(sha256)}; b=${bytes};;`
  );
  return command([
    FOLDER,
    PLATFORM,
    CPUS,
    MEMORY,
    `case $p in ${cases.join(" ")} *) h=none; b=0;; esac`,
    'f="$d/$h"',
    `if ${isWhole("$b")}; then touch "$f"; echo "${NODE_LINE}ready $p $c $k"; ` +
    `${before}exec "$f" ${args.join(" ")}; else echo "${NODE_LINE}lacks $p $c $k"; fi`,
  ]);
}

/** The command that stores an executable, which comes on its stdin if it is needed. */
export function storeScript({ sha256, bytes }: Executable): string {
  return command([
    "umask 077", // not that of a worker, whose cores have the user's
    FOLDER,
    'mkdir -p "$d" || exit 1',
    `f="$d/${nameOf(sha256)}"`,
    `if ${isWhole(bytes)}; then echo "${NODE_LINE}stored"; exit 0; fi`,
    `find "$d" -name "distcomp-*" -mtime +${KEPT_DAYS} -exec rm -f {} + 2>/dev/null`,
    't="$f.`uname -n`.$$"',
    'trap "rm -f \\"$t\\"" EXIT',
    'trap "exit 1" HUP INT TERM PIPE',
    `echo "${NODE_LINE}send"`,
    'cat > "$t" || exit 1',
    `test \`wc -c < "$t"\` -eq ${bytes} || { echo "the copy is incomplete" >&2; exit 1; }`,
    's=`sha256sum < "$t" 2>/dev/null || shasum -a 256 < "$t"`',
    `test "\${s%% *}" = ${sha256} || { echo "the copy is damaged" >&2; exit 1; }`,
    // Else the name may survive a loss of power, but not the bytes. Some commands sync no single file.
    'chmod 700 "$t" && { sync "$t" 2>/dev/null || sync; } && mv -f "$t" "$f" || exit 1',
    `echo "${NODE_LINE}stored"`,
  ]);
}

/** A node may have lost some of a copy, with its power or its disk. Then it gets another one. */
function isWhole(bytes: number | "$b"): string {
  return `test -x "$f" && test \`wc -c < "$f"\` -eq ${bytes}`;
}

function command(steps: readonly string[]): string {
  return `exec sh -c '${steps.join("; ").replaceAll(";;;", ";;")}'`;
}

function nameOf(sha256: string): string {
  return `distcomp-${sha256.slice(0, NAME_DIGITS)}`;
}

/** Parses a line that a script has printed; `undefined` if it is none of its own. */
export function answerIn(line: string): NodeAnswer | undefined {
  const at = line.lastIndexOf(NODE_LINE); // a shell may have set the title of a terminal before, without a line feed
  if (at < 0) return undefined;
  const words = line.slice(at + NODE_LINE.length).trim().split(" ");
  const [kind, platform = "", cpus, memoryKb] = words;
  if (kind === "send" || kind === "stored") return { kind };
  if ((kind !== "ready" && kind !== "lacks") || !/^[\w-]{1,64}$/.test(platform)) return undefined;
  const facts = {
    platform,
    cpus: Number(cpus) || 0,
    memoryBytes: (Number(memoryKb) || 0) * 1024,
  };
  return { kind, facts };
}
