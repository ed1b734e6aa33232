// How many requests came, when, and how they look.

import { byId, h, many, minuteClock, svg } from "./dom.js";
import { total } from "./state.js";

const NUMBERS = [
  ["", "received"],
  ["right", "as documented"],
  ["doubtful", "worth a look"],
  ["wrong", "refused"],
  ["fault", "faults"],
];
const SPANS = [15, 30, 60]; // minutes: the shortest that shows all requests of the last hour
const STEP = 10;
const HEIGHT = 70;

export function showSummary(state) {
  const numbers = NUMBERS.map(([look, label]) => [look, label, total({ verdict: look })]).filter(([look, , count]) => look !== "fault" || count > 0);
  byId("numbers").replaceChildren(
    ...numbers.map(([look, label, count]) =>
      h("div", { class: `${look}${count ? "" : " none"}` }, h("dt", {}, label), h("dd", {}, count.toLocaleString("en"))),
    ),
  );
  const span = SPANS.find((minutes) => state.minutes.every(([minute]) => minute > state.now - minutes)) ?? SPANS.at(-1);
  byId("chart").replaceChildren(chart(state, span));
  byId("span").textContent = `the last ${span === 60 ? "hour" : `${span} minutes`}`;
}

function chart({ minutes, now }, span) {
  const counts = new Map();
  for (const [minute, look, count] of minutes) {
    const of = counts.get(minute) ?? { right: 0, doubtful: 0, wrong: 0, fault: 0, all: 0 };
    of[look] += count;
    of.all += count;
    counts.set(minute, of);
  }
  const most = Math.max(1, ...[...counts.values()].map((of) => of.all));
  const bars = [];
  for (let index = 0; index < span; index += 1) {
    const minute = now - span + 1 + index;
    const of = counts.get(minute);
    if (!of) continue;
    let top = HEIGHT;
    const parts = ["right", "doubtful", "wrong", "fault"].map((look) => {
      const height = (of[look] / most) * (HEIGHT - 2);
      top -= height;
      return svg("rect", { class: `bar-${look}`, x: index * STEP + 0.75, y: top, width: STEP - 1.5, height });
    });
    const label = `${minuteClock(minute * 60)}: ${many(of.all, "request")}, ${of.doubtful} worth a look, ${of.wrong} refused`;
    bars.push(svg("g", {}, svg("title", {}, label), svg("rect", { x: index * STEP, y: 0, width: STEP, height: HEIGHT, fill: "transparent" }), ...parts));
  }
  const hour = [...counts.values()].reduce((sum, of) => sum + of.all, 0);
  const label = `${many(hour, "request")} in the last hour, at most ${most.toLocaleString("en")} in one minute`;
  return svg(
    "svg",
    { viewBox: `0 0 ${span * STEP} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": hour ? label : "No request in the last hour" },
    svg("line", { class: "base", x1: 0, x2: span * STEP, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
    ...bars,
  );
}
