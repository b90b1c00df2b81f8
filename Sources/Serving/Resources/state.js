// What the page shows, kept in the address so that a reload or a sent link shows the same.

export const fresh = () => ({ kind: "seed", number: 1, psi: 1, layers: "", unit: "sigma", strengths: {} });

export function parse(text) {
  const state = fresh();
  const fields = new URLSearchParams(text);
  if (fields.get("kind") === "latent") state.kind = "latent";
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
  return state;
}

export function text(state) {
  const fields = new URLSearchParams({ kind: state.kind, number: state.number });
  if (state.psi !== 1) fields.set("psi", state.psi);
  if (state.layers) fields.set("layers", state.layers);
  if (state.unit !== "sigma") fields.set("unit", state.unit);
  const edits = Object.entries(state.strengths).filter(([, s]) => s).map(([n, s]) => `${n}*${s}`).join(",");
  if (edits) fields.set("edits", edits);
  return fields.toString();
}

export function body(state, more = {}) {
  const edits = Object.entries(state.strengths).filter(([, s]) => s)
    .map(([direction, strength]) => ({ direction, strength, unit: state.unit }));
  return { [state.kind]: state.number, psi: state.psi, layers: state.layers || undefined, edits, ...more };
}
