// The line that tells what is being done, for how long, and what went wrong.

const $ = (id) => document.getElementById(id);
const patience = 700;
const jobs = [];
let isProgress = false, ticking = 0;

export function tell(text, isError = false) {
  isProgress = false;
  $("seconds").textContent = "";
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").classList.toggle("error", isError);
}

export const failed = (error) => { if (error.name !== "AbortError") tell(error.message, true); };

// What went wrong before is no longer so.
export function forget() { if ($("status").classList.contains("error")) tell(""); }

// What a job gives; while it takes long the line says so, with the seconds, which are not read out.
export async function during(text, job) {
  const one = { text, since: performance.now() };
  jobs.push(one);
  setTimeout(progress, patience);
  try { return await job; } finally {
    jobs.splice(jobs.indexOf(one), 1);
    progress();
  }
}

function progress() {
  clearTimeout(ticking);
  const slow = jobs.find(({ since }) => performance.now() - since >= patience);
  if (!slow) { if (isProgress) tell(""); return; }
  tell(`${slow.text} …`);
  isProgress = true;
  const seconds = Math.round((performance.now() - slow.since) / 1000);
  if (seconds > 1) $("seconds").textContent = `${seconds} s`;
  ticking = setTimeout(progress, 1000);
}
