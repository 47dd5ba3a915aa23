/** The environment variables of a run, as `--env` gives them. */

import process from "node:process";
import { variableProblem } from "../../protocol/mod.ts";
import { UsageError } from "../program/usage_error.ts";

type Variables = Readonly<Record<string, string>>;

/** Adds what `--env` gives, `NAME=VALUE` or `NAME`, to the variables before it. The last value of a name counts. */
export function withVariable(text: string, variables: Variables): Variables {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? valueHere(name) : text.slice(at + 1);
  if (value === undefined) {
    throw new UsageError(
      `--env ${name} takes the value that ${name} has here, but it is not set; give it: --env ${name}=VALUE`,
    );
  }
  const problem = variableProblem(name, value);
  if (problem !== undefined) throw new UsageError(`--env: ${problem}`);
  return { ...variables, [name]: value };
}

/** Not what every object has: `toString` is the name of a variable like others. */
function valueHere(name: string): string | undefined {
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}
