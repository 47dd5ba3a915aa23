/** Checks what a program passes as options: a wrong value is an error at once, and `undefined` is the default. */

/** What a slot needs without a job: with a lower limit of memory, no job could run. */
export const SLOT_BYTES = 64 * 1024 ** 2;

/** A number that is missing or in range. */
export function wholeNumber(
  name: string,
  value: unknown,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  const isUnlimited = max === Number.MAX_SAFE_INTEGER && !(Number(value) > max);
  const range = isUnlimited ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RangeError(`${name} must be a whole number ${range}, not ${shown(value)}`);
}

/** Throws a `TypeError` for what is not an object, and for a name that is not an option. */
export function checkNames(what: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`The options of ${what} must be an object, not ${kindOf(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`There is no option ${unknown} of ${what}; there are ${names.join(", ")}`);
}

/** Throws a `TypeError` for a value of another type that is not missing. */
export function checkType(name: string, value: unknown, type: "string" | "boolean"): void {
  if (value === undefined || typeof value === type) return;
  throw new TypeError(`${name} must be a ${type}, not ${shown(value)}`);
}

/** The same for an array of strings. */
export function checkTexts(name: string, value: unknown): void {
  if (value === undefined) return;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return;
  throw new TypeError(`${name} must be an array of strings, not ${shown(value)}`);
}

/** Throws a `TypeError` for what is not a log. */
export function checkLog(log: unknown): void {
  if (log === undefined) return;
  for (const name of ["info", "warn", "printed"]) {
    if (typeof Object(log)[name] === "function") continue;
    throw new TypeError(`log must have a function ${name}`);
  }
}

/** A value, for messages. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" ? kindOf(value) : String(value);
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object" && typeof value !== "function") return `a ${typeof value}`;
  const name = (value as object).constructor?.name;
  if (name === undefined || name === "Object") return "an object";
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}
