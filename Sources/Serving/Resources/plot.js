// A curve with its band, as a figure; nothing where there are no points.
export function plot(title, points, start) {
  if (!points.length) return null;
  const from = points.every((p) => p.x > 0) ? [{ x: 0, value: start, low: start, high: start }] : [];
  const all = [...from, ...points].sort((a, b) => a.x - b.x);
  const [left, right, top, bottom] = [36, 252, 8, 118];
  const range = (values) => { const [low, high] = [Math.min(...values), Math.max(...values)]; return high > low ? [low, high] : [low - 0.5, high + 0.5]; };
  const [x0, x1] = range(all.map((p) => p.x));
  const [y0, y1] = range([0, ...all.flatMap((p) => [p.low, p.high])]);
  const x = (value) => left + (right - left) * (value - x0) / (x1 - x0);
  const y = (value) => bottom - (bottom - top) * (value - y0) / (y1 - y0);
  const line = (list) => list.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ");
  const band = line([...all.map((p) => [p.x, p.high]), ...all.map((p) => [p.x, p.low]).reverse()]);
  const mark = (value, at) => `<text x="${left - 5}" y="${at + 4}" text-anchor="end">${Number(value.toPrecision(2))}</text>`;
  const ticks = [...new Set([x0, 0, x1])].filter((t) => t >= x0 && t <= x1);
  const figure = document.createElement("figure");
  // Numbers alone go into the markup.
  figure.innerHTML = `<svg viewBox="0 0 260 140" width="260" height="140" role="img"><path class="axis" d="M${left} ${top}V${bottom}M${left} ${y(0)}H${right}"/>`
    + `<polygon points="${band}"/><polyline points="${line(all.map((p) => [p.x, p.value]))}"/>`
    + points.map((p) => `<circle cx="${x(p.x)}" cy="${y(p.value)}" r="2.5"/>`).join("") + mark(y1, top) + (y0 < 0 ? mark(y0, bottom) : mark(0, y(0)))
    + ticks.map((t) => `<text x="${x(t)}" y="134" text-anchor="middle">${Number(t.toPrecision(2))}</text>`).join("") + "</svg>";
  figure.firstChild.setAttribute("aria-label", `${title}: ${all.map((p) => `${p.value.toFixed(2)} at ${p.x} sigma`).join(", ")}`);
  figure.appendChild(document.createElement("figcaption")).textContent = `${title}, by sigma`;
  return figure;
}
