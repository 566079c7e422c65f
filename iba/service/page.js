"use strict";

const at = id => document.getElementById(id);
const types = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", bmp: "image/bmp", gif: "image/gif" };
let photo = null, running = null, waiting = 0;

const beta = () => Number((10 ** (at("beta").value / 10)).toPrecision(2));

// Asks for one form of the explanation of the photo that is shown.
async function ask(format, signal, more = {}) {
  const query = new URLSearchParams({ format, name: photo.name, method: `per-sample:beta=${beta()}`, ...more });
  if (at("target").value.trim()) query.set("target", at("target").value.trim());
  const headers = { "Content-Type": photo.type || types[photo.name.split(".").pop().toLowerCase()] || "application/octet-stream" };
  if (at("key").value) headers.Authorization = `Bearer ${at("key").value}`;
  const answer = await fetch(`explain?${query}`, { method: "POST", headers, body: photo, signal });
  if (answer.ok) return answer;
  throw new Error((await answer.json()).detail);
}

async function explain() {
  if (!photo) return;
  if (running) running.abort();
  const mine = running = new AbortController();
  at("said").textContent = `Explaining ${photo.name} with β = ${beta()} …`;
  try {
    const found = await (await ask("json", mine.signal, { picture: "true" })).json();
    at("map").src = `data:image/png;base64,${found.picture}`;
    at("map").alt = `Map of ${photo.name}: ${found.target_label}`;
    at("found").textContent = `${found.target_label}, p ${found.probability.toFixed(3)}: ${Math.round(found.total_bits)} bits, `
      + `at most ${found.max_bits_per_pixel.toPrecision(3)} per pixel; p ${found.probability_restricted.toFixed(3)} if only these bits pass`;
    at("map").closest("figure").hidden = at("more").hidden = false;
    at("said").textContent = `${photo.name}, β = ${beta()}`;
  } catch (failure) {
    if (failure.name !== "AbortError") at("said").textContent = failure.message;
  }
}

async function download(format, ending) {
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await ask(format)).blob());
    link.download = photo.name.replace(/\.[^.]*$/, "") + ending;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (failure) {
    at("said").textContent = failure.message;
  }
}

// A slider that moves asks once it rests.
function soon() {
  at("beta-is").textContent = beta();
  clearTimeout(waiting);
  waiting = setTimeout(explain, 300);
}

function take(files) {
  if (files.length === 0) return;
  photo = files[0];
  explain();
}

at("photo").addEventListener("change", () => take(at("photo").files));
at("beta").addEventListener("input", soon);
at("target").addEventListener("change", explain);
at("report").addEventListener("click", () => download("html", ".iba.html"));
at("data").addEventListener("click", () => download("safetensors", ".iba.safetensors"));
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
addEventListener("dragover", event => event.preventDefault());
addEventListener("drop", event => {
  event.preventDefault();
  take(event.dataTransfer.files);
});
