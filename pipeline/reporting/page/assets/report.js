// Sortable tables: a button in every column header, first up, then down, then the order they were written in.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const written = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  const value = (row, column) => row.cells[column].dataset.value;
  const compare = (one, other) => {
    const numbers = [Number(one), Number(other)];
    return numbers.some(Number.isNaN) ? one.localeCompare(other, undefined, { numeric: true }) : numbers[0] - numbers[1];
  };
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "" }[header.getAttribute("aria-sort")] ?? "ascending";
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) header.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      // Rows without a value stay last, whichever way.
      const order = !next ? written : [...written].sort((a, b) => {
        const [one, other] = [value(a, column), value(b, column)];
        return one && other ? sign * compare(one, other) : Boolean(other) - Boolean(one);
      });
      body.append(...order);
    });
  });
}
