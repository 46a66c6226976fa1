"use strict";
// Keeps the page fresh: fetches its own main part every two seconds, so that one template renders it all.

const PERIOD = 2000;
const main = document.getElementById("main");
const lost = document.getElementById("lost");
const open = new Set(JSON.parse(sessionStorage.getItem("open") || "[]"));

// Partitions are shown without this script; with it an agent's row opens and closes them.
function fold() {
  for (const body of main.querySelectorAll("tbody.partitions")) {
    const agent = body.dataset.of;
    const cell = main.querySelector(`tr[data-agent="${CSS.escape(agent)}"] th`);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fold";
    button.dataset.agent = agent;
    button.title = main.dataset.show;
    button.setAttribute("aria-label", main.dataset.show);
    button.setAttribute("aria-expanded", String(open.has(agent)));
    cell.prepend(button);
    body.hidden = !open.has(agent);
  }
}

main.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-agent]");
  if (!row) return;
  const agent = row.dataset.agent;
  if (!open.delete(agent)) open.add(agent);
  sessionStorage.setItem("open", JSON.stringify([...open]));
  const button = row.querySelector("button.fold");
  button.setAttribute("aria-expanded", String(open.has(agent)));
  main.querySelector(`tbody[data-of="${CSS.escape(agent)}"]`).hidden = !open.has(agent);
});

async function refresh() {
  const address = new URL(location.href);
  address.searchParams.set("part", "main");
  const answer = await fetch(address, { signal: AbortSignal.timeout(5000), cache: "no-store" });
  // The session has ended: show the form.
  if (answer.status === 401) return location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const text = await answer.text();
  const focused = document.activeElement?.dataset?.agent;
  main.innerHTML = text;
  fold();
  if (focused) main.querySelector(`button.fold[data-agent="${CSS.escape(focused)}"]`)?.focus();
}

async function tick() {
  // Neither pull a selection from under the reader's hand, nor work for a tab that nobody sees.
  if (!document.hidden && getSelection().isCollapsed) {
    try {
      await refresh();
      lost.hidden = true;
      main.classList.remove("old");
    } catch {
      if (lost.hidden) lost.querySelector("time").textContent = new Date().toLocaleTimeString(document.documentElement.lang);
      lost.hidden = false;
      main.classList.add("old");
    }
  }
  setTimeout(tick, PERIOD);
}

fold();
setTimeout(tick, PERIOD);
