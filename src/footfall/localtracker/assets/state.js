// What the local tracker tells all the time: how many of which, and the latest number.

import { byId } from "./dom.js";

const listeners = [];
export let state = { last: 0, tally: [], minutes: [], now: 0, trace: 0, faults: [] };

export function whenTold(listener) {
  listeners.push(listener);
}

function show(live) {
  const connection = byId("connection");
  const text = live ? "Live" : "Not connected, trying again";
  connection.classList.toggle("live", live);
  if (connection.textContent !== text) connection.textContent = text;
}

export function listen() {
  const source = new EventSource("/live");
  source.onopen = () => show(true);
  source.onerror = () => show(false);
  source.onmessage = (message) => {
    show(true);
    state = JSON.parse(message.data);
    for (const listener of listeners) listener(state);
  };
}

export function total(wanted = {}) {
  const matches = ([tracker, kind, , look]) =>
    (!wanted.tracker || tracker === wanted.tracker) && (!wanted.kind || kind === wanted.kind) && (!wanted.verdict || look === wanted.verdict);
  return state.tally.filter(matches).reduce((sum, row) => sum + row[4], 0);
}
