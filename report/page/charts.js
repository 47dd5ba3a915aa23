/*
 * Draws the charts of a report with uPlot, from the numbers in the page. The tables beside them have the same numbers.
 * It runs in a browser, without a network: everything that it needs is in the page.
 */

(() => {
  "use strict";

  const { amountAxis, amountText, axis, color, fontPixels, fromZero, lighter, timeAxis, timeText } =
    globalThis.reportDrawing;
  const data = JSON.parse(document.getElementById("data").textContent);
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const charts = [];

  /* A line where each run but the first begins. Its name is above the plot, where it hides nothing. */
  function drawRuns(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = color("spare");
    ctx.font = u.axes[0].font[0];
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    let free = 0; // a name that would be on top of another one is left out
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const [number, seconds] of data.runs) {
      const { min, max } = u.scales.x;
      if (number === 1 || seconds < min || seconds > max) continue;
      const x = Math.round(u.valToPos(seconds, "x", true));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const text = `run ${number}`;
      const { width } = ctx.measureText(text);
      const left = Math.min(x, ctx.canvas.width - width);
      if (left < free) continue;
      free = left + width + fontPixels() * devicePixelRatio;
      ctx.fillStyle = color("quiet");
      ctx.fillText(text, left, bbox.top - 2 * devicePixelRatio);
    }
    ctx.restore();
  }

  /* Charts over time show the same part of it, and have one pointer. */
  function inTime({ hooks, ...options }) {
    return {
      scales: { x: { time: false }, y: { range: fromZero } },
      cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
      axes: [timeAxis(), amountAxis()],
      ...data.runs.length > 1 && { padding: [1.3 * fontPixels(), null, null, null] },
      hooks: { ...hooks, draw: [drawRuns] },
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
      series: [time(), steps("jobs/s", "done", true), steps("failed/s", "failed", false)],
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

  const KINDS = {
    slots: slotsChart,
    rate: rateChart,
    waiting: waitingChart,
    timeline: () => inTime(globalThis.reportTimeline(data)),
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
