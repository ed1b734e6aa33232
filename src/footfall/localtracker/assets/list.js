// The list of requests. Only the rows in view exist; the server pages the rest.

import { ask, by, byId, clock, h, many, mark, short } from "./dom.js";
import { state, total } from "./state.js";

const ROW = 58;
const PAGE = 100;
const MOST = 300_000; // rows: Firefox draws nothing in a taller list
const SPARE = 4; // rows above and below what is in view

const list = byId("list");
const inside = h("div", { role: "presentation" });
list.append(inside);

let wanted = {};
let top = 0; // the latest number in the list: later ones wait until it is scrolled to its beginning
let count = 0;
let pages = new Map();
let asked = new Set();
let chosen = null; // a number
let shown = 0; // how many matched at the last refresh, to see whether there are more
let busy = false;
let again = false;
let round = 0;
let open = () => {};

export function prepareList(openDetail) {
  open = openDetail;
  list.addEventListener("scroll", draw, { passive: true });
  list.addEventListener("keydown", move);
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) choose(Number(row.dataset.number), true);
  });
  byId("fresh").addEventListener("click", () => {
    list.scrollTop = 0;
    refresh();
    list.focus();
  });
  new ResizeObserver(draw).observe(list);
}

export function showOnly(filter) {
  wanted = filter;
  list.scrollTop = 0;
  refresh();
}

export function told() {
  const now = total(wanted);
  const changed = state.last < top || (wanted.visitor ? state.last !== top : now !== shown || (state.last === 0 && count > 0));
  if (!changed) return;
  if (list.scrollTop < ROW) refresh();
  else {
    const more = wanted.visitor ? 0 : now - shown;
    byId("fresh").textContent = more > 0 ? `${many(more, "new request")} ↑` : "New requests ↑";
    byId("fresh").hidden = false;
  }
}

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  round += 1;
  const [upTo, matching, filter] = [state.last, total(wanted), wanted];
  try {
    const answer = await ask("/rows.json", { ...filter, limit: PAGE, up_to: upTo || "" });
    [top, shown, count] = [upTo, matching, Math.min(answer.count, MOST)];
    pages = new Map([[0, answer.rows]]);
    asked = new Set([0]);
    byId("fresh").hidden = true;
    draw();
  } catch {
    shown = -1; // the connection's own line says so; the next news asks again
  } finally {
    busy = false;
    if (again || filter !== wanted) {
      again = false;
      refresh();
    }
  }
}

async function fetchPage(page) {
  asked.add(page);
  const here = round;
  try {
    const answer = await ask("/rows.json", { ...wanted, limit: PAGE, offset: page * PAGE, up_to: top });
    if (here !== round) return;
    pages.set(page, answer.rows);
    draw();
  } catch {
    asked.delete(page);
  }
}

const rowAt = (index) => pages.get(Math.floor(index / PAGE))?.[index % PAGE];

function inView() {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  return [first, Math.min(count, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE)];
}

function draw() {
  inside.style.height = `${count * ROW}px`;
  const [first, end] = inView();
  const rows = [];
  for (let index = first; index < end; index += 1) {
    const page = Math.floor(index / PAGE);
    if (!asked.has(page)) fetchPage(page);
    const row = rowAt(index);
    if (row) rows.push(element(row, index));
  }
  inside.replaceChildren(...rows);
  const active = chosen !== null && rows.some((row) => row.id === `row-${chosen}`);
  if (active) list.setAttribute("aria-activedescendant", `row-${chosen}`);
  else list.removeAttribute("aria-activedescendant");
  showEmpty();
}

function element(row, index) {
  const what = row.fault
    ? h("span", { class: `what ${row.look}` }, row.status ? "answered as ordered" : "left without an answer, as ordered")
    : h("span", { class: `what ${row.look}` }, row.finding, row.findings > 1 ? ` and ${row.findings - 1} more` : "");
  const made = h(
    "div",
    {
      class: `row ${row.look}`,
      id: `row-${row.number}`,
      role: "option",
      "aria-selected": String(row.number === chosen),
      "aria-posinset": index + 1,
      "aria-setsize": count,
      "data-number": row.number,
      "data-index": index,
    },
    mark(row.look),
    h("span", { class: "said" }, h("b", {}, row.kind || "?"), row.says),
    h("span", { class: "status" }, row.status || "none"),
    h("span", { class: "meta" }, by(row.tracker), row.visitor ? ` · ${short(row.visitor)}` : "", row.finding || row.fault ? " · " : "", row.finding || row.fault ? what : ""),
    h("time", { class: "when" }, clock(row.at)),
  );
  made.style.transform = `translateY(${index * ROW}px)`;
  return made;
}

function showEmpty() {
  const empty = byId("empty");
  empty.hidden = count > 0;
  if (count > 0) return;
  if (total() > 0) empty.textContent = "Nothing matches.";
  else
    empty.replaceChildren(
      "Nothing has been received yet. Give this address to your trackers:",
      h("br", {}),
      h("code", {}, `Raptor("12345", base_url="${location.origin}")`),
      h("br", {}),
      h("code", {}, `Yoochoose("00000", base_url="${location.origin}")`),
    );
}

function choose(number, opened) {
  chosen = number;
  draw();
  if (opened) open(number);
}

function move(event) {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
  if (event.key === "Enter" && chosen !== null) {
    event.preventDefault();
    open(chosen, true);
  }
  if (step === undefined || count === 0) return;
  event.preventDefault();
  const at = indexOf(chosen);
  const index = Math.max(0, Math.min(count - 1, at === -1 && step > 0 && step < Infinity ? firstInView() : Math.max(at, 0) + step));
  reveal(index);
  const row = rowAt(index);
  if (row) choose(row.number, true);
}

const firstInView = () => Math.ceil(list.scrollTop / ROW);

function indexOf(number) {
  for (const [page, rows] of pages) {
    const at = rows.findIndex((row) => row.number === number);
    if (at !== -1) return page * PAGE + at;
  }
  return -1;
}

function reveal(index) {
  const above = index * ROW;
  if (above < list.scrollTop) list.scrollTop = above;
  else if (above + ROW > list.scrollTop + list.clientHeight) list.scrollTop = above + ROW - list.clientHeight;
  draw();
}
