// Puts the page together: which view is open, which requests are shown.

import { prepareApplication, toldApplication } from "./application.js";
import { hint, openDetail, prepareDetail } from "./detail.js";
import { byId, h } from "./dom.js";
import { prepareFaults, toldFaults } from "./faults.js";
import { prepareJourney, showJourney, toldJourney } from "./journey.js";
import { prepareList, showOnly, told } from "./list.js";
import { showMends, toldMends } from "./mend.js";
import { listen, state, whenTold } from "./state.js";
import { showSummary } from "./summary.js";

const VIEWS = ["requests", "mend", "journey", "application", "faults"];
const filters = byId("filters");

function navigate() {
  const [name, value = ""] = readHash().split(/=(.*)/s);
  const view = VIEWS.includes(name) ? name : "requests";
  for (const one of VIEWS) byId(one).hidden = one !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "mend") showMends();
  if (view === "journey") showJourney(value);
  if (view === "application") toldApplication();
  if (name === "request") openDetail(Number(value), true);
}

function readHash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return ""; // somebody wrote it by hand
  }
}

function readFilters() {
  const wanted = Object.fromEntries([...new FormData(filters)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
  const query = new URLSearchParams(wanted);
  byId("export-lines").href = `/export.jsonl?${query}`;
  byId("export-table").href = `/export.csv?${query}`;
  showOnly(wanted);
}

function offerKinds({ tally }) {
  const select = filters.elements.kind;
  const kinds = [...new Set(tally.map(([, kind]) => kind).filter(Boolean))].sort().slice(0, 200);
  const offered = [...select.options].slice(1).map((option) => option.value);
  if (kinds.join("\n") === offered.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(h("option", { value: "" }, "all"), ...kinds.map((kind) => h("option", { value: kind }, kind)));
  select.value = kinds.includes(chosen) ? chosen : "";
}

let waiting = 0;
filters.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(readFilters, 150);
});
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("reset", () => setTimeout(readFilters));
byId("clear").addEventListener("click", async () => {
  if (state.kept && !confirm("Forget everything? It goes from the file too.")) return;
  try {
    await fetch("/clear", { method: "POST", redirect: "manual" });
  } catch {
    return; // the connection's own line says so
  }
  hint();
  readFilters();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && !byId("requests").hidden) {
    event.preventDefault();
    filters.elements.visitor.focus();
  }
});
addEventListener("hashchange", navigate);

prepareList(openDetail);
prepareDetail();
prepareJourney();
prepareApplication();
prepareFaults();
whenTold(showSummary);
whenTold(offerKinds);
whenTold(toldFaults);
whenTold(told);
whenTold(toldMends);
whenTold(toldJourney);
whenTold(toldApplication);
showSummary(state);
readFilters();
navigate();
listen();
