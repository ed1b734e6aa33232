// One request, with everything that is known about it.

import { ask, by, byId, capital, clock, day, h, instant, many, mark } from "./dom.js";
import { traceDetails } from "./application.js";

const detail = byId("detail");
let wanted = null;

export function prepareDetail() {
  hint();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && detail.classList.contains("open")) close();
  });
}

export function hint() {
  wanted = null;
  detail.classList.remove("open");
  detail.replaceChildren(h("p", { class: "hint" }, "Choose a request to see what each part of it means."));
}

function close() {
  detail.classList.remove("open");
  byId("list").focus();
}

export async function openDetail(number, focus = false) {
  wanted = number;
  try {
    const one = await ask("/request.json", { number });
    if (wanted !== number) return;
    detail.replaceChildren(...content(one));
    detail.scrollTop = 0;
    detail.classList.add("open");
    // Where it covers the list, reading goes on here.
    if (focus || getComputedStyle(detail).position === "fixed") detail.focus();
  } catch (error) {
    if (wanted === number) detail.replaceChildren(h("p", { class: "hint" }, error.message));
  }
}

function content(one) {
  const findings = [...one.problems, ...one.remarks];
  return [
    h(
      "header",
      {},
      mark(one.look),
      h(
        "div",
        {},
        h("h2", {}, capital(one.says)),
        h("p", { class: "sub" }, by(one.tracker), one.kind ? ` ${one.kind}` : "", ` · number ${one.number} · `, h("time", { datetime: instant(one.at) }, `${day(one.at)}, ${clock(one.at)}`)),
        h("p", { class: "sub" }, answer(one)),
      ),
      h("button", { class: "close", type: "button", onclick: close }, "Close"),
    ),
    ...findings.map(finding),
    h("h3", {}, "What it says"),
    h("table", { class: "parameters" }, h("tbody", {}, ...one.parameters.map((part) => parameter(part, findings)))),
    h("h3", {}, "As it came"),
    h("pre", { class: "raw" }, `${one.method} ${one.target}`),
    h("div", { class: "buttons" }, ...buttons(one)),
    ...(one.traces.length ? [h("h3", {}, "The application’s decision"), ...one.traces.map((trace) => traceDetails(trace, { open: true }))] : []),
  ];
}

function answer(one) {
  if (one.fault) return one.status ? `A fault, as ordered: answered ${one.status}.` : `A fault, as ordered: ${one.fault === "cut" ? "the connection was cut" : "never answered"}.`;
  const wrong = one.problems.filter((problem) => problem.fatal).length;
  if (wrong) return `Answered ${one.status}: refused for ${many(wrong, "mistake")}.`;
  const doubts = one.problems.length + one.remarks.length;
  return `Answered ${one.status}: taken${doubts ? `, with ${many(doubts, "thing")} to look at` : ", as documented"}.`;
}

function finding(problem) {
  return h(
    "div",
    { class: `finding ${problem.fatal ? "wrong" : "doubtful"}` },
    h("p", { class: "what" }, h("code", {}, problem.field), ` ${problem.finding}`),
    h("p", {}, `To mend it: ${problem.mend}.`),
    h("p", { class: "place" }, problem.source),
  );
}

function parameter({ name, value, means, rule, place, reads }, findings) {
  const found = findings.filter((one) => one.field === name);
  const look = found.some((one) => one.fatal) ? "wrong" : "doubtful";
  return h(
    "tr",
    { class: found.length ? `found ${look}` : null },
    h("th", { scope: "row" }, name),
    h(
      "td",
      {},
      h("div", { class: "value" }, value || h("i", {}, "empty")),
      reads ? h("div", { class: "value" }, `= ${reads}`) : null,
      h("div", { class: "means" }, capital(means)),
      rule || place ? h("div", { class: "place" }, [capital(rule), place].filter(Boolean).join(" · ")) : null,
    ),
  );
}

function buttons(one) {
  // Browsers offer the clipboard only to pages of this machine, or over https.
  const copy = navigator.clipboard ? h("button", { type: "button" }, "Copy the URL") : null;
  copy?.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.origin + one.target);
    copy.textContent = "Copied";
  });
  const journey = one.visitor
    ? h("button", { type: "button", onclick: () => (location.hash = `journey=${encodeURIComponent(one.visitor)}`) }, "This visitor’s journey")
    : null;
  return [journey, copy];
}
