"use strict";
// Hover and download. All text goes through textContent: names in the data are hostile.
(() => {
  const data = (id) => JSON.parse(document.getElementById(id).textContent);

  const button = document.getElementById("download");
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = document.getElementById("report").textContent;
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = "meshctl-report.json";
    link.click();
    URL.revokeObjectURL(url);
  });

  const plot = document.querySelector(".canvas > svg");
  if (!plot) return;
  const { left, right, width, bounds, series } = data("series");
  const cursor = plot.querySelector(".cursor");
  const readout = document.getElementById("readout");
  if (bounds.length < 2) return;
  const begin = bounds[0];
  const end = bounds[bounds.length - 1];

  const cell = (row, text) => {
    const td = document.createElement("td");
    td.textContent = text;
    row.append(td);
  };

  const show = (column, x) => {
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.classList.remove("hidden");
    const table = document.createElement("table");
    const head = document.createElement("strong");
    head.textContent = `${bounds[column]} s to ${bounds[column + 1]} s`;
    for (const one of series) {
      const value = one.values[column];
      const row = document.createElement("tr");
      cell(row, one.name);
      cell(row, value === null ? "–" : `${value} ${one.unit}`);
      table.append(row);
    }
    readout.replaceChildren(head, table);
    readout.hidden = false;
    const share = x / width;
    readout.style.left = share < 0.5 ? `${share * 100 + 2}%` : "auto";
    readout.style.right = share < 0.5 ? "auto" : `${(1 - share) * 100 + 2}%`;
  };

  const hide = () => {
    cursor.classList.add("hidden");
    readout.hidden = true;
  };

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    if (x < left || x > width - right) return hide();
    const t = begin + ((x - left) / (width - left - right)) * (end - begin);
    let column = 0;
    while (column < bounds.length - 2 && bounds[column + 1] <= t) column += 1;
    show(column, x);
  });
  plot.addEventListener("pointerleave", hide);
})();
