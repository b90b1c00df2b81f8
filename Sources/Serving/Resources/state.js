// What the page shows, kept in the address so that a reload or a sent link shows the same.

export const fresh = () => ({ kind: "seed", number: 1, photo: "", face: 1, isWhole: false, psi: 1, layers: "", unit: "sigma", strengths: {}, locked: [] });

export function parse(text) {
  const state = fresh();
  const fields = new URLSearchParams(text);
  if (fields.get("kind") === "latent") state.kind = "latent";
  if (/^[0-9a-f]{16}$/.test(fields.get("photo") ?? "")) {
    state.kind = "photo";
    state.photo = fields.get("photo");
    const face = Number(fields.get("face") ?? 1);
    if (Number.isSafeInteger(face) && face > 0) state.face = face;
    state.isWhole = fields.get("whole") === "1";
  }
  const number = Number(fields.get("number") ?? 1);
  if (Number.isSafeInteger(number) && number >= 0) state.number = number;
  const psi = Number(fields.get("psi") ?? 1);
  if (psi >= 0 && psi <= 1) state.psi = psi;
  if (/^\d+(-\d*)?$/.test(fields.get("layers") ?? "")) state.layers = fields.get("layers");
  if (fields.get("unit") === "raw") state.unit = "raw";
  for (const item of (fields.get("edits") ?? "").split(",")) {
    const [name, strength] = item.split("*");
    if (/^[a-z0-9_.-]+$/.test(name) && Number.isFinite(Number(strength)) && Number(strength)) state.strengths[name] = Number(strength);
  }
  state.locked = (fields.get("locked") ?? "").split(",").filter((name) => /^[a-z0-9_.-]+$/.test(name));
  return state;
}

export function text(state) {
  const fields = new URLSearchParams(state.kind === "photo" ? { photo: state.photo, face: state.face } : { kind: state.kind, number: state.number });
  if (state.kind === "photo" && state.isWhole) fields.set("whole", 1);
  if (state.locked.length) fields.set("locked", state.locked.join(","));
  if (state.psi !== 1) fields.set("psi", state.psi);
  if (state.layers) fields.set("layers", state.layers);
  if (state.unit !== "sigma") fields.set("unit", state.unit);
  const edits = Object.entries(state.strengths).filter(([, s]) => s).map(([n, s]) => `${n}*${s}`).join(",");
  if (edits) fields.set("edits", edits);
  return fields.toString();
}

// Where on the page one is: the view, the direction or the question that it shows, and the split of a comparison.
export function place(text) {
  const fields = new URLSearchParams(text);
  const get = (name) => fields.get(name) ?? "";
  const view = ["latents", "direction"].includes(get("view")) ? get("view") : "editor";
  const split = /^\d+$/.test(get("split")) ? Math.min(100, Number(get("split"))) : null;
  return { view, about: get("about"), filter: get("filter"), order: get("order"), near: /^\d+$/.test(get("near")) ? get("near") : "", split };
}

// The address of a state and a place; only what the view needs of the place.
export function address(state, place) {
  const fields = new URLSearchParams(text(state));
  const needed = { editor: ["split"], latents: ["view", "filter", "order", "near"], direction: ["view", "about"] }[place.view];
  for (const name of needed) if (place[name] !== null && place[name] !== "") fields.set(name, place[name]);
  return fields.toString();
}

export function body(state, more = {}) {
  const edits = Object.entries(state.strengths).filter(([, s]) => s)
    .map(([direction, strength]) => ({ direction, strength, unit: state.unit }));
  const face = state.kind === "photo" ? { photograph: state.photo, face: state.face } : { [state.kind]: state.number, psi: state.psi };
  // What is moved itself is not held.
  const locked = state.locked.filter((name) => !state.strengths[name]);
  return { ...face, layers: state.layers || undefined, edits, locked: locked.length ? locked : undefined, ...more };
}
