// Calls of the server. A call that a newer one replaces is given up, on both sides.

const running = new Map();

export async function call(path, body, lane, type = "application/json") {
  let signal;
  if (lane) {
    running.get(lane)?.abort();
    const controller = new AbortController();
    running.set(lane, controller);
    signal = controller.signal;
  }
  const answer = await fetch(path, body === undefined ? { signal } : {
    method: "POST", signal, headers: { "Content-Type": type }, body: type === "application/json" ? JSON.stringify(body) : body,
  }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The server does not answer; is `directions serve` still running?");
  });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `The server answered ${answer.status}.`);
  return answer;
}

export const json = async (path, body, lane) => (await call(path, body, lane)).json();

export async function picture(body, lane) {
  return URL.createObjectURL(await (await call("/api/synth", body, lane)).blob());
}

export async function download(path, body, name) {
  const answer = await call(path, body);
  const told = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = told ? told[1] : name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
