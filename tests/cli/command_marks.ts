/** Stands around the exit status of each command line of `command_lines.ts`. No command prints it. */
export const END = "\u001e";
