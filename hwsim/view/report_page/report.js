"use strict";
// Tables that are sorted by a click on a heading and show the rows that have all words of a filter.
(() => {
  const number = (cell) => cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
  function sorter(table, column, heading) {
    return () => {
      const body = table.tBodies[0], before = heading.getAttribute("aria-sort");
      const numeric = [...body.rows].some((row) => !Number.isNaN(number(row.cells[column])));
      const rises = before ? before === "descending" : !numeric; // numbers first fall, words first rise
      const sign = rises ? 1 : -1;
      const keyed = [...body.rows].map((row) => [row, number(row.cells[column]), row.cells[column].textContent]);
      const words = (a, b) => a[2].localeCompare(b[2], "en", { numeric: true });
      keyed.sort((a, b) => {
        if (!numeric) return sign * words(a, b);
        if (Number.isNaN(a[1]) || Number.isNaN(b[1])) return Number.isNaN(a[1]) - Number.isNaN(b[1]);
        return sign * (a[1] - b[1]);
      });
      body.append(...keyed.map(([row]) => row));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
    };
  }
  function filtered(table, input, count) {
    const rows = [...table.tBodies[0].rows].map((row) => [row, [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase()]);
    return () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [row, text] of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
    };
  }
  for (const table of document.querySelectorAll("table.data")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent || "name";
      button.onclick = sorter(table, column, heading);
      heading.replaceChildren(button);
    });
    const label = document.createElement("label"), input = document.createElement("input");
    const count = document.createElement("span"), line = document.createElement("div");
    input.type = "search";
    input.spellcheck = false;
    label.append("only rows with ", input);
    count.setAttribute("aria-live", "polite");
    line.className = "filter";
    line.append(label, count);
    table.parentElement.before(line);
    input.oninput = filtered(table, input, count);
    input.oninput();
  }
  window.report = { ready: true };
})();
