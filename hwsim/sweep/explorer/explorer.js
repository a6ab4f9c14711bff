"use strict";
// Draws the points of a sweep on two canvases that share one filter and one chosen point.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const INK = "#1d2530", PALE = "#66707d", LINE = "#d8dde3", FRONT = "#c2410c", POINT = "#2f6f9f";
  const GROUPS = ["#2f6f9f", "#c98a1b", "#4b8f4b", "#8a5aa8", "#b0476a", "#3f9a9a", "#7a6a50", "#6673c9"];
  const RELATIONS = { "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, ">": (a, b) => a > b,
    "=": (a, b) => a === b };
  const rows = data.rows, dimensions = [...data.knobs, ...data.figures];
  const columns = new Map(dimensions.map((name) => [name, column(name)]));
  const brushes = new Map(); // dimension -> [low, high] as fractions of its axis
  let terms = [], chosen = null, shown = rows, onFront = new Set();

  function column(name) {
    const values = rows.map((row) => row[name]), known = values.filter((v) => v !== null && v !== undefined);
    const numeric = known.some((v) => typeof v === "number"); // words among numbers are beside them
    if (!numeric) {
      const words = [...new Set(known.map(String))];
      const place = new Map(words.map((word, i) => [word, i]));
      return { name, numeric, words, low: -0.5, high: words.length - 0.5,
        of: (row) => row[name] === null || row[name] === undefined ? NaN : place.get(String(row[name])) };
    }
    const numbers = known.filter((v) => typeof v === "number");
    let low = Math.min(...chunked(numbers, Math.min)), high = Math.max(...chunked(numbers, Math.max));
    const only = low === high ? low : null;
    if (low === high) { low -= Math.abs(low) / 2 || 1; high += Math.abs(high) / 2 || 1; }
    const wide = low > 0 && high / low > 20;
    return { name, numeric, low, high, only, log: wide, of: (row) => typeof row[name] === "number" ? row[name] : NaN };
  }
  function chunked(values, pick) { // no more arguments at once than an engine takes
    const found = [];
    for (let i = 0; i < values.length; i += 10000) found.push(pick(...values.slice(i, i + 10000)));
    return found;
  }
  const FILTER = "write NAME < NUMBER, as area_mm2 < 4, with the names of rows, which say the unit: " +
    dimensions.join(", ");
  const label = (name) => name in data.shown ? data.shown[name][0] : name; // words of figures; knobs are their keys
  const count = (n) => n === 1 ? "1 point" : `${n} points`;
  const better = (name, a, b) => data.larger.includes(name) ? a > b : a < b;
  function fraction(c, value, log = c.log) {
    return log ? Math.log(value / c.low) / Math.log(c.high / c.low) : (value - c.low) / (c.high - c.low);
  }
  function shownValue(name, value) {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "number") return String(value);
    const [, unit, factor] = data.shown[name] || ["", "", 1];
    if (unit === "%") return (factor * value).toFixed(1) + " %";
    if (data.prefixed.includes(unit)) return si(factor * value, unit);
    return `${Number((factor * value).toPrecision(5))} ${unit}`.trim();
  }
  function si(value, unit) {
    const prefixes = [[1, ""], [1e-3, "m"], [1e-6, "u"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"],
      [1e-18, "a"]];
    const [size, prefix] = prefixes.find(([size]) => Math.abs(value) * (1 + 1e-9) >= size) || prefixes[6];
    return Number((value / size).toPrecision(4)) + " " + prefix + unit;
  }

  // ---- what is shown
  function parse(text) {
    const found = [];
    for (const part of text.split(/,| and /).map((each) => each.trim()).filter(Boolean)) {
      const match = /^([\w.-]+)\s*(<=|>=|<|>|=)\s*(.+)$/.exec(part);
      if (!match || !(match[1] in (rows[0] || {}))) throw new Error(`cannot read "${part}": ${FILTER}`);
      const number = Number(match[3]);
      found.push([match[1], RELATIONS[match[2]], Number.isNaN(number) ? match[3] : number]);
    }
    return found;
  }
  function passes(row) {
    for (const [name, holds, bound] of terms)
      if (row[name] === null || row[name] === undefined || !holds(row[name], bound)) return false;
    for (const [name, [low, high]] of brushes) {
      const c = columns.get(name), at = fraction(c, c.of(row));
      if (!(at >= low && at <= high)) return false;
    }
    return true;
  }
  const feasible = (row) => data.constraints.every((each) =>
    typeof row[each.figure] === "number" && RELATIONS[each.relation](row[each.figure], each.bound));
  function front(names) {
    const loss = (row) => names.map((name) => (data.larger.includes(name) ? -1 : 1) * columns.get(name).of(row));
    const known = shown.filter(feasible).map((row) => [row, loss(row)]).filter(([, l]) => l.every(Number.isFinite));
    known.sort(([, a], [, b]) => { for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i]; return 0; });
    const kept = [];
    for (const [row, l] of known)
      if (!kept.some(([, other]) => other.every((value, i) => value <= l[i]))) kept.push([row, l]);
    return kept.map(([row]) => row);
  }
  function refresh() {
    byId("fault").textContent = "";
    try { terms = parse(byId("filter").value); } catch (error) { terms = []; byId("fault").textContent = error.message; }
    shown = rows.filter(passes);
    const bad = rows.length && shown.filter((row) => !feasible(row)).length;
    byId("summary").textContent = `${shown.length} of ${rows.length} points` +
      (data.failed ? `, ${data.failed} more could not be built or run` : "") +
      (data.constraints.length ? `; ${bad} of those shown break ${data.constraints.map((c) => c.text).join(", ")} and are grey` : "");
    drawScatter(); drawParallel(); fillFront();
  }

  // ---- drawing
  function canvas(id) {
    const element = byId(id), ratio = window.devicePixelRatio || 1;
    const width = element.clientWidth, height = element.clientHeight;
    element.width = width * ratio; element.height = height * ratio;
    const pen = element.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "12px system-ui, 'Liberation Sans', sans-serif";
    return [pen, width, height];
  }
  function ticks(c, log) {
    if (!c.numeric) return c.words.map((word, i) => [i, word.length > 22 ? word.slice(0, 21) + "…" : word]);
    const found = [];
    if (log) {
      const decades = Math.log10(c.high / c.low), steps = decades > 3 ? [1] : decades > 1 ? [1, 3] : [1, 1.5, 2, 3, 4, 5, 6, 8];
      for (let e = Math.floor(Math.log10(c.low)); e <= Math.log10(c.high); e++)
        for (const step of steps) found.push(step * 10 ** e);
    } else {
      const raw = (c.high - c.low) / 5, size = 10 ** Math.floor(Math.log10(raw));
      const step = size * ([1, 2, 5].find((each) => each * size >= raw) || 10);
      for (let i = Math.ceil(c.low / step); i * step <= c.high; i++) found.push(i * step);
    }
    return found.filter((v) => v >= c.low && v <= c.high).map((v) => [v, shownValue(c.name, Number(v.toPrecision(12)))]);
  }
  function colours() {
    const name = byId("colour").value, c = columns.get(name);
    if (!c) return () => POINT;
    const values = c.numeric ? [...new Set(rows.map(c.of))].filter(Number.isFinite).sort((a, b) => a - b) : c.words;
    if (values.length <= GROUPS.length) {
      const place = new Map(values.map((value, i) => [value, i]));
      return (row) => GROUPS[place.get(c.numeric ? c.of(row) : String(row[name]))] || LINE;
    }
    return (row) => `hsl(${235 - 205 * fraction(c, c.of(row))} 62% 48%)`;
  }
  function fillLegend(colour) {
    const name = byId("colour").value, c = columns.get(name), legend = byId("legend");
    legend.replaceChildren();
    if (!c) return;
    const known = new Map(rows.map((row) => [row[name], row]).filter(([value]) => value !== null && value !== undefined));
    const values = [...known.keys()].sort((a, b) => typeof a === "number" && typeof b === "number" ? a - b : 0);
    const some = values.length > GROUPS.length ? [0, 1, 2, 3, 4].map((i) => values[Math.round(i * (values.length - 1) / 4)]) : values;
    make("span", `${label(name)}:`, legend);
    for (const value of some) {
      make("i", undefined, legend).style.background = colour(known.get(value));
      make("span", shownValue(name, value), legend);
    }
  }
  let placed = []; // [x, y, row] of what the scatter shows
  function drawScatter() {
    const [pen, width, height] = canvas("scatter");
    const cx = columns.get(byId("x").value), cy = columns.get(byId("y").value);
    const logs = [byId("x-log").checked && cx.low > 0 && cx.numeric, byId("y-log").checked && cy.low > 0 && cy.numeric];
    const left = 96, right = width - 14, top = 12, bottom = height - 46;
    const pad = (f) => 0.03 + 0.94 * f;
    const px = (v) => left + pad(fraction(cx, v, logs[0])) * (right - left);
    const py = (v) => bottom - pad(fraction(cy, v, logs[1])) * (bottom - top);
    pen.strokeStyle = LINE; pen.fillStyle = PALE; pen.lineWidth = 1;
    pen.textAlign = "center"; pen.textBaseline = "top";
    let last = -Infinity;
    for (const [value, text] of ticks(cx, logs[0])) {
      line(pen, [[px(value), top], [px(value), bottom]]);
      const half = pen.measureText(text).width / 2;
      if (px(value) - half > last + 8) { pen.fillText(text, px(value), bottom + 6); last = px(value) + half; }
    }
    pen.textAlign = "right"; pen.textBaseline = "middle"; last = Infinity;
    for (const [value, text] of ticks(cy, logs[1])) {
      line(pen, [[left, py(value)], [right, py(value)]]);
      if (py(value) < last - 15) { pen.fillText(text, left - 7, py(value)); last = py(value); }
    }
    pen.fillStyle = INK; pen.textAlign = "center"; pen.textBaseline = "alphabetic";
    pen.fillText(label(cx.name) + (logs[0] ? ", log" : ""), (left + right) / 2, height - 8);
    pen.save(); pen.translate(13, (top + bottom) / 2); pen.rotate(-Math.PI / 2);
    pen.fillText(label(cy.name) + (logs[1] ? ", log" : ""), 0, 0); pen.restore();
    const colour = colours(), radius = rows.length > 3000 ? 2 : 3.4;
    fillLegend(colour);
    placed = [];
    for (const row of shown) {
      const x = px(cx.of(row)), y = py(cy.of(row));
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      placed.push([x, y, row]);
      pen.globalAlpha = feasible(row) ? 0.75 : 0.9;
      dot(pen, x, y, radius, feasible(row) ? colour(row) : LINE);
    }
    pen.globalAlpha = 1;
    const best = cx === cy ? [] : front([cx.name, cy.name]);
    pen.strokeStyle = FRONT; pen.lineWidth = 1.6;
    const corner = best.map((row) => [px(cx.of(row)), py(cy.of(row))]);
    line(pen, corner.flatMap((at, i) => i ? [[at[0], corner[i - 1][1]], at] : [at]));
    for (const at of corner) ring(pen, at[0], at[1], radius + 1.6, FRONT, 1.6);
    if (chosen && shown.includes(chosen)) ring(pen, px(cx.of(chosen)), py(cy.of(chosen)), 8, INK, 2.2);
    byId("scatter-says").textContent =
      `Ringed and joined: the front of these two, ${data.larger.includes(cx.name) ? "more" : "less"} ${label(cx.name)} and ` +
      `${data.larger.includes(cy.name) ? "more" : "less"} ${label(cy.name)}; ${count(best.length)}.`;
  }
  function line(pen, points) {
    pen.beginPath();
    points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
    pen.stroke();
  }
  function dot(pen, x, y, radius, colour) {
    pen.fillStyle = colour; pen.beginPath(); pen.arc(x, y, radius, 0, 2 * Math.PI); pen.fill();
  }
  function ring(pen, x, y, radius, colour, width) {
    pen.strokeStyle = colour; pen.lineWidth = width; pen.beginPath(); pen.arc(x, y, radius, 0, 2 * Math.PI); pen.stroke();
  }
  const shownAxes = [...data.knobs.filter((name) => name !== "trace" || data.traces > 1), ...data.objectives,
    ...data.figures.filter((name) => ["energy_pj", "latency_ns", "area_mm2", "accuracy", "timesteps"].includes(name) &&
      !data.objectives.includes(name))].filter((name) => columns.has(name));
  const TOP = 46, BOTTOM = 262, BESIDE = -0.08; // where what is no number lies
  byId("parallel").style.minWidth = `${130 + 90 * (shownAxes.length - 1)}px`; // names and ends of axes need as much
  const axisX = (i, width) => 62 + i * (width - 130) / Math.max(1, shownAxes.length - 1);
  const axisY = (f) => BOTTOM - f * (BOTTOM - TOP);
  const pathOf = (row, width) => shownAxes.map((name, i) => {
    const c = columns.get(name), f = fraction(c, c.of(row));
    return [axisX(i, width), axisY(Number.isFinite(f) ? f : BESIDE)];
  });
  function drawParallel() {
    const [pen, width] = canvas("parallel"), colour = colours();
    onFront = new Set(front(data.objectives.filter((name) => columns.has(name))));
    pen.lineWidth = 1;
    const several = shown.length > 4000 ? shown.filter((_, i) => i % Math.ceil(shown.length / 4000) === 0) : shown;
    for (const row of several) {
      pen.globalAlpha = feasible(row) ? Math.max(0.06, Math.min(0.55, 60 / shown.length)) : 0.25;
      pen.strokeStyle = feasible(row) ? colour(row) : LINE;
      line(pen, pathOf(row, width));
    }
    pen.globalAlpha = 0.9; pen.strokeStyle = FRONT; pen.lineWidth = 1.3;
    for (const row of shown) if (onFront.has(row)) line(pen, pathOf(row, width));
    pen.globalAlpha = 1;
    if (chosen && shown.includes(chosen)) { pen.strokeStyle = INK; pen.lineWidth = 2.6; line(pen, pathOf(chosen, width)); }
    shownAxes.forEach((name, i) => {
      const c = columns.get(name), x = axisX(i, width);
      pen.strokeStyle = PALE; pen.lineWidth = 1; line(pen, [[x, TOP], [x, BOTTOM]]);
      pen.fillStyle = INK; pen.textAlign = "center"; pen.textBaseline = "alphabetic";
      pen.fillText(label(name).length > 20 ? "…" + label(name).slice(-19) : label(name), x, i % 2 ? 30 : 13);
      pen.fillStyle = PALE; pen.textAlign = "left"; pen.textBaseline = "middle";
      const ends = !c.numeric ? [] : c.only === null ? [c.low, c.high] : [c.only];
      const marks = c.numeric ? ends.map((end) => [end, shownValue(name, end)]) : ticks(c);
      let last = Infinity;
      for (const [value, text] of marks) {
        const y = axisY(fraction(c, value));
        if (y < last - 12) { halo(pen, text.slice(0, 14), x + 5, y); last = y; }
      }
      if (c.numeric && shown.some((row) => Number.isNaN(c.of(row)))) halo(pen, "other", x + 5, axisY(BESIDE));
      if (brushes.has(name)) {
        const [low, high] = brushes.get(name);
        pen.fillStyle = "rgba(29, 37, 48, 0.18)";
        pen.fillRect(x - 7, axisY(high), 14, axisY(low) - axisY(high));
      }
    });
  }
  function halo(pen, text, x, y) {
    pen.strokeStyle = "#fff"; pen.lineWidth = 3.5; pen.strokeText(text, x, y); pen.fillText(text, x, y);
  }

  // ---- the chosen point and the table
  function make(tag, text, parent) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }
  function choose(row) {
    chosen = row;
    const aside = byId("chosen");
    aside.replaceChildren();
    make("h2", `Point ${row.point}`, aside);
    const list = make("dl", undefined, aside);
    for (const name of [...data.knobs, ...data.figures])
      if (row[name] !== undefined) { make("dt", label(name), list); make("dd", shownValue(name, row[name]), list); }
    make("p", "To repeat it:", aside).className = "hint";
    make("pre", row.command, aside).id = "command";
    const copy = make("button", "copy", aside);
    copy.type = "button";
    copy.onclick = () => {
      const range = document.createRange();
      range.selectNodeContents(byId("command"));
      getSelection().removeAllRanges(); getSelection().addRange(range);
      const done = () => { copy.textContent = "copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(row.command).then(done, () => document.execCommand("copy") && done());
      else if (document.execCommand("copy")) done();
    };
    drawScatter(); drawParallel();
    for (const line of document.querySelectorAll("#front tr")) line.classList.toggle("chosen", line.dataset.point === String(row.point));
  }
  function fillFront() {
    const best = shown.filter((row) => onFront.has(row)), name = data.objectives[0];
    best.sort((a, b) => better(name, a[name], b[name]) ? -1 : 1);
    byId("front-title").textContent = `The front of ${data.objectives.map(label).join(", ")}: ${count(best.length)}`;
    const table = document.createElement("table"), cells = [...data.objectives, ...data.shares,
      ...data.knobs.filter((each) => columns.has(each))];
    const head = make("tr", undefined, make("thead", undefined, table));
    for (const each of ["point", ...cells]) make("th", label(each), head);
    const body = make("tbody", undefined, table);
    for (const row of best.slice(0, 200)) {
      const tr = make("tr", undefined, body);
      tr.dataset.point = row.point;
      tr.classList.toggle("chosen", row === chosen);
      make("td", row.point, tr);
      for (const each of cells) make("td", shownValue(each, row[each]), tr);
      tr.onclick = () => choose(row);
    }
    byId("front").replaceChildren(table);
  }

  // ---- what the user does
  const at = (event) => { const box = event.target.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  function nearest(event) {
    const [x, y] = at(event);
    let found = null, least = 12 ** 2;
    for (const [px, py, row] of placed) {
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) { least = distance; found = row; }
    }
    return found;
  }
  byId("scatter").onclick = (event) => { const row = nearest(event); if (row) choose(row); };
  byId("scatter").onmousemove = (event) => {
    const row = nearest(event), hover = byId("hover");
    hover.hidden = !row;
    if (!row) return;
    const names = [byId("x").value, byId("y").value];
    hover.textContent = `${row.settings}\n` + names.map((name) => `${label(name)} ${shownValue(name, row[name])}`).join("\n");
    hover.style.left = Math.min(event.pageX + 14, document.documentElement.clientWidth - 350) + "px";
    hover.style.top = event.pageY + 14 + "px";
  };
  byId("scatter").onmouseleave = () => { byId("hover").hidden = true; };
  let drag = null;
  byId("parallel").onmousedown = (event) => {
    const [x, y] = at(event), width = byId("parallel").clientWidth;
    const i = shownAxes.findIndex((_, i) => Math.abs(axisX(i, width) - x) < 14);
    drag = { name: i < 0 ? null : shownAxes[i], x, y, moved: false };
  };
  window.addEventListener("mousemove", (event) => {
    if (!drag || !drag.name) return;
    const y = event.clientY - byId("parallel").getBoundingClientRect().top;
    if (Math.abs(y - drag.y) < 4 && !drag.moved) return;
    drag.moved = true;
    const ends = [drag.y, y].map((each) => (BOTTOM - each) / (BOTTOM - TOP)).sort((a, b) => a - b);
    brushes.set(drag.name, ends);
    refresh();
  });
  window.addEventListener("mouseup", () => {
    if (drag && !drag.moved) {
      if (drag.name) { brushes.delete(drag.name); refresh(); } else pickLine(drag.x, drag.y);
    }
    drag = null;
  });
  function pickLine(x, y) {
    const width = byId("parallel").clientWidth;
    let found = null, least = 8;
    for (const row of shown) {
      const path = pathOf(row, width), i = path.findIndex(([px]) => px > x);
      if (i < 1) continue;
      const [[x0, y0], [x1, y1]] = [path[i - 1], path[i]];
      const distance = Math.abs(y0 + (y1 - y0) * (x - x0) / (x1 - x0) - y);
      if (distance < least || (distance === least && onFront.has(row))) { least = distance; found = row; }
    }
    if (found) choose(found);
  }
  function fill(id, names, value) {
    for (const name of names) make("option", label(name), byId(id)).value = name;
    byId(id).value = names.includes(value) ? value : names[0];
  }
  const numeric = [...data.figures, ...data.knobs].filter((name) => columns.has(name));
  fill("x", numeric, data.objectives[1] || "area_mm2");
  fill("y", numeric, data.objectives[0]);
  make("option", "none", byId("colour")).value = "";
  fill("colour", dimensions, "");
  byId("colour").value = data.knobs.find((name) => columns.get(name).numeric ?
    new Set(rows.map((row) => row[name])).size > 1 : columns.get(name).words.length > 1) || "";
  function suggestLogs() {
    for (const id of ["x", "y"]) byId(`${id}-log`).checked = Boolean(columns.get(byId(id).value).log);
  }
  byId("title").textContent = data.title;
  byId("filter").title = FILTER;
  for (const id of ["x", "y"]) byId(id).onchange = () => { suggestLogs(); refresh(); };
  for (const id of ["x-log", "y-log", "colour"]) byId(id).onchange = refresh;
  byId("filter").oninput = refresh;
  byId("clear").onclick = () => { brushes.clear(); byId("filter").value = ""; refresh(); };
  window.addEventListener("resize", refresh);
  suggestLogs();
  refresh();
  window.sweep = { shown: () => shown.length, placed: () => placed.map(([x, y, row]) => [x, y, row.point]),
    axes: () => shownAxes.map((name, i) => [name, axisX(i, byId("parallel").clientWidth), TOP, BOTTOM]) };
})();
