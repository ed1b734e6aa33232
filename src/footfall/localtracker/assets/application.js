// What the application decided about each of its requests, and which of its events arrived.

import { ask, byId, clock, h, instant, mark, TRACKERS } from "./dom.js";
import { state } from "./state.js";

const NAMES = {
  class: "The request",
  consent: "Consent",
  device: "Device id",
  session: "Session id",
  ruid: "ruid",
  reaid: "reaid",
  xuid: "xuid",
  user: "Logged in",
  cookies: "Cookies set",
  cache: "For caches",
};

export function prepareApplication() {
  const form = byId("paste");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.elements.trace.value.replace(/^\s*footfall-trace:\s*/i, "");
    try {
      const { traces } = await ask("/trace.json", { trace: text });
      byId("pasted").replaceChildren(...traces.map((trace) => traceDetails(trace, { open: true })));
    } catch (error) {
      byId("pasted").replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
    }
  });
  form.elements.untracked.addEventListener("change", () => show());
}

export function toldApplication() {
  if (!byId("application").hidden) show();
}

let shownFor = "";
async function show() {
  const only = byId("paste").elements.untracked.checked;
  const now = `${state.trace} ${state.last} ${only}`;
  if (now === shownFor) return;
  shownFor = now;
  let traces;
  try {
    ({ traces } = await ask("/traces.json"));
  } catch {
    shownFor = ""; // the connection's own line says so; the next news asks again
    return;
  }
  const chosen = only ? traces.filter((trace) => !trace.events.some((one) => one.digest)) : traces;
  const open = new Set([...byId("traces").querySelectorAll("details[open]")].map((one) => one.dataset.number));
  byId("traces").replaceChildren(
    ...(chosen.length
      ? chosen.map((trace) => traceDetails(trace, { open: open.has(String(trace.number)) }))
      : [h("p", { class: "lead" }, traces.length ? "All of the latest responses reported something." : "No application in debug mode has reported a response yet.")]),
  );
}

export function traceDetails(trace, { open = false } = {}) {
  const { parts } = trace;
  const rows = Object.entries(NAMES)
    .filter(([name]) => parts[name])
    .map(([name, label]) => [label, name === "class" ? `${parts.class}${parts.reason ? `: ${parts.reason}` : ""}` : parts[name]]);
  return h(
    "details",
    { class: "trace", open, "data-number": trace.number },
    h("summary", {}, h("code", {}, trace.line || "A response"), outcome(trace), h("time", { datetime: instant(trace.at) }, clock(trace.at))),
    h(
      "dl",
      { class: "decisions" },
      ...rows.flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]),
      h("dt", {}, "Events"),
      h("dd", {}, trace.events.length ? h("ul", {}, ...trace.events.map(event)) : "none was emitted"),
    ),
  );
}

const REFUSED = {
  consent: "the visitor has not consented",
  bot: "a program, not a visitor",
  forgotten: "the visitor was forgotten",
  unconfirmed: "the browser has not shown yet that it keeps cookies",
  "no-id": "it needs a device id, and there is none",
  wrong: "the event is wrong; the application’s log, or the error it raised, says why",
};

function sayRefused(refused) {
  const [tracker, reason] = refused.includes(":") ? refused.split(":") : ["", refused];
  return `${tracker ? `to ${TRACKERS[tracker] ?? tracker}, ` : ""}${REFUSED[reason] ?? reason}`;
}

function outcome({ parts, events }) {
  // A login that was reported before is not repeated, and so is not missing.
  const sent = events.filter((one) => one.digest && (one.kind !== "login" || one.arrived.length));
  if (!events.length) return h("span", { class: "outcome nothing" }, `${parts.class}: no event was emitted`);
  const refused = events.find((one) => one.refused);
  if (!sent.length) return h("span", { class: "outcome doubtful" }, refused ? `${refused.kind} not sent: ${sayRefused(refused.refused)}` : "login: reported before");
  const arrived = sent.filter((one) => one.arrived.length);
  const kinds = [...new Set(sent.map((one) => one.kind))].join(", ");
  return h("span", { class: `outcome ${arrived.length < sent.length ? "doubtful" : "right"}` }, `${kinds}: ${arrived.length} of ${sent.length} arrived`);
}

function event({ kind, tracker, refused, arrived }) {
  if (refused) return h("li", {}, h("b", {}, kind), ` not sent: ${sayRefused(refused)}`);
  const name = TRACKERS[tracker] ?? tracker;
  if (!arrived.length) return h("li", {}, h("b", {}, kind), ` to ${name}: not here yet${kind === "login" ? " (a login that was reported before is not repeated)" : ""}`);
  const answers = arrived.flatMap((one, index) => [
    index ? ", then " : "",
    mark(one.look),
    ` ${one.status || "no answer"} `,
    h("a", { href: `#request=${one.number}` }, `number ${one.number}`),
  ]);
  return h("li", {}, h("b", {}, kind), ` to ${name}: `, ...answers);
}
