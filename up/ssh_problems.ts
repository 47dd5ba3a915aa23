/** What ssh says when it fails, as one line. */

/** A longer line is cut. */
const CHARS_MAX = 300;

/** Lines that say nothing about a failure: of ssh, and of the log of a worker, which begin with the time. */
const CHATTER =
  /^(?:Warning: Permanently added|\*\*|Pseudo-terminal|\s*$|@{5,}|Connection to .* closed\.?$|\d{4}-\d\d-\d\dT[\d:.]+Z )/;

/** Problems that stay until the user does something. A name server that does not answer is none of them. */
const FOR_USER =
  /Permission denied|verification failed|Too many authentication|no such identity|cannot create|not found|No space left|quota|Read-only file system|incomplete|damaged|Could not resolve(?!.*(?:Temporary failure|Try again))|Bad configuration|Bad owner/i;

/** The last line that ssh, or the shell on the node, has printed about a problem. */
export function sshProblem(stderr: string): string | undefined {
  const lines = stderr.split("\n").map((line) => line.trim());
  // ssh prints a frame of signs around this, and what to do, but the reason comes last.
  const last = lines.findLast((line) => !CHATTER.test(line));
  return last?.replace(/^ssh: /, "").replace(/\.$/, "").slice(0, CHARS_MAX);
}

/** Whether it is of no use to try again soon. */
export function isForUser(problem: string): boolean {
  return FOR_USER.test(problem);
}
