import { json, picture } from "./api.js";
import { bar, hint } from "./parts.js";
import { plot } from "./plot.js";

const $ = (id) => document.getElementById(id);
const strengths = [-3, -1.5, 0, 1.5, 3];
let turn = 0;

// What a direction does, by pictures and metrics, its versions side by side, and where it comes from.
export async function showDirection(place, directions, face, size, go) {
  const mine = ++turn;
  const about = place.about || directions[0]?.name;
  $("direction-body").replaceChildren();
  if (!about) { say("There are no directions yet; the command `directions fit` makes some."); return; }
  say("");
  const found = await json(`/api/directions/${encodeURIComponent(about)}`, undefined, "direction");
  const options = (id, values, chosen) => $(id).replaceChildren(...values.map(([text, value]) => new Option(text, value, false, value === chosen)));
  options("direction-name", directions.map(({ name }) => [plain(name), name]), found.name);
  options("direction-version", found.versions.map(({ version }) => [version ? `v${version}` : "v0, of the program", String(version)]), String(found.version));
  $("direction-name").onchange = () => go({ about: $("direction-name").value });
  $("direction-version").onchange = () => go({ about: `${found.name}@v${$("direction-version").value}` });
  const rows = pictures(found, face);
  $("direction-body").replaceChildren(
    section("What it does", grid(rows)), ...measured(found.metrics), section("Versions side by side", versions(found)),
    section("Where it comes from", table(Object.entries(found.texts).sort().map(([n, text]) => [plain(n), short(text)]))));
  document.documentElement.dataset.about = `${found.name}@v${found.version}`;
  for (const { cells } of rows) for (const { image, body } of cells) {
    if (mine !== turn || $("direction").hidden) return;
    image.src = await picture({ ...body, size });
  }
}

const plain = (name) => name.replaceAll("_", " ");
// Long fractions are rounded, as nobody reads all their digits.
const short = (text) => /^-?\d+\.\d{5,}(e-?\d+)?$/.test(text) ? Number(text).toPrecision(4) : text;
const figure = (interval, digits = 2) => interval ? `${interval.value.toFixed(digits)} (${interval.low.toFixed(digits)} … ${interval.high.toFixed(digits)})` : "–";

function say(text) { $("direction-status").textContent = text; }

function section(title, ...parts) {
  const one = document.createElement("section");
  one.appendChild(document.createElement("h2")).textContent = title;
  one.append(...parts);
  return one;
}

// Each version on the face of the editor, and the one that is shown on two faces more.
function pictures(found, face) {
  const others = [{ seed: 1 }, { seed: 2 }].filter(({ seed }) => seed !== face.seed);
  const all = [...found.versions.slice(-4).map(({ version }) => [face, version]), ...others.map((one) => [one, found.version])];
  return all.map(([source, version]) => {
    const title = `${source.seed === undefined ? `latent ${source.latent}` : `seed ${source.seed}`}, v${version}`;
    const cells = strengths.map((strength) => {
      const image = document.createElement("img");
      image.alt = `${title}, ${strength} sigma`;
      return { image, body: { ...source, edits: [{ direction: `${found.name}@v${version}`, strength }] } };
    });
    return { title, cells };
  });
}

function grid(rows) {
  const table = document.createElement("table");
  table.className = "faces";
  const head = table.createTHead().insertRow();
  for (const text of ["", ...strengths.map((s) => `${s > 0 ? "+" : ""}${s} sigma`)]) head.appendChild(document.createElement("th")).textContent = text;
  for (const { title, cells } of rows) {
    const row = table.insertRow();
    row.appendChild(document.createElement("th")).textContent = title;
    for (const { image } of cells) row.insertCell().append(image);
  }
  return table;
}

function table(rows, head) {
  const table = document.createElement("table");
  if (head) for (const text of head) (table.tHead?.rows[0] ?? table.createTHead().insertRow()).appendChild(document.createElement("th")).textContent = text;
  for (const [name, ...values] of rows) {
    const row = table.insertRow();
    row.appendChild(document.createElement("th")).textContent = name;
    for (const value of values) row.insertCell().textContent = value;
  }
  const box = document.createElement("div");
  box.className = "wide-table";
  box.append(table);
  return box;
}

function measured(metrics) {
  if (!metrics) {
    return [section("Response", hint("Not measured yet; the command `directions evaluate` does it."))];
  }
  const curve = (key) => metrics.levels.filter((l) => l[key]).map((l) => ({ x: l.strength, ...l[key] }));
  const plots = document.createElement("div");
  plots.className = "plots";
  plots.append(...[
    plot("Response: change of the own logit", curve("target"), 0), plot("Off-target change", curve("offTargetChange"), 0),
    plot("Success rate", curve("successRate"), 0), plot("Face similarity", curve("faceSimilarity"), 1),
  ].filter(Boolean));
  const levels = table(
    metrics.levels.map((l) => [l.strength.toFixed(1), figure(l.target), figure(l.offTargetChange), figure(l.successRate), figure(l.faceSimilarity, 3)]),
    ["sigma", "own logit", "off-target change", "success rate", "face similarity"]);
  const at = metrics.halfStrength ? `At ${metrics.halfStrength.toFixed(2)} sigma, where half of the faces flip` : "At the largest strength";
  const told = hint(`${metrics.faces} fresh faces, judged by ${plain(metrics.attribute)}; brackets and bands are 95 % intervals.`);
  return [section("Response", told, plots, levels), section("What else moves with it", ...entanglement(metrics, at))];
}

// The entanglement row: how far each attribute's logit goes along.
function entanglement(metrics, at) {
  const most = Math.max(...Object.values(metrics.attributeChanges).map(Math.abs), 1e-6);
  const bars = document.createElement("div");
  bars.className = "entangled";
  bars.append(...Object.entries(metrics.attributeChanges).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).map(([name, value]) =>
    bar(plain(name), `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`, 0.5, 0.5 + value / most / 2)));
  return [hint(`${at}: mean change of each attribute's logit.`), bars];
}

function versions(found) {
  const all = found.versions;
  const rows = [
    [`cosine with v${found.version}`, ...all.map((v) => v.cosine === undefined ? "–" : v.cosine.toFixed(3))],
    ["sigma at which half flip", ...all.map((v) => v.metrics?.halfStrength?.toFixed(2) ?? "–")],
    ["off-target change there", ...all.map((v) => figure(v.metrics?.offTargetChangeAtHalf))],
    ["mean shift there", ...all.map((v) => figure(v.metrics?.meanShiftAtHalf))],
    ["face similarity there", ...all.map((v) => figure(v.metrics?.faceSimilarityAtHalf, 3))],
  ];
  const keys = [...new Set(all.flatMap((v) => Object.keys(v.texts)))].sort()
    .filter((key) => key !== "version" && all.some((v) => v.texts[key] !== all[0].texts[key]));
  for (const key of keys) rows.push([plain(key), ...all.map((v) => short(v.texts[key] ?? "–"))]);
  return table(rows, ["", ...all.map((v) => `v${v.version}`)]);
}
