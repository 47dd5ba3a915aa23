/** Labels of workers, as their owners give them: on the command line, and in programs. */

/** `NAME=VALUE`, of letters, digits and what names of hosts and versions have. */
const LABEL = /^[\w.+-]{1,100}=[\w.:@/+-]{0,100}$/;

/** Whether a text is a label. */
export function isLabel(text: string): boolean {
  return LABEL.test(text);
}
