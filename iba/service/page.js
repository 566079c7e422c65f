"use strict";

const at = id => document.getElementById(id);
const types = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", bmp: "image/bmp", gif: "image/gif" };
let photo = null, running = null, waiting = 0, found = null, scale = null;

const beta = () => Number((10 ** (at("beta").value / 10)).toPrecision(2));

// What is going on, or why there is no map. Where the same request could succeed later, a button sends it.
function say(text, failed = false, later = false) {
  at("said").textContent = text;
  at("said").classList.toggle("alert", failed);
  at("retry").hidden = !later;
}

// Asks for one form of the explanation of the photo that is shown.
async function ask(format, β, signal, more = {}) {
  const query = new URLSearchParams({ format, name: photo.name, method: `per-sample:beta=${β}`, ...more });
  if (at("target").value.trim()) query.set("target", at("target").value.trim());
  if (at("same").checked && scale) query.set("scale", scale);
  // A file of another type is sent all the same: the service says what is wrong with it.
  const type = Object.values(types).includes(photo.type) ? photo.type : types[photo.name.split(".").pop().toLowerCase()];
  const headers = { "Content-Type": type || "application/octet-stream" };
  if (at("key").value) headers.Authorization = `Bearer ${at("key").value}`;
  let answer;
  try {
    answer = await fetch(`explain?${query}`, { method: "POST", headers, body: photo, signal });
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw Object.assign(new Error("the service does not answer, or the file cannot be read."), { later: true });
  }
  if (answer.ok) return answer;
  if (answer.status === 401) {
    at("with-key").hidden = false;
    at("key").focus();
    throw new Error(`the API key is ${at("key").value ? "wrong" : "missing"}. Enter it above.`);
  }
  // What stands between may answer in another form.
  const detail = await answer.json().then(problem => problem.detail, () => `the service answered ${answer.status}.`);
  throw Object.assign(new Error(detail), { later: answer.status === 429 || answer.status >= 500 });
}

async function explain() {
  clearTimeout(waiting);
  if (!photo) return;
  if (running) running.abort();
  const mine = running = new AbortController();
  // The slider may move before the answer comes.
  const β = beta();
  say(`Explaining ${photo.name} with β = ${β} …`);
  at("found").setAttribute("aria-busy", "true");
  try {
    const answer = await (await ask("json", β, mine.signal, { picture: "true" })).json();
    if (mine === running) show(answer, β);
  } catch (failure) {
    if (failure.name !== "AbortError") say(`No map of ${photo.name}: ${failure.message.replace(`${photo.name}: `, "")}`, true, failure.later);
  }
  if (mine === running) at("found").removeAttribute("aria-busy");
}

function show(answer, β) {
  const of = `${answer.image_sha256} ${answer.target} ${answer.objective}`, kept = found && found.of === of ? found.tried : new Map();
  found = { of, tried: kept.set(β, answer) };
  if (!at("same").checked || !scale) scale = answer.max_bits_per_pixel;
  at("map").src = `data:image/png;base64,${answer.picture}`;
  at("map").alt = `Map of ${photo.name} for ${answer.target_label}: ${Math.round(answer.total_bits)} bits`;
  at("class").textContent = answer.target_label;
  at("numbers").textContent = `Probability ${answer.probability.toFixed(3)}`
    + (answer.target === answer.predicted ? "." : `; predicted is ${answer.predicted_label}.`);
  at("tried").replaceChildren(...[...kept].sort(([a], [b]) => a - b).map(([each, one]) => {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: each }));
    for (const text of [Math.round(one.total_bits), one.max_bits_per_pixel.toPrecision(3), one.probability_restricted.toFixed(3)])
      row.append(Object.assign(document.createElement("td"), { className: "n", textContent: text }));
    if (each === β) row.setAttribute("aria-current", "true");
    return row;
  }));
  at("found").hidden = false;
  say(`${photo.name}, β = ${β}: ${Math.round(answer.total_bits)} bits for ${answer.target_label}.`);
}

async function download(format, ending) {
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await ask(format, beta())).blob());
    link.download = photo.name.replace(/\.[^.]*$/, "") + ending;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (failure) {
    say(`Nothing to download: ${failure.message}`, true);
  }
}

// A slider that moves asks once it rests.
function soon() {
  at("beta-is").textContent = beta();
  at("beta").setAttribute("aria-valuetext", beta());
  clearTimeout(waiting);
  waiting = setTimeout(explain, 300);
}

function take(files) {
  if (files.length === 0) return;
  photo = files[0];
  at("photo").files = files;
  found = null;
  at("found").hidden = true;
  URL.revokeObjectURL(at("shown").src);
  at("shown").src = URL.createObjectURL(photo);
  at("shown").alt = at("name").textContent = photo.name;
  explain();
}

at("photo").addEventListener("change", () => take(at("photo").files));
at("beta").addEventListener("input", soon);
for (const id of ["target", "key"]) at(id).addEventListener("change", explain);
at("same").addEventListener("change", () => { if (!at("same").checked) explain(); });
at("again").addEventListener("click", explain);
at("report").addEventListener("click", () => download("html", ".iba.html"));
at("data").addEventListener("click", () => download("safetensors", ".iba.safetensors"));
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
addEventListener("dragover", event => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
addEventListener("drop", event => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  take(event.dataTransfer.files);
});
addEventListener("paste", event => take(event.clipboardData.files));
