// People's own photographs: opened, their faces offered, searched for more closely, coloured.

import { call, json } from "./api.js";

const $ = (id) => document.getElementById(id);
const searchSeconds = 30;
let hooks, polling = 0, variant = 1;

// Sends a file and shows what came of it.
export async function open(file) {
  if (!file) return;
  hooks.tell(`Looking for faces in ${file.name || "the picture"} …`);
  const answer = await call("/api/photographs", file, "upload", "application/octet-stream");
  take(await answer.json());
}

function take(photograph) {
  hooks.tell("");
  hooks.choose(photograph.id, 1);
}

// What belongs to the photograph of the state, or nothing.
export async function render(state) {
  const isPhoto = state.kind === "photo";
  $("photo").hidden = !isPhoto;
  clearTimeout(polling);
  if (!isPhoto) return;
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
    $("colour").textContent = photograph.isGrey ? "Colour it" : "Colour it anew";
  }
  for (const button of $("faces").children) button.setAttribute("aria-pressed", Number(button.dataset.face) === state.face);
  await standing(state);
}

// How near the code comes; again and again while a search is running.
async function standing(state) {
  const found = await json(`/api/photographs/${state.photo}/inversion?face=${state.face}`);
  const isSearching = found.searching !== undefined;
  const told = `${found.method === "encoder" ? "Found at once by the encoder" : "Found by a search"}: LPIPS ${found.lpips.toFixed(2)}.`;
  $("near").textContent = isSearching ? `Looking closer, ${Math.round(found.searching)} s …` : told;
  $("search").disabled = isSearching;
  $("searching").hidden = !isSearching;
  $("searching").value = found.searching ?? 0;
  if (isSearching) {
    polling = setTimeout(async () => {
      try { if (!(await standing(state))) hooks.refresh(); } catch (error) { hooks.failed(error); }
    }, 1000);
  }
  return isSearching;
}

export function start(given) {
  hooks = given;
  const opened = (file) => open(file).catch(hooks.failed);
  $("open").onclick = () => $("file").click();
  $("file").onchange = () => { opened($("file").files[0]); $("file").value = ""; };
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); opened(event.dataTransfer.files[0]); });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) { event.preventDefault(); opened(file); }
  });
  $("search").onclick = async () => {
    const state = hooks.state();
    try {
      await json(`/api/photographs/${state.photo}/search`, { face: state.face, seconds: searchSeconds });
      await standing(state);
    } catch (error) { hooks.failed(error); }
  };
  $("colour").onclick = () => colour({}).catch(hooks.failed);
  // The likeliest colours are the first; the seven others follow one another.
  $("variant").onclick = () => { variant = variant % 8 + 1; colour({ variant }).catch(hooks.failed); };
  $("reference").onclick = () => $("reference-file").click();
  $("reference-file").onchange = async () => {
    const file = $("reference-file").files[0];
    $("reference-file").value = "";
    if (!file) return;
    try {
      const answer = await call("/api/photographs", file, "upload", "application/octet-stream");
      await colour({ reference: (await answer.json()).id });
    } catch (error) { hooks.failed(error); }
  };
}

async function colour(more) {
  const palette = $("palette").value.split(/[\s,]+/).filter(Boolean);
  hooks.tell("Colouring …");
  take(await json(`/api/photographs/${hooks.state().photo}/colorize`, { ...(palette.length && !more.reference ? { palette } : {}), ...more }));
}
