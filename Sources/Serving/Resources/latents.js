import { json } from "./api.js";
import { refill } from "./parts.js";

const $ = (id) => document.getElementById(id);
const shown = ["smiling", "male", "young"];
let attributes = null, filling = null;

// The latent database: a question of the address, its faces, and how an attribute is spread.
export async function showLatents(place, go, edit) {
  $("filter").value = place.filter;
  $("order").value = place.order;
  $("ask").onsubmit = (event) => { event.preventDefault(); go({ filter: $("filter").value, order: $("order").value, near: "" }); };
  leaveLatents();
  say("Looking …");
  try {
    attributes ??= (await json("/api/attributes")).attributes;
    const fields = new URLSearchParams({ filter: place.filter, order: place.order, limit: 48 });
    if (place.near) fields.set("near", place.near);
    if (attributes.length) fields.set("show", shown.filter((name) => attributes.includes(name)).join(",") || attributes[0]);
    const { columns, rows } = await json(`/api/query?${fields}`, undefined, "query");
    const at = columns.findIndex((c) => c === "latent" || c === "id");
    const found = `${rows.length} ${rows.length === 1 ? "face" : "faces"}${place.near ? `, nearest to latent ${place.near} first` : ""}`;
    say(rows.length ? found : "No face fits; widen the filter.");
    refill($("grid"), rows.map((row) => cell(row, columns, at, go, edit)));
    fill([...document.querySelectorAll("#grid img")]);
    const asked = new Set(`${place.filter} ${place.order}`.match(/[a-z0-9_]+/gi));
    const named = columns.filter((c) => attributes.includes(c) && asked.has(c));
    if (!$("spread").options.length) {
      $("spread").replaceChildren(...attributes.map((name) => new Option(name.replaceAll("_", " "), name)));
      $("fields").replaceChildren(...attributes.map((name) => new Option(name)));
    }
    if (named.length) $("spread").value = named[0];
    $("spread").onchange = () => histograms([$("spread").value]);
    await histograms(named.length ? named.slice(0, 4) : [$("spread").value]);
  } catch (error) {
    if (error.name === "AbortError") return;
    say(error.message, true);
    for (const id of ["grid", "histogram"]) $(id).replaceChildren();
  }
}

// Faces that nobody looks at any more are not asked for.
export function leaveLatents() { filling?.abort(); }

// Two faces at a time: a browser has six connections to a server, and other questions need some.
async function fill(images) {
  const { signal } = filling = new AbortController();
  const next = async () => {
    for (let image = images.shift(); image; image = images.shift()) {
      const answer = await fetch(image.dataset.from, { signal });
      if (!answer.ok) continue;
      image.onload = () => URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(await answer.blob());
    }
  };
  await Promise.all([next(), next()]).catch(() => {});
}

function say(text, isError = false) {
  $("answer").textContent = text;
  $("answer").classList.toggle("error", isError);
}

function cell(row, columns, at, go, edit) {
  const box = document.createElement("div");
  const button = box.appendChild(document.createElement("button"));
  const image = button.appendChild(document.createElement("img"));
  image.dataset.from = `/api/thumbnail?latent=${row[at]}`;
  image.alt = "";
  for (const [name, value] of columns.map((c, k) => [c, row[k]]).filter(([, value]) => value !== "" && Number.isFinite(Number(value))).slice(0, 6)) {
    const line = button.appendChild(document.createElement("span"));
    // `near_17` is the cosine with latent 17.
    line.textContent = `${name.startsWith("near_") ? "cosine" : name.replaceAll("_", " ")} ${name === columns[at] ? value : Number(value).toFixed(2)}`;
  }
  button.onclick = () => edit(Number(row[at]));
  const near = box.appendChild(document.createElement("button"));
  near.className = "near";
  near.textContent = "nearest faces";
  near.setAttribute("aria-label", `Nearest faces to latent ${row[at]}`);
  near.onclick = () => go({ filter: "", order: "", near: String(row[at]) });
  return box;
}

async function histograms(names) {
  const figures = [];
  for (const name of names.filter(Boolean)) {
    const { bars } = await json(`/api/histogram?attribute=${encodeURIComponent(name)}`, undefined, "histogram");
    const [most, all] = [Math.max(...bars, 1), bars.reduce((a, b) => a + b, 0)];
    const figure = document.createElement("figure");
    const heights = bars.map((n) => 58 * Math.sqrt(n / most));
    figure.innerHTML = `<svg viewBox="0 0 200 60" width="260" height="78" role="img">${heights.map((h, k) => `<rect x="${k * 10}" y="${60 - h}" width="8" height="${h}"/>`).join("")}</svg>`;
    const above = bars.slice(10).reduce((a, b) => a + b, 0);
    const told = `${all.toLocaleString("en")} scored faces, ${above.toLocaleString("en")} above one half`;
    figure.firstChild.setAttribute("aria-label", `${name.replaceAll("_", " ")}: ${told}`);
    figure.appendChild(document.createElement("figcaption")).textContent =
      `${name.replaceAll("_", " ")}, 0 to 1: ${told}. Heights are square roots of counts.`;
    figures.push(figure);
  }
  $("histogram").replaceChildren(...figures);
}
