// The faults to order, and those that are on.

import { ask, byId, h, TRACKERS } from "./dom.js";

const NAMES = { latency: "answers late", hang: "hangs", cut: "cuts the connection" };

export function prepareFaults() {
  const form = byId("order");
  const { kind, share, percent } = form.elements;
  const adapt = () => {
    for (const label of form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(kind.value);
    percent.value = `${share.value} %`;
    byId("order-call").textContent = `curl -X POST "${location.origin}/faults.json?${new URLSearchParams(read(form))}"`;
  };
  form.addEventListener("input", adapt);
  adapt();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    order(read(form));
  });
}

// Only the fields that this kind of fault has.
function read(form) {
  const { kind, share, tracker } = form.elements;
  const fault = { kind: kind.value, share: share.value / 100 };
  for (const label of form.querySelectorAll("[data-for]:not([hidden])")) {
    const { name, value } = label.querySelector("input");
    fault[name] = value;
  }
  return tracker.value ? { ...fault, tracker: tracker.value } : fault;
}

async function order(fault) {
  try {
    await ask("/faults.json", fault, { method: "POST" });
    byId("order-error").textContent = "";
  } catch (error) {
    byId("order-error").textContent = error.message;
  }
}

const say = (fault) => `${NAMES[fault.kind] ?? fault.kind} for ${Math.round(fault.share * 100)} % of ${fault.tracker ? `${TRACKERS[fault.tracker]}’s requests` : "the requests"}`;

function more(fault) {
  if (fault.kind === "latency" || fault.kind === "hang") return `, ${fault.seconds} s`;
  return (fault.kind === "429" || fault.kind === "503") && fault.retry_after ? `, Retry-After: ${fault.retry_after}` : "";
}

let shown = "";
export function toldFaults({ faults }) {
  const now = JSON.stringify(faults);
  if (now === shown) return;
  shown = now;
  byId("on").replaceChildren(
    ...(faults.length ? [h("h2", {}, "On now")] : []),
    ...faults.map((fault) =>
      h("div", { class: "on" }, h("span", {}, say(fault) + more(fault)), h("button", { type: "button", onclick: () => order({ kind: fault.kind, share: 0, tracker: fault.tracker ?? "" }) }, "Turn it off")),
    ),
  );
  const trouble = byId("trouble");
  trouble.hidden = !faults.length;
  trouble.replaceChildren("Faults are on, as ordered: ", faults.map(say).join("; "), ". ", h("a", { href: "#faults" }, "Change them"));
}
