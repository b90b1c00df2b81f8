// Parts of the page that more than one view is made of.

const inner = (box) => [...box.querySelectorAll("button, input")];

// New children for a box; who stood in it with the keyboard stands at the same place again.
export function refill(box, children) {
  const at = inner(box).indexOf(document.activeElement);
  box.replaceChildren(...children);
  if (at >= 0) inner(box).at(Math.min(at, inner(box).length - 1))?.focus({ preventScroll: true });
}

export function hint(text) {
  const one = document.createElement("p");
  one.className = "hint";
  one.textContent = text;
  return one;
}

// A named bar from one share of its track to another, on a base.
export function bar(name, text, from, to, base = 0) {
  const row = document.createElement("div");
  row.className = "score";
  const [label, track, number] = ["span", "div", "span"].map((tag) => row.appendChild(document.createElement(tag)));
  label.textContent = name;
  track.className = "track";
  track.appendChild(document.createElement("i")).style.width = `${base * 100}%`;
  const moved = track.appendChild(document.createElement("b"));
  moved.className = to < from ? "down" : "";
  moved.style.left = `${Math.min(from, to) * 100}%`;
  moved.style.width = `${Math.abs(to - from) * 100}%`;
  number.textContent = text;
  return row;
}

export function thumb(url, text, act) {
  const button = document.createElement("button");
  const image = button.appendChild(document.createElement("img"));
  image.src = url;
  image.alt = "";
  button.append(text);
  button.onclick = act;
  return button;
}
