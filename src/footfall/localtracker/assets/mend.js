// What is to mend, each mistake once, however often it came.

import { ask, by, byId, h, many } from "./dom.js";
import { state } from "./state.js";

let shownFor = -1;

export function toldMends() {
  const badge = byId("mends");
  badge.hidden = state.mends === 0;
  badge.textContent = state.mends;
  if (!byId("mend").hidden) showMends();
}

export async function showMends() {
  if (shownFor === state.last) return;
  const now = state.last;
  let mends;
  try {
    ({ mends } = await ask("/mends.json"));
  } catch {
    return; // the connection's own line says so; the next news asks again
  }
  shownFor = now;
  byId("findings").replaceChildren(...(mends.length ? mends.map(mend) : [h("p", { class: "lead" }, "Nothing to mend: all requests are as documented.")]));
}

function mend(one) {
  return h(
    "article",
    { class: `finding ${one.fatal ? "wrong" : "doubtful"}` },
    h("p", { class: "what" }, h("code", {}, one.field), ` ${one.finding}`),
    h("p", {}, `To mend it: ${one.mend}.`),
    h(
      "p",
      { class: "place" },
      by(one.tracker),
      ` · ${one.source} · ${one.fatal ? "refused" : "taken"}, ${one.count === 1 ? "once" : many(one.count, "time")} · `,
      h("a", { href: `#request=${one.latest}` }, `the latest, number ${one.latest}`),
    ),
  );
}
