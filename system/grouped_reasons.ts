/** Reasons that many workers share, in one line: a wrong list of hosts must not fill the screen. */

/** Up to this many workers with the same reason are listed one by one. Of more, this many are named. */
const NAMES_MAX = 3;

/** `reasons` has one sentence for each worker, such as `node1:7433: no such host`. Those that are alike become one. */
export function groupedReasons(reasons: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const sentence of reasons) {
    const [name, reason] = split(sentence);
    const names = groups.get(reason) ?? [];
    if (name !== "") names.push(name);
    groups.set(reason, names);
  }
  return [...groups].flatMap(([reason, names]) => {
    if (names.length === 0) return [reason];
    if (names.length <= NAMES_MAX) return names.map((name) => `${name}: ${reason}`);
    const named = names.slice(0, NAMES_MAX).join(", ");
    return [`${named} and ${names.length - NAMES_MAX} more: ${reason}`];
  });
}

/** `timed out (12), no such host (3)`: how often each reason occurs, the most frequent first. */
export function countedReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => `${reason} (${count})`)
    .join(", ");
}

function split(sentence: string): readonly [string, string] {
  const at = sentence.indexOf(": ");
  return at < 0 ? ["", sentence] : [sentence.slice(0, at), sentence.slice(at + 2)];
}
