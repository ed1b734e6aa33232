// One person's way through the site: their visits, what was known of them, and what they did.

import { ask, by, byId, clock, day, h, instant, lasting, many, mark, shortClock, short, svg, TRACKERS } from "./dom.js";
import { state } from "./state.js";

const LANES = [
  ["session", "Visit"],
  ["device", "Browser"],
  ["reaid", "reaid"],
  ["xuid", "xuid"],
  ["ruid", "ruid"],
  ["user", "Logged in"],
];
const LABELS = 92;
const LANE = 26;
const AXIS = 24;
const EVENTS = 44;
const BREAK = 1200; // seconds without a request that are drawn as a gap

export function prepareJourney() {
  const form = byId("whose");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = `journey=${encodeURIComponent(form.elements.visitor.value.trim())}`;
  });
}

let whose = "";
let shownFor = 0;
let waiting = 0;

// New requests are added to an open journey.
export function toldJourney() {
  if (byId("journey").hidden || !whose || state.last === shownFor) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => showJourney(whose), 300);
}

export async function showJourney(visitor) {
  whose = visitor;
  shownFor = state.last;
  byId("whose").elements.visitor.value = visitor;
  if (!visitor) {
    byId("way").replaceChildren(h("p", { class: "lead" }, "Enter a visitor’s coid or userid, or open a request and go on from there."));
    return;
  }
  try {
    const { ids, journey, most } = await ask("/journey.json", { visitor });
    if (visitor !== whose) return;
    byId("way").replaceChildren(...(journey.length ? content(ids, journey, most) : [h("p", { class: "lead" }, "No request of this visitor is here.")]));
  } catch (error) {
    byId("way").replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
  }
}

function content(ids, journey, most) {
  const trackers = [...new Set(journey.map((one) => one.tracker))];
  return [
    h("p", { class: "ids" }, ids.length > 1 ? "One person under " : "Under ", ...ids.flatMap((id, index) => [index ? ", " : "", h("code", {}, id)]), journey.length >= most ? ` (the latest ${most} requests)` : ""),
    h("p", { class: "legend" }, ...trackers.map(by)),
    h("div", { class: "picture", tabindex: "0", role: "region", "aria-label": "The journey as a picture" }, picture(journey)),
    h("div", { class: "visits" }, ...visits(journey).map(visit)),
  ];
}

// The picture: a time axis whose gaps grow logarithmically, lanes of what was known, a dot for each request.

function places(journey) {
  const xs = [];
  let x = LABELS + 14;
  journey.forEach((one, index) => {
    if (index) x += Math.min(90, 9 + 8 * Math.log2(1 + Math.max(0, one.at - journey[index - 1].at)));
    xs.push(x);
  });
  const room = byId("way").clientWidth - 60;
  const widest = xs.length > 1 ? (room - xs[0]) / (xs.at(-1) - xs[0]) : 1;
  const stretch = Math.max(1, Math.min(3.5, widest));
  return xs.map((one) => xs[0] + (one - xs[0]) * stretch);
}

function picture(journey) {
  const xs = places(journey);
  const lanes = LANES.filter(([name]) => journey.some((one) => one.known[name]));
  const width = Math.max(xs.at(-1) + 40, 320);
  const height = AXIS + EVENTS + lanes.length * LANE + 6;
  const drawn = [];
  drawn.push(svg("text", { class: "name", x: 14, y: AXIS + EVENTS / 2 + 1 }, "Requests"));
  let [labelled, told] = [-Infinity, ""];
  journey.forEach((one, index) => {
    const x = xs[index];
    const gap = index ? one.at - journey[index - 1].at : 0;
    if (gap > BREAK) {
      const middle = (x + xs[index - 1]) / 2;
      drawn.push(svg("line", { class: "gap", x1: middle, x2: middle, y1: AXIS - 4, y2: height }));
    }
    const time = shortClock(one.at);
    if (time !== told && x - labelled > 84) {
      drawn.push(svg("text", { x: x - 5, y: 15 }, time));
      [labelled, told] = [x, time];
    }
    const y = AXIS + (one.tracker === "yoochoose" ? 27 : 9);
    const dot = svg("g", { class: `${one.tracker} ${one.look}` }, svg("title", {}, `${TRACKERS[one.tracker]}: ${one.says}`), svg("circle", { class: "dot", cx: x, cy: y, r: 4.5 }));
    if (one.look !== "right") dot.append(svg("circle", { class: "ring", cx: x, cy: y, r: 7.5 }));
    drawn.push(dot);
  });
  lanes.forEach(([name, label], row) => {
    const y = AXIS + EVENTS + row * LANE;
    drawn.push(svg("text", { class: "name", x: 14, y: y + 15 }, label));
    spans(journey, name).forEach(([first, last, value], number) => {
      const [from, to] = [xs[first] - 6, xs[last] + 6];
      drawn.push(svg("rect", { class: number % 2 ? "span odd" : "span", x: from, y: y + 2, width: to - from, height: LANE - 7, rx: 4 }, svg("title", {}, `${label}: ${value}`)));
      const text = short(value);
      if (to - from > text.length * 7 + 10) drawn.push(svg("text", { class: "inside", x: from + 6, y: y + 15.5 }, text));
    });
  });
  const label = `${many(journey.length, "request")} in ${many(spans(journey, "session").length || 1, "visit")}; the list below describes them in words`;
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...drawn);
}

function spans(journey, name) {
  const found = [];
  journey.forEach((one, index) => {
    const value = one.known[name];
    const latest = found.at(-1);
    if (!value) return;
    if (latest && latest[2] === value && latest[1] === index - 1) latest[1] = index;
    else found.push([index, index, value]);
  });
  return found;
}

// The same in words.

function visits(journey) {
  const found = [];
  for (const one of journey) {
    const latest = found.at(-1);
    const before = latest?.at(-1);
    const apart = before && (one.known.session && before.known.session ? one.known.session !== before.known.session : one.at - before.at > BREAK);
    if (!latest || apart) found.push([one]);
    else latest.push(one);
  }
  return found;
}

function visit(requests, index) {
  const [first, last] = [requests[0], requests.at(-1)];
  const told = `${day(first.at)}, ${shortClock(first.at)} · ${lasting(last.at - first.at)} · ${many(requests.length, "request")}`;
  return h("section", { class: "visit" }, h("h3", {}, `Visit ${index + 1}`, h("small", {}, told)), h("ol", {}, ...requests.map(line)));
}

function line(one) {
  return h(
    "li",
    {},
    h("time", { datetime: instant(one.at), title: clock(one.at) }, shortClock(one.at)),
    by(one.tracker),
    h("a", { class: "link", href: `#request=${one.number}` }, one.says),
    mark(one.look),
    one.news.length ? h("span", { class: "news" }, one.news.join("; ")) : null,
  );
}
