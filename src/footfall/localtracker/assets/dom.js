// Makes elements. Text stays text: nothing here parses markup, which the page's policy forbids too.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);
export const byId = (id) => document.getElementById(id);

export const TRACKERS = { raptor: "Raptor", yoochoose: "YOOCHOOSE", unknown: "Unknown" };
export const LOOKS = {
  right: ["✓", "as documented"],
  doubtful: ["!", "taken, worth a look"],
  wrong: ["×", "refused"],
  fault: ["⚡", "a fault, as ordered"],
};

export const mark = (look) =>
  h("span", { class: `mark ${look}` }, h("span", { "aria-hidden": "true" }, LOOKS[look][0]), h("span", { class: "hidden" }, LOOKS[look][1]));
export const by = (tracker) => h("span", { class: `by ${tracker}` }, TRACKERS[tracker]);

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
export const short = (id) => (id.length > 13 ? `${id.slice(0, 8)}…` : id);

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const SHORT_CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

export const clock = (at) => CLOCK.format(at * 1000);
export const shortClock = (at) => SHORT_CLOCK.format(at * 1000);
export const minuteClock = (at) => SHORT_CLOCK.format(at * 1000).slice(0, 5);
export const day = (at) => DAY.format(at * 1000);
export const instant = (at) => new Date(at * 1000).toISOString();

export function lasting(seconds) {
  if (seconds < 1) return "under a second";
  if (seconds < 90) return many(Math.round(seconds), "second");
  if (seconds < 5400) return many(Math.round(seconds / 60), "minute");
  if (seconds < 129600) return many(Math.round(seconds / 3600), "hour");
  return many(Math.round(seconds / 86400), "day");
}

export async function ask(path, parameters = {}, options = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value !== null));
  const answer = await fetch(`${path}?${query}`, options);
  const read = await answer.json();
  if (!answer.ok) throw new Error(read.error ?? `the local tracker answered ${answer.status}`);
  return read;
}
