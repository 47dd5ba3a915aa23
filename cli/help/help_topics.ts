/** `distcomp help up ssh`: the help of a command below a command. */

import type { Command } from "commander";

/**
 * The arguments with `help up ssh` as `up ssh --help`: commander knows one word behind `help`, and for an unknown one it
 * would print the general help without an error. `help rn` becomes `rn`, for which it names the nearest command.
 */
export function withHelpTopics(program: Command, args: readonly string[]): readonly string[] {
  const [first, ...topics] = args;
  if (first !== "help" || topics.length === 0 || topics[0]?.startsWith("-")) return args;
  let command = program;
  for (const [at, topic] of topics.entries()) {
    const path = topics.slice(0, at);
    if (command.commands.length === 0) return [...path, "--help"]; // "help run more"
    const below = command.commands.find((known) => known.name() === topic);
    if (!below) return [...path, topic]; // an error
    command = below;
  }
  return [...topics, "--help"];
}
