/**
 * fast-check, as all tests use it: a list with a `maxLength` is drawn up to that length. By default fast-check draws
 * lists of 10 at most, whatever their `maxLength` is.
 */

import { configureGlobal } from "fast-check";

export { default } from "fast-check";

configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });
