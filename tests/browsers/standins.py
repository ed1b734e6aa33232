"""Small stand-ins of consent platforms' page scripts: each has its platform's documented events and objects.

``choose(statistics, marketing)`` is the visitor's click. The choice lies in localStorage; each says again on every page
what was chosen before, as the platforms do, and most say something before any choice too.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CATEGORIES", "STAND_INS"]

#: What the page's tag says of the two purposes.
CATEGORIES: Final = {
    "usercentrics 2": ("functional", "marketing"),
    "usercentrics 3": ("functional", "marketing"),
    "cookiebot": ("statistics", "marketing"),
    "onetrust": ("C0002", "C0004"),
    "cookie information": ("statistic", "marketing"),
    "tcf": ("1", "1 5 6"),
    "custom": ("", ""),
}

KEPT: Final = """
const key = new URL(document.currentScript.src).search;
const kept = () => JSON.parse(localStorage.getItem(key) || "null");
const choose = (statistics, marketing) => {
  localStorage.setItem(key, JSON.stringify([statistics, marketing]));
  say();
};
const send = (name, detail) => dispatchEvent(new CustomEvent(name, { detail }));
"""

_SCRIPTS: Final = {
    "usercentrics 2": """
const say = () => {
  const [functional, marketing] = kept() || [true, true];
  send("ucEvent", { event: "consent_status", type: kept() ? "explicit" : "implicit",
    ucCategory: { essential: true, functional, marketing }, "Google Analytics": functional });
};
say();
""",
    "usercentrics 3": """
const state = (given) => ({ state: given ? "ALL_ACCEPTED" : "ALL_DENIED" });
const say = () => {
  const [functional, marketing] = kept() || [true, true];
  send("UC_CONSENT", { consent: { status: "SOME", type: kept() ? "EXPLICIT" : "IMPLICIT" },
    categories: { essential: state(true), functional: state(functional), marketing: state(marketing) } });
};
say();
""",
    "cookiebot": """
window.Cookiebot = { consent: { necessary: true }, hasResponse: false };
const say = () => {
  const [statistics, marketing] = kept();
  Object.assign(Cookiebot, { hasResponse: true, consent: { necessary: true, statistics, marketing } });
  send(statistics || marketing ? "CookiebotOnAccept" : "CookiebotOnDecline");
};
if (kept()) say();
""",
    "onetrust": """
window.OneTrust = { IsAlertBoxClosed: () => kept() !== null };
const say = () => {
  const [statistics, marketing] = kept() || [true, true];
  send("OneTrustGroupsUpdated", ["C0001", ...(statistics ? ["C0002"] : []), ...(marketing ? ["C0004"] : [])]);
};
say();
""",
    "cookie information": """
window.CookieInformation = { getConsentGivenFor: (name) => {
  const [statistic, marketing] = kept() || [false, false];
  return { cookie_cat_necessary: true, cookie_cat_statistic: statistic, cookie_cat_marketing: marketing }[name];
} };
const say = () => send("CookieInformationConsentGiven");
if (kept()) say();
""",
    "tcf": """
const heard = [];
const say = (status = "useractioncomplete") => {
  const [statistics, marketing] = kept() || [false, false];
  const consents = { 1: statistics, 5: marketing, 6: marketing };
  for (const one of heard) one({ eventStatus: status, gdprApplies: true, purpose: { consents } }, true);
};
window.__tcfapi = (command, version, callback) => {
  heard.push(callback);
  say(kept() ? "tcloaded" : "cmpuishown");
};
""",
    "custom": """
const say = () => {
  const [statistics, marketing] = kept();
  footfallConsent(statistics ? (marketing ? "grant" : "grant-device") : "deny");
};
if (kept()) say();
""",
}
STAND_INS: Final = {name: KEPT + script for name, script in _SCRIPTS.items()}
