import { json } from "./api.js";

const $ = (id) => document.getElementById(id);

// The latent database: a filter, its faces, and how an attribute is spread.
export function startBrowser(edit) {
  const ask = async (near) => {
    const fields = new URLSearchParams({ filter: $("filter").value, order: $("order").value, limit: 48 });
    if (near !== undefined) fields.set("near", near);
    try {
      const { columns, rows } = await json(`/api/query?${fields}`, undefined, "query");
      const at = columns.findIndex((c) => c === "latent" || c === "id");
      $("answer").textContent = rows.length ? `${rows.length} faces` : "No face fits; widen the filter.";
      $("answer").classList.remove("error");
      $("grid").replaceChildren(...rows.map((row) => cell(row, columns, at, edit, ask)));
      histograms(columns);
    } catch (error) {
      if (error.name === "AbortError") return;
      $("answer").textContent = error.message;
      $("answer").classList.add("error");
    }
  };
  $("ask").onsubmit = (event) => { event.preventDefault(); ask(); };
}

function cell(row, columns, at, edit, ask) {
  const box = document.createElement("div");
  const button = box.appendChild(document.createElement("button"));
  const image = button.appendChild(document.createElement("img"));
  image.loading = "lazy";
  image.src = `/api/thumbnail?latent=${row[at]}`;
  image.alt = `Latent ${row[at]}`;
  button.append(columns.map((c, k) => k === at ? `${c} ${row[k]}` : `${c} ${Number(row[k]).toFixed(2)}`).slice(0, 3).join(", "));
  button.onclick = () => edit(Number(row[at]));
  const near = box.appendChild(document.createElement("button"));
  near.className = "near";
  near.textContent = "nearest faces";
  near.setAttribute("aria-label", `Faces nearest to latent ${row[at]}`);
  near.onclick = () => ask(row[at]);
  return box;
}

async function histograms(columns) {
  const figures = [];
  for (const name of columns.filter((c) => !["latent", "id", "set", "seed", "index", "psi", "norm", "distance"].includes(c)).slice(0, 4)) {
    const bars = (await json(`/api/histogram?attribute=${name}`).catch(() => null))?.bars;
    if (!bars) continue;
    const most = Math.max(...bars, 1);
    const figure = document.createElement("figure");
    figure.innerHTML = `<svg viewBox="0 0 200 60" width="200" height="60" aria-hidden="true">${bars.map((n, k) => `<rect x="${k * 10}" y="${60 - 58 * Math.sqrt(n / most)}" width="8" height="${58 * Math.sqrt(n / most)}"/>`).join("")}</svg>`;
    const caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = `${name}, 0 to 1; heights are square roots of counts`;
    figures.push(figure);
  }
  $("histogram").replaceChildren(...figures);
}
