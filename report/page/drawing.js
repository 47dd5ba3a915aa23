/*
 * What the charts of a report have in common: colors, texts and axes. `reportDrawing` is for the scripts behind this one.
 */

globalThis.reportDrawing = (() => {
  "use strict";

  /* Steps between the marks of a time axis, in seconds: what clocks have, and not 100 seconds or 10 hours. */
  const MINUTE = 60;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;
  const TIME_STEPS = [
    ...[0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
    ...[1, 2, 5, 10, 15, 30],
    ...[1, 2, 5, 10, 15, 30].map((step) => step * MINUTE),
    ...[1, 2, 3, 6, 12].map((step) => step * HOUR),
    ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * DAY),
  ];

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /* A lighter color, which still hides what is behind it. */
  function lighter(name, part) {
    return `color-mix(in srgb, ${color(name)} ${100 * part}%, ${color("back")})`;
  }

  /* Amounts are compared by their heights, so that all axes begin at 0. */
  function fromZero(_u, _min, max) {
    return [0, max > 0 ? 1.08 * max : 1];
  }

  function fontPixels() {
    return parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  /* `90s` as `1m 30s`, beside longer times. The step between two marks says how exact it has to be. */
  function timeText(seconds, step = seconds / 1000, longest = seconds) {
    if (seconds === 0) return "0";
    if (seconds < 1) return `${Number((1000 * seconds).toPrecision(3))}ms`;
    if (longest < 2 * MINUTE) return `${Number(seconds.toFixed(step < 1 ? 2 : 0))}s`;
    const parts = [];
    let rest = Math.round(seconds);
    for (const [unit, length] of [["d", DAY], ["h", HOUR], ["m", MINUTE], ["s", 1]]) {
      const count = Math.floor(rest / length);
      rest -= count * length;
      if (count > 0) parts.push(`${count}${unit}`);
    }
    return parts.slice(0, 2).join(" ");
  }

  const COUNT = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
  const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

  function amountText(value) {
    if (value === null || value === undefined) return "";
    return Math.abs(value) >= 1000 ? WHOLE.format(value) : COUNT.format(value);
  }

  const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

  function axis(extra) {
    const size = fontPixels();
    return {
      stroke: color("quiet"),
      font: `${0.8 * size}px system-ui, sans-serif`,
      grid: { stroke: color("grid"), width: 1 },
      ticks: { stroke: color("grid"), width: 1 },
      ...extra,
    };
  }

  function timeAxis(extra) {
    const size = fontPixels();
    return axis({
      ...extra,
      size: 2.4 * size,
      space: 5.5 * size,
      incrs: TIME_STEPS,
      values: (_, splits, _axis, _space, step) =>
        splits.map((split) => timeText(Number(split.toFixed(4)), step, splits.at(-1))),
    });
  }

  function amountAxis() {
    const size = fontPixels();
    return axis({
      size: 3.6 * size,
      values: (_, splits) => splits.map((split) => split === null ? "" : SHORT.format(split)),
    });
  }

  return { amountAxis, amountText, axis, color, fontPixels, fromZero, lighter, timeAxis, timeText };
})();
