// The progress of unfinished tasks, or exports, about once a second while the page is seen.
// Everything works without it: a link of the page loads it anew.

const RETRY_MS = 15_000;
// Longer addresses are refused by proxies on the way; tasks further down have to wait.
const LONGEST_QUERY = 6_000;

const mark = document.getElementById("live-state");
const said = document.getElementById("live-said");
const states = document.getElementById("live-states");

let source = null;
let retry = 0;

function watched() {
  return [...document.querySelectorAll("[data-live]")];
}

function address() {
  const query = new URLSearchParams();
  for (const id of new Set(watched().map((node) => node.dataset.live))) {
    query.append("id", id);
    if (query.toString().length > LONGEST_QUERY) {
      query.delete("id", id);
      break;
    }
  }
  return query.size ? `${states.dataset.from}?${query}` : null;
}

function tell(state) {
  mark.hidden = state === "";
  mark.textContent = state;
}

function open() {
  const from = address();
  if (source || document.hidden || !from) return;
  source = new EventSource(from);
  source.addEventListener("open", () => tell("Live"));
  source.addEventListener("task", (event) => show(JSON.parse(event.data)));
  source.addEventListener("end", () => {
    close();
    tell("");
  });
  source.addEventListener("error", () => {
    tell("Not live");
    // A stream that was cut off is opened anew by the browser, one that was refused not.
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    retry = setTimeout(open, RETRY_MS);
  });
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function show(task) {
  for (const node of watched()) {
    if (node.dataset.live === task.id) update(node, task);
  }
}

// Whatever strangers wrote is set as text and never as markup.
function update(node, task) {
  for (const name of ["counts", "failed", "took", "size", "left"]) {
    write(node, name, task[name]);
  }
  draw(node, task);

  const shown = node.querySelector("[data-state]");
  const changed = shown.dataset.state !== task.state;
  if (changed) {
    const fresh = states.content.querySelector(`[data-state="${task.state}"]`);
    shown.replaceWith(fresh.cloneNode(true));
  }
  const open = "open" in node.dataset;
  if (changed && !(open && isListed(task))) announce(node, task);
  if (open && (changed || node.dataset.run !== String(task.run))) renew();
  if (open) node.dataset.run = task.run;
  if (task.finished) delete node.dataset.live;
}

// Not every page shows all that is known.
function write(node, name, text) {
  const part = node.querySelector(`[data-part="${name}"]`);
  if (part && text !== undefined && part.textContent !== text) part.textContent = text;
}

// Of how many is not always known: then there are counts, and no percentage.
function draw(node, task) {
  const meter = node.querySelector("[role=progressbar]");
  const known = task.percent !== null;
  write(node, "percent", known ? `${task.percent} %` : "");
  if (known) meter.setAttribute("aria-valuenow", task.percent);
  else meter.removeAttribute("aria-valuenow");
  const bad = node.querySelector("[data-part=bad]");
  node.querySelector("[data-part=good]").setAttribute("width", `${task.good}%`);
  bad.setAttribute("x", `${task.good}%`);
  bad.setAttribute("width", `${task.bad}%`);
}

function isListed(task) {
  return watched().some((node) => node.dataset.live === task.id && !("open" in node.dataset));
}

// Said once a change of status, not once a second.
function announce(node, task) {
  const name = node.querySelector("bdi").textContent;
  const left = new Set(watched().map((other) => other.dataset.live));
  if (task.finished) left.delete(task.id);
  said.textContent = `${name}: ${task.word}. ${left.size} unfinished on this page.`;
}

// What came of the open task is on the page as the server makes it, escaped: take that
// part of it over. Nothing in it runs, and what somebody is filling in stays.
async function renew() {
  const here = document.getElementById("told");
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("told");
  if (fresh && !here.contains(document.activeElement)) here.replaceWith(fresh);
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
open();
