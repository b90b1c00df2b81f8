// People's own photographs: opened, their faces offered, searched for more closely, coloured.

import { call, json } from "./api.js";
import { during, failed, tell } from "./status.js";

const $ = (id) => document.getElementById(id);
const searchSeconds = 30;
const mostBytes = 48 * 2 ** 20;
let hooks, asked = "", polling = 0, variant = 1;

// Sends a file; the photograph that the server holds then.
async function send(file) {
  const name = file.name || "the picture";
  const size = Math.ceil(file.size / 2 ** 20);
  if (file.size > mostBytes) throw new Error(`${name} has ${size} MiB; a photograph may have 48. Make it smaller.`);
  tell(`Looking for faces in ${name} …`);
  const answer = await during(`Looking for faces in ${name}`, call("/api/photographs", file, "upload", "application/octet-stream"));
  tell("");
  return answer.json();
}

// Sends a file and shows what came of it.
export async function open(file) {
  if (file) take(await send(file));
}

function take(photograph) { hooks.choose(photograph.id, 1); }

const key = (state) => `${state.photo} ${state.face}`;

// Whether it is a face of a photograph whose code is not known yet.
export const isNew = (state) => state.kind === "photo" && $("photo").dataset.coded !== key(state);

// What belongs to the photograph of the state, or nothing.
export async function render(state) {
  const isPhoto = state.kind === "photo";
  $("photo").hidden = !isPhoto;
  // What is told of this face stays, and so does the watch on its search.
  const wanted = isPhoto ? key(state) : "";
  if (asked === wanted) return;
  asked = wanted;
  clearTimeout(polling);
  if (!isPhoto) return;
  try { await tellAbout(state); } catch (error) { asked = ""; throw error; }
}

async function tellAbout(state) {
  if ($("photo").dataset.id !== state.photo) {
    const photograph = await json(`/api/photographs/${state.photo}`);
    $("photo").dataset.id = state.photo;
    $("faces").hidden = photograph.faces < 2;
    $("faces").replaceChildren(...Array.from({ length: photograph.faces }, (_, index) => {
      const button = document.createElement("button");
      const image = button.appendChild(document.createElement("img"));
      image.src = `/api/photographs/${photograph.id}/face?face=${index + 1}`;
      image.alt = "";
      button.append(`face ${index + 1}`);
      button.dataset.face = index + 1;
      button.onclick = () => hooks.choose(photograph.id, index + 1);
      return button;
    }));
    $("colour").textContent = photograph.isGrey ? "Colorize" : "Colorize anew";
  }
  for (const button of $("faces").children) button.setAttribute("aria-pressed", Number(button.dataset.face) === state.face);
  await standing(state);
}

// How near the code comes; again and again while a search is running.
async function standing(state) {
  const found = await json(`/api/photographs/${state.photo}/inversion?face=${state.face}`);
  const isSearching = found.searching !== undefined;
  if (asked !== key(state)) return true;
  $("photo").dataset.coded = key(state);
  const told = isSearching ? "Refining the code …" : `The ${found.method === "encoder" ? "encoder's" : "refined"} code: LPIPS ${found.lpips.toFixed(2)}.`;
  if ($("near").textContent !== told) $("near").textContent = told;
  $("search").disabled = isSearching;
  $("searching").hidden = !isSearching;
  $("searching").value = found.searching ?? 0;
  if (isSearching) {
    polling = setTimeout(async () => {
      try { if (!(await standing(state))) hooks.refresh(); } catch (error) { failed(error); }
    }, 1000);
  }
  return isSearching;
}

export function start(given) {
  hooks = given;
  const opened = (file) => open(file).catch(failed);
  $("open").onclick = () => $("file").click();
  $("file").onchange = () => { opened($("file").files[0]); $("file").value = ""; };
  const drop = (isOver) => document.body.classList.toggle("dropping", isOver);
  addEventListener("dragover", (event) => { event.preventDefault(); drop(event.dataTransfer.types.includes("Files")); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop(false); });
  addEventListener("drop", (event) => { event.preventDefault(); drop(false); opened(event.dataTransfer.files[0]); });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) { event.preventDefault(); opened(file); }
  });
  $("search").onclick = async () => {
    const state = hooks.state();
    try {
      await json(`/api/photographs/${state.photo}/search`, { face: state.face, seconds: searchSeconds });
      await standing(state);
    } catch (error) { failed(error); }
  };
  $("colour").onclick = () => colour({}).catch(failed);
  // The likeliest colours are the first; the seven others follow one another.
  $("variant").onclick = () => { variant = variant % 8 + 1; colour({ variant }).catch(failed); };
  $("reference").onclick = () => $("reference-file").click();
  $("reference-file").onchange = async () => {
    const file = $("reference-file").files[0];
    $("reference-file").value = "";
    if (!file) return;
    try { await colour({ reference: (await send(file)).id }); } catch (error) { failed(error); }
  };
}

async function colour(more) {
  const palette = $("palette").value.split(/[\s,]+/).filter(Boolean);
  const body = { ...(palette.length && !more.reference ? { palette } : {}), ...more };
  take(await during("Colorizing", json(`/api/photographs/${hooks.state().photo}/colorize`, body)));
}
