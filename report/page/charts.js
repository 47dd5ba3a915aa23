/*
 * Draws the charts of a report with uPlot, from the numbers in the page. The tables beside them have the same numbers.
 * It runs in a browser, without a network: everything that it needs is in the page.
 */

(() => {
  "use strict";

  const data = JSON.parse(document.getElementById("data").textContent);
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const charts = [];

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

  /* `90s` as `1m 30s`. The step between two marks says how exact it has to be. */
  function timeText(seconds, step = seconds / 1000) {
    if (seconds === 0) return "0";
    if (seconds < 1) return `${Number((1000 * seconds).toPrecision(3))}ms`;
    if (seconds < 2 * MINUTE) return `${Number(seconds.toFixed(step < 1 ? 2 : 0))}s`;
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
        splits.map((split) => timeText(Number(split.toFixed(4)), step)),
    });
  }

  function amountAxis() {
    const size = fontPixels();
    return axis({
      size: 3.6 * size,
      values: (_, splits) => splits.map((split) => split === null ? "" : SHORT.format(split)),
    });
  }

  /* A line where each run but the first begins. */
  function drawRuns(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = color("spare");
    ctx.fillStyle = color("quiet");
    ctx.font = u.axes[0].font[0];
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const [number, seconds] of data.runs) {
      const { min, max } = u.scales.x;
      if (number === 1 || seconds < min || seconds > max) continue;
      const x = Math.round(u.valToPos(seconds, "x", true));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.fillText(` run ${number}`, x, bbox.top);
    }
    ctx.restore();
  }

  function inTime(options) {
    return {
      scales: { x: { time: false }, y: { range: fromZero } },
      cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
      axes: [timeAxis(), amountAxis()],
      hooks: { draw: [drawRuns] },
      ...options,
    };
  }

  function time() {
    return { label: "at", value: (_, value) => value === null ? "" : timeText(value) };
  }

  function steps(label, name, isFilled) {
    return {
      label,
      stroke: color(name),
      width: 1.5,
      points: { show: false },
      paths: uPlot.paths.stepped({ align: 1 }),
      value: (_, value) => amountText(value),
      ...isFilled && { fill: lighter(name, 0.25) },
    };
  }

  function slotsChart() {
    const { x, busy, cpu, slots } = data.time;
    const series = [time(), steps("slots", "spare", false), steps("busy", "done", true)];
    const values = [x, slots, busy];
    if (cpu) {
      series.push(steps("computing", "cpu", false));
      values.push(cpu);
    }
    return inTime({ series, values });
  }

  function rateChart() {
    const { x, done, failed } = data.rate;
    return inTime({
      series: [time(), steps("jobs/s", "done", true), steps("failed/s", "failed", true)],
      values: [x, done, failed],
    });
  }

  function waitingChart() {
    return inTime({
      series: [time(), steps("jobs waiting", "spare", true)],
      values: [data.time.x, data.time.waiting],
    });
  }

  /* Bars of equal ratio beside each other. `edges` has one more than there are bars. */
  function histogram({ edges, done, failed }) {
    const at = edges.slice(0, -1).map((_, index) => index);
    const bars = uPlot.paths.bars({ size: [0.9, Infinity], align: 1 });
    const all = failed ? done.map((count, index) => count + failed[index]) : done;
    const bar = (label, name, count) => ({
      label,
      stroke: color(name),
      fill: lighter(name, 0.65),
      width: 1,
      points: { show: false },
      paths: bars,
      value: (_u, _value, _series, index) => index === null ? "" : amountText(count(index)),
    });
    const size = fontPixels();
    const from = (index) => edges[index] === undefined ? "" : edges[index];
    return {
      scales: { x: { time: false, range: [-0.2, edges.length - 0.8] }, y: { range: fromZero } },
      cursor: { drag: { x: false, y: false } },
      axes: [
        axis({
          size: 2.4 * size,
          space: 6 * size,
          incrs: [1, 2, 4, 8, 16, 32, 64],
          values: (_, splits) => splits.map(from),
        }),
        amountAxis(),
      ],
      series: [
        { label: "from", value: (_u, _value, _series, index) => from(index) },
        ...failed ? [bar("failed", "failed", (index) => failed[index])] : [],
        bar("jobs", "done", (index) => done[index]),
      ],
      values: failed ? [at, all, done] : [at, done],
    };
  }

  function bytesOf(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  /* The color of `name` as numbers, whatever CSS calls it. */
  function channels(name) {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.fillStyle = color(name);
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  }

  /* How busy each slot was, as a picture of one pixel for each slot and bin. */
  function cellPicture({ rows, bins, busy, failed }) {
    const canvas = new OffscreenCanvas(bins, rows);
    const context = canvas.getContext("2d");
    const picture = context.createImageData(bins, rows);
    const [busyBytes, failedBytes] = [bytesOf(busy), failed ? bytesOf(failed) : undefined];
    const [idleColor, busyColor, failedColor] = ["track", "done", "failed"].map(channels);
    for (let cell = 0; cell < rows * bins; cell++) {
      const part = busyBytes[cell] / 255;
      const top = failedBytes && failedBytes[cell] > 0 ? failedColor : busyColor;
      for (let channel = 0; channel < 3; channel++) {
        picture.data[4 * cell + channel] = idleColor[channel] +
          part * (top[channel] - idleColor[channel]);
      }
      picture.data[4 * cell + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
    return canvas;
  }

  function drawTimeline(u) {
    const { ctx, bbox } = u;
    const { rows, bins, widthSeconds, spans } = data.timeline;
    const [left, top] = [u.valToPos(0, "x", true), u.valToPos(rows, "y", true)];
    const bottom = u.valToPos(0, "y", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (spans) drawSpans(u, spans, (bottom - top) / rows);
    else {
      const right = u.valToPos(bins * widthSeconds, "x", true);
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(cellPicture(data.timeline), left, top, right - left, bottom - top);
    }
    ctx.restore();
  }

  function drawSpans(u, spans, rowPixels) {
    const { ctx, bbox } = u;
    ctx.fillStyle = color("track");
    ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
    const gap = rowPixels > 6 ? Math.max(1, rowPixels * 0.12) : 0;
    const [doneColor, failedColor, edge] = [color("done"), color("failed"), color("back")];
    spans.forEach(([row, from, length, isFailed]) => {
      const left = u.valToPos(from, "x", true);
      const width = Math.max(1, u.valToPos(from + length, "x", true) - left);
      const top = u.valToPos(data.timeline.rows - row, "y", true) + gap / 2;
      ctx.fillStyle = isFailed ? failedColor : doneColor;
      ctx.fillRect(left, top, width, rowPixels - gap);
      if (width < 4) return;
      ctx.fillStyle = edge; // two jobs one after the other are two
      ctx.fillRect(left + width - 1, top, 1, rowPixels - gap);
    });
  }

  /* What is below the pointer. */
  function timelineText(u) {
    const { rows, labels, spans, names, bins, busy } = data.timeline;
    const { left, top } = u.cursor;
    if (left === null || left < 0 || top < 0) return "";
    const seconds = u.posToVal(left, "x");
    const row = rows - 1 - Math.floor(u.posToVal(top, "y"));
    if (row < 0 || row >= rows || seconds < 0) return "";
    const where = `${labels[row]}, at ${timeText(seconds)}`;
    if (!spans) {
      cells ??= bytesOf(busy);
      const bin = Math.floor(seconds / data.timeline.widthSeconds);
      return bin < bins ? `${where}: ${Math.round(cells[row * bins + bin] / 2.55)}% busy` : where;
    }
    const index = spans.findIndex(([at, from, length]) =>
      at === row && from <= seconds && seconds <= from + length
    );
    if (index < 0) return `${where}: idle`;
    const [, , length, isFailed] = spans[index];
    return `${where}: ${names[index]}, ${timeText(length)}${isFailed ? ", failed" : ""}`;
  }

  let cells;

  function timelineChart() {
    const { rows, marks } = data.timeline;
    const size = fontPixels();
    const hint = document.getElementById("timeline-hint");
    const longest = Math.max(...marks.map(([, label]) => label.length));
    return inTime({
      height: Math.min(34, Math.max(9, 6 + 0.75 * rows)) * size,
      scales: { x: { time: false }, y: { range: [0, rows] } },
      axes: [
        timeAxis({ grid: { show: false } }),
        axis({
          size: (1 + 0.5 * longest) * size,
          grid: { show: false },
          splits: () => marks.map(([row]) => rows - row - 0.5),
          filter: (_, splits) => splits,
          values: () => marks.map(([, label]) => label),
        }),
      ],
      legend: { show: false },
      cursor: { sync: { key: "time" }, drag: { x: true, y: false }, points: { show: false } },
      series: [time(), { label: "slots", stroke: "transparent", points: { show: false } }],
      values: [data.time.x, data.time.x.map(() => null)],
      hooks: {
        drawClear: [drawTimeline],
        draw: [drawRuns],
        setCursor: [(u) => {
          hint.textContent = timelineText(u) || hint.dataset.empty;
        }],
      },
    });
  }

  const KINDS = {
    slots: slotsChart,
    rate: rateChart,
    waiting: waitingChart,
    timeline: timelineChart,
    runtimes: () => histogram(data.runTimes),
    memory: () => histogram(data.memory),
  };

  function drawAll(widthPixels) {
    for (const chart of charts.splice(0)) chart.destroy();
    for (const place of document.querySelectorAll(".chart")) {
      const { values, ...options } = KINDS[place.dataset.chart]();
      const width = widthPixels ?? place.clientWidth;
      charts.push(new uPlot({ height: 15 * fontPixels(), ...options, width }, values, place));
    }
  }

  let drawnWidth = document.documentElement.clientWidth;
  drawAll();

  addEventListener("resize", () => {
    const width = document.documentElement.clientWidth;
    if (width !== drawnWidth) requestAnimationFrame(() => drawAll()); // on phones, bars that come and go resize it, too
    drawnWidth = width;
  });
  isDark.addEventListener("change", () => drawAll());

  /* Paper is white, and narrower than most windows. */
  const PAPER_PIXELS = 660;
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("paper");
    drawAll(PAPER_PIXELS);
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("paper");
    drawAll();
  });
})();
