import { json } from "./api.js";

const $ = (id) => document.getElementById(id);

function table(rows) {
  const table = document.createElement("table");
  for (const [name, ...values] of rows) {
    const row = table.insertRow();
    row.appendChild(document.createElement("th")).textContent = String(name).replaceAll("_", " ");
    for (const value of values) row.insertCell().textContent = value;
  }
  return table;
}

// What a direction does, by its metrics, and where it comes from.
export async function showDirection(name) {
  const found = await json(`/api/directions/${encodeURIComponent(name)}`);
  $("direction-name").textContent = `${found.name} v${found.version}`;
  const parts = [];
  const metrics = found.metrics;
  const figure = (interval) => interval ? interval.value.toFixed(3) : "–";
  if (metrics) {
    parts.push(table([["strength (sigma)", "target", "off-target", "success", "similarity"],
      ...metrics.levels.map((l) => [l.strength, figure(l.target), figure(l.offTargetChange), figure(l.successRate), figure(l.faceSimilarity)])]));
    parts.push(table(Object.entries(metrics.attributeChanges).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 12).map(([n, v]) => [n, v.toFixed(2)])));
  }
  // Long fractions are rounded, as nobody reads all their digits.
  const short = (text) => /^-?\d+\.\d{5,}(e-?\d+)?$/.test(text) ? Number(text).toPrecision(4) : text;
  parts.push(table(Object.entries(found.texts).sort().map(([n, text]) => [n, short(text)])));
  $("direction-body").replaceChildren(...parts);
  $("direction").showModal();
}
