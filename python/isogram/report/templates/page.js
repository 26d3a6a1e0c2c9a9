"use strict";
// What the page shows without scripts, it shows with them too: they sort, name the cell under the
// pointer, and save numbers.
document.documentElement.classList.add("script");
const holder = document.getElementById("data");
const data = holder ? JSON.parse(holder.textContent) : {};

// Sorting: a click or Enter on the name of a column; once more turns the order around.
function sortBy(table, column, ascending) {
  const key = row => {
    const cell = row.cells[column];
    return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
  };
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    const last = Number.isNaN(x) - Number.isNaN(y);
    if (last) return last;
    const numbers = typeof x === "number" && typeof y === "number";
    const sign = numbers ? x - y : String(x).localeCompare(String(y), undefined, {numeric: true});
    return ascending ? sign : -sign;
  };
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
}
for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      const first = table.tBodies[0].rows[0];
      const isNumber = first && first.cells[head.cellIndex].dataset.key !== undefined;
      const before = head.getAttribute("aria-sort");
      // Numbers begin with the largest, names with a.
      sortBy(table, head.cellIndex, before ? before === "descending" : !isNumber);
    });
    head.append(button);
  }
}

// The value under the pointer, a finger or the arrow keys.
const tip = document.createElement("div");
tip.id = "tip";
tip.setAttribute("role", "status");
tip.hidden = true;
document.body.append(tip);
function show(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const {width, height} = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${y + 18 + height > innerHeight ? y - height - 10 : y + 18}px`;
}
function number(value) {
  return value === null ? "not defined" : String(Number(value.toPrecision(7)));
}

for (const table of document.querySelectorAll("table.heat")) {
  const values = data.heat[table.dataset.heat];
  let at = null;
  const of = cell => {
    const [i, j] = [cell.parentNode.rowIndex - 1, cell.cellIndex - 1];
    return `${data.rows[i]}\n${data.columns[j]}\n${number(values[i][j])}`;
  };
  const go = (cell, x, y) => {
    if (at) at.classList.remove("at");
    (at = cell).classList.add("at");
    show(of(cell), x, y);
  };
  const leave = () => {
    if (at) at.classList.remove("at");
    at = null;
    tip.hidden = true;
  };
  const under = event => {
    const cell = event.target.closest("td");
    if (cell) go(cell, event.clientX, event.clientY);
  };
  table.addEventListener("mouseover", under);
  table.addEventListener("click", under);
  table.addEventListener("mouseleave", leave);
  const frame = table.parentNode;
  frame.addEventListener("blur", leave);
  frame.addEventListener("keydown", event => {
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    if (event.key === "Escape") leave();
    if (!step) return;
    event.preventDefault();
    const [i, j] = at ? [at.parentNode.rowIndex + step[0], at.cellIndex + step[1]] : [1, 1];
    const cell = table.rows[i] && table.rows[i].cells[j];
    if (!cell || cell.tagName !== "TD") return;
    cell.scrollIntoView({block: "nearest", inline: "nearest"});
    const box = cell.getBoundingClientRect();
    go(cell, box.right, box.bottom);
  });

  const save = document.createElement("button");
  save.className = "save";
  save.textContent = "Save as CSV";
  save.addEventListener("click", () => {
    const quoted = text => `"${String(text).replaceAll('"', '""')}"`;
    const lines = [["", ...data.columns].map(quoted).join(",")];
    values.forEach((row, i) => lines.push([quoted(data.rows[i]), ...row.map(v => v ?? "nan")].join(",")));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], {type: "text/csv"}));
    link.download = `${table.dataset.name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  });
  frame.after(save);
}

for (const picture of document.querySelectorAll(".rsm image")) {
  const values = data.rsms[picture.parentNode.dataset.rsm]; // on and below the diagonal
  const under = event => {
    const box = picture.getBoundingClientRect();
    const place = share => Math.max(0, Math.min(values.length - 1, Math.floor(share * values.length)));
    const i = place((event.clientY - box.top) / box.height);
    const j = place((event.clientX - box.left) / box.width);
    const value = number(values[Math.max(i, j)][Math.min(i, j)]);
    show(`${data.samples[i]}\n${data.samples[j]}\n${value}`, event.clientX, event.clientY);
  };
  picture.addEventListener("mousemove", under);
  picture.addEventListener("click", under);
  picture.addEventListener("mouseleave", () => { tip.hidden = true; });
}
