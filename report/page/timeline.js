/*
 * Draws the timeline of slots: each job if they are few, and otherwise how busy each slot was. uPlot has the axes, the
 * zoom and the pointer.
 */

globalThis.reportTimeline = (data) => {
  "use strict";

  const { axis, color, fontPixels, timeAxis, timeText } = globalThis.reportDrawing;
  /* A failure among other jobs is seen, however short it was. */
  const FAILED_PART_MIN = 0.35;
  let cells;

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
      const failedPart = failedBytes?.[cell]
        ? Math.max(FAILED_PART_MIN, failedBytes[cell] / 255)
        : 0;
      const busyPart = Math.max(busyBytes[cell] / 255, failedPart) - failedPart;
      for (let channel = 0; channel < 3; channel++) {
        picture.data[4 * cell + channel] = failedPart * failedColor[channel] +
          busyPart * busyColor[channel] + (1 - failedPart - busyPart) * idleColor[channel];
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

  function timelineChart() {
    const { rows, marks } = data.timeline;
    const size = fontPixels();
    const hint = document.getElementById("timeline-hint");
    const longest = Math.max(...marks.map(([, label]) => label.length));
    return {
      height: Math.min(34, Math.max(9, 5 + rows)) * size,
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
      series: [{ label: "at" }, { label: "slots", stroke: "transparent", points: { show: false } }],
      values: [data.time.x, data.time.x.map(() => null)],
      hooks: {
        drawClear: [drawTimeline],
        setCursor: [(u) => {
          hint.textContent = timelineText(u) || hint.dataset.empty;
        }],
      },
    };
  }

  return timelineChart();
};
