import { download, json, picture } from "./api.js";
import { leaveLatents, showLatents } from "./latents.js";
import { showDirection } from "./direction.js";
import * as Photograph from "./photograph.js";
import { bar, hint, refill, thumb } from "./parts.js";
import * as State from "./state.js";
import { during, failed, forget } from "./status.js";

const $ = (id) => document.getElementById(id);
let state = State.parse(location.hash.slice(1));
let place = State.place(location.hash.slice(1));
let past = [], future = [];
let sizes = [256], directions = [], lastMoved = null, resting = 0, isBusy = false, isWanted = false;
const favourites = JSON.parse(localStorage.getItem("favourites") ?? "[]");

const plain = (name) => name.replaceAll("_", " ");

// Pixels of a small picture.
const small = () => sizes.filter((s) => s >= 128).at(-1) ?? sizes[0];

function show(id, url) {
  const old = $(id).src;
  $(id).src = url;
  if (old.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(old), 1000);
}

// One preview at a time; the newest state follows as soon as it is there, and the full image once all rests.
async function preview() {
  clearTimeout(resting);
  resting = setTimeout(full, 250);
  if (isBusy) { isWanted = true; return; }
  isBusy = true;
  const began = performance.now();
  try {
    // A whole photograph has no small preview: the face stands in for it until all rests.
    if (!state.isWhole) {
      const text = Photograph.isNew(state) ? "Finding the face's code" : "Working";
      const url = await during(text, picture(State.body(state, { size: sizes.includes(256) ? 256 : sizes[0] })));
      // The full picture of what is wanted may have been faster.
      if (document.documentElement.dataset.full === State.text(state)) URL.revokeObjectURL(url);
      else { show("after", url); document.documentElement.dataset.full = ""; }
    }
    document.documentElement.dataset.preview = Math.round(performance.now() - began);
    forget();
  } catch (error) { failed(error); }
  isBusy = false;
  if (isWanted) { isWanted = false; preview(); }
}

async function full() {
  const now = State.text(state);
  try {
    const url = await during("Working", picture(State.body(state, { size: sizes[0], isWhole: state.isWhole || undefined }), "full"));
    if (now !== State.text(state)) return URL.revokeObjectURL(url);
    show("after", url);
    document.documentElement.dataset.full = now;
    if (!$("before").hidden) await before();
    await Promise.all([scores(), strip(), steps()]);
  } catch (error) { failed(error); }
}

// The face before the edit, which no slider changes.
async function before() {
  const plain = { ...state, strengths: {} };
  const text = State.text(plain);
  if ($("before").dataset.state === text) return;
  const url = await during("Working", picture(State.body(plain, { size: sizes[0], isWhole: state.isWhole || undefined }), "before"));
  show("before", url);
  $("before").dataset.state = text;
}

async function scores() {
  const { scores: found, similarity } = await json("/api/scores", State.body(state), "scores");
  found.sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before));
  const rows = found.slice(0, 10).map(({ attribute, before, after }) =>
    bar(plain(attribute), `${Math.round(before * 100)} → ${Math.round(after * 100)} %`, before, after, Math.min(before, after)));
  // How much the face is still the same person's: the cosine of both faces' embeddings.
  if (similarity !== undefined) {
    const row = bar("face similarity", similarity.toFixed(3), 0, Math.max(0, similarity));
    row.classList.add("likeness");
    rows.unshift(row);
  } else rows.push(hint("Face similarity is shown once `directions import identity` has fetched its network."));
  $("scores").replaceChildren(...rows);
}

async function strip() {
  const moved = lastMoved ?? Object.keys(state.strengths).at(-1);
  if (!moved) return $("strengths").replaceChildren();
  $("strengths").setAttribute("aria-label", `Strengths of ${plain(moved)}`);
  const reach = state.unit === "sigma" ? 1 : 2;
  const strengths = [-2, -1, 0, 1, 2].map((s) => s * reach);
  const cells = [];
  for (const strength of strengths) {
    const url = await picture(State.body({ ...state, strengths: { ...state.strengths, [moved]: strength } }, { size: small() }), "strip");
    cells.push(thumb(url, `${strength > 0 ? "+" : ""}${strength}`, () => set(moved, strength)));
  }
  refill($("strengths"), cells);
}

// A change: the state before it can be had back.
function change(edit) {
  past.push(JSON.stringify(state));
  future = [];
  edit();
  render();
}

function render() {
  history.replaceState(null, "", `#${State.address(state, place)}`);
  document.documentElement.dataset.wanted = State.text(state);
  $("favourite").setAttribute("aria-pressed", favourites.includes(State.text(state)));
  const isPhoto = state.kind === "photo";
  $("kind").value = state.kind;
  $("kind").lastElementChild.disabled = !isPhoto;
  $("number").value = isPhoto ? "" : state.number;
  $("number").disabled = isPhoto;
  $("truncation").hidden = isPhoto;
  $("whole-label").hidden = !isPhoto;
  $("whole").checked = state.isWhole;
  $("save-w").disabled = isPhoto;
  $("frame").classList.toggle("whole", isPhoto && state.isWhole);
  for (const button of document.querySelectorAll(".lock")) button.setAttribute("aria-pressed", state.locked.includes(button.dataset.lock));
  Photograph.render(state).catch(failed);
  $("psi").value = state.psi;
  $("psi-value").value = state.psi.toFixed(2);
  $("layers").value = state.layers;
  $("unit").value = state.unit;
  for (const { name } of directions) {
    const strength = state.strengths[name] ?? 0;
    for (const input of document.querySelectorAll(`[data-name="${CSS.escape(name)}"]`)) if (Number(input.value) !== strength) input.value = strength;
  }
  $("undo").disabled = !past.length;
  $("redo").disabled = !future.length;
  preview();
}

let moving = null, clicked = 0, pastOfClick = 0;
function set(name, strength, isMoving = false) {
  const isSame = isMoving && moving === name;
  moving = isMoving ? name : null;
  lastMoved = name;
  // A double click has set the middle already.
  if (!isSame && (state.strengths[name] ?? 0) !== strength) { past.push(JSON.stringify(state)); future = []; }
  state.strengths = { ...state.strengths, [name]: strength };
  render();
}

function sliders() {
  const reach = (d) => state.unit === "sigma" ? 4 : Math.max(1, Math.round(4 * d.sigma));
  if (!directions.length) return $("sliders").replaceChildren(hint("There are none yet; the command `directions fit` makes some."));
  refill($("sliders"), directions.map((direction) => {
    const row = document.createElement("div");
    row.className = "slider";
    const lock = row.appendChild(document.createElement("button"));
    lock.className = "lock";
    lock.dataset.lock = direction.name;
    lock.title = "Hold this attribute while others are moved";
    lock.setAttribute("aria-label", `Hold ${plain(direction.name)}`);
    lock.setAttribute("aria-pressed", state.locked.includes(direction.name));
    lock.onclick = () => change(() => {
      state.locked = state.locked.includes(direction.name) ? state.locked.filter((one) => one !== direction.name) : [...state.locked, direction.name];
    });
    const name = row.appendChild(document.createElement("button"));
    name.textContent = plain(direction.name);
    name.title = "About this direction";
    name.onclick = () => go({ view: "direction", about: direction.name });
    const range = row.appendChild(document.createElement("input"));
    Object.assign(range, { type: "range", min: -reach(direction), max: reach(direction), step: state.unit === "sigma" ? 0.05 : 0.1 });
    const number = row.appendChild(document.createElement("input"));
    Object.assign(number, { type: "number", step: 0.1 });
    for (const input of [range, number]) {
      input.dataset.name = direction.name;
      input.value = state.strengths[direction.name] ?? 0;
      input.setAttribute("aria-label", `${plain(direction.name)}${input === number ? ", number" : ""}`);
    }
    range.oninput = () => set(direction.name, Number(range.value), true);
    range.onchange = () => { moving = null; };
    range.onpointerdown = (event) => {
      if (event.timeStamp - clicked > 600) pastOfClick = past.length;
      clicked = event.timeStamp;
    };
    // What the two clicks have set on the way is no step of its own.
    range.ondblclick = () => {
      if (past.length > pastOfClick) { state = JSON.parse(past[pastOfClick]); past.length = pastOfClick; }
      set(direction.name, 0);
    };
    number.onchange = () => set(direction.name, Math.max(-1000, Math.min(1000, Number(number.value) || 0)));
    return row;
  }));
}

function keep() {
  const text = State.text(state);
  const at = favourites.indexOf(text);
  if (at < 0) favourites.unshift(text); else favourites.splice(at, 1);
  favourites.splice(24);
  $("favourite").setAttribute("aria-pressed", at < 0);
  localStorage.setItem("favourites", JSON.stringify(favourites));
  showFavourites().catch(failed);
}

const recall = (text) => () => change(() => { state = State.parse(text); sliders(); });

// Small pictures of the last steps; each brings its state back.
let seen = [];
async function steps() {
  const now = State.text(state);
  if (!seen.some((one) => one.text === now)) {
    seen.push({ text: now, url: await picture(State.body(state, { size: small() }), "steps") });
    while (seen.length > 12) URL.revokeObjectURL(seen.shift().url);
  }
  refill($("history"), seen.map(({ text, url }, index) => thumb(url, `step ${index + 1}`, recall(text))));
}

const keptPictures = new Map();
async function showFavourites() {
  const cells = [];
  for (const text of favourites) {
    const kept = State.parse(text);
    try {
      if (!keptPictures.has(text)) keptPictures.set(text, await picture(State.body(kept, { size: small() })));
      cells.push(thumb(keptPictures.get(text), kept.kind === "photo" ? "photograph" : `${kept.kind} ${kept.number}`, recall(text)));
    } catch { /* a latent or direction that is gone */ }
  }
  refill($("favourites"), cells);
}

// The split of a comparison, as the place says it.
function compare() {
  const isOn = place.split !== null;
  const isNew = isOn && $("before").hidden;
  for (const id of ["before", "divider", "split"]) $(id).hidden = !isOn;
  $("compare").setAttribute("aria-pressed", isOn);
  if (!isOn) return;
  $("split").value = place.split;
  $("before").style.clipPath = `inset(0 ${100 - place.split}% 0 0)`;
  $("divider").style.left = `${place.split}%`;
  if (isNew) before().catch(failed);
}

function split(at) {
  place.split = at;
  history.replaceState(null, "", `#${State.address(state, place)}`);
  compare();
}

function step(from, to) {
  if (!from.length) return;
  to.push(JSON.stringify(state));
  state = JSON.parse(from.pop());
  moving = null;
  sliders();
  render();
}

function bind() {
  $("kind").onchange = () => change(() => { state.kind = $("kind").value; });
  $("number").onchange = () => change(() => { state.number = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(Number($("number").value) || 0))); });
  $("dice").onclick = () => change(() => { state.kind = "seed"; state.number = Math.floor(Math.random() * 1e6); });
  $("psi").oninput = () => {
    if (moving !== "psi") past.push(JSON.stringify(state));
    moving = "psi";
    future = [];
    state.psi = Number($("psi").value);
    render();
  };
  $("psi").onchange = () => { moving = null; };
  $("layers").onchange = () => { if ($("layers").reportValidity()) change(() => { state.layers = $("layers").value; }); };
  $("unit").onchange = () => change(() => {
    for (const { name, sigma } of directions) {
      const strength = (state.strengths[name] ?? 0) * ($("unit").value === "raw" ? sigma : 1 / sigma);
      if (strength) state.strengths[name] = Number(strength.toFixed(4));
    }
    state.unit = $("unit").value;
    sliders();
  });
  $("compare").onclick = () => split(place.split === null ? 50 : null);
  $("split").oninput = () => split(Number($("split").value));
  $("undo").onclick = () => step(past, future);
  $("redo").onclick = () => step(future, past);
  $("reset").onclick = () => change(() => { state.strengths = {}; });
  $("favourite").onclick = keep;
  const save = (id, text, path, more, name) => {
    $(id).onclick = () => during(text, download(path, State.body(state, more()), name())).catch(failed);
  };
  save("save-image", "Making the picture", "/api/synth", () => ({ size: sizes[0], format: "png", isWhole: state.kind === "photo" || undefined }),
    () => state.kind === "photo" ? "photograph.png" : "face.png");
  save("save-film", "Making the animation", "/api/animation", () => ({ size: sizes.includes(512) ? 512 : sizes[0] }), () => "face.webp");
  save("save-w", "Making the code", "/api/codes", () => ({ space: "w" }), () => "code-w.npy");
  save("save-code", "Making the code", "/api/codes", () => ({ space: "w+" }), () => "code-wplus.npy");
  $("whole").onchange = () => change(() => { state.isWhole = $("whole").checked; });
  $("save-mix").onclick = () => $("mix").showModal();
  $("mix-form").onsubmit = (event) => {
    const name = $("mix-name").value;
    if (event.submitter?.value === "store") download("/api/mix", State.body(state, { name }), "mix.safetensors").then(load).catch(failed);
  };
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input:not([type=range])")) return;
    if (event.key === "z") { event.preventDefault(); event.shiftKey ? step(future, past) : step(past, future); }
    if (event.key === "y") { event.preventDefault(); step(future, past); }
  });
  addEventListener("hashchange", () => {
    state = State.parse(location.hash.slice(1));
    place = State.place(location.hash.slice(1));
    moving = null;
    turn();
    sliders();
    render();
  });
  const views = { editor: {}, latents: {}, direction: { about: "" } };
  for (const [view, more] of Object.entries(views)) $(`show-${view}`).onclick = (event) => { event.preventDefault(); go({ view, ...more }); };
  Photograph.start({
    state: () => state, refresh: () => render(),
    choose: (photo, face) => { go({ view: "editor" }); change(() => { Object.assign(state, { kind: "photo", photo, face }); }); },
  });
}

// Another place, to which the browser's Back leads back from the next one.
function go(more) {
  place = { ...place, ...more };
  const address = `#${State.address(state, place)}`;
  if (address !== location.hash) history.pushState(null, "", address);
  turn();
}

function turn() {
  for (const view of ["editor", "latents", "direction"]) {
    $(view).hidden = view !== place.view;
    if (view === place.view) $(`show-${view}`).setAttribute("aria-current", "page");
    else $(`show-${view}`).removeAttribute("aria-current");
  }
  document.title = `${$(`show-${place.view}`).textContent} – directions`;
  // Where the keyboard stood may be out of sight now.
  if (!document.activeElement.checkVisibility()) $(`show-${place.view}`).focus();
  compare();
  if (place.view !== "latents") leaveLatents();
  if (place.view === "latents") {
    showLatents(place, go, (latent) => { go({ view: "editor" }); change(() => { state.kind = "latent"; state.number = latent; }); });
  }
  if (place.view === "direction") {
    const face = state.kind === "photo" ? { seed: 0 } : { [state.kind]: state.number, psi: state.psi };
    showDirection(place, directions, face, small(), go).catch((error) => {
      if (error.name !== "AbortError") $("direction-status").textContent = error.message;
    });
  }
}

async function load() {
  const loaded = (await json("/api/generators")).generators.find((g) => g.isLoaded);
  if (loaded) sizes = loaded.sizes;
  directions = (await json("/api/directions")).directions;
  sliders();
}

bind();
load().then(() => {
  turn();
  render();
  return showFavourites();
}).catch(failed);
