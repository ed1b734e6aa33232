/* footfall: tells the site's consent endpoint what the visitor chose in a consent platform, once a change. */
((endpoint, kept, heedGpc) => {
  const page = document, { device, person = device, event = "ucEvent" } = page.currentScript.dataset;
  let told;
  const tell = (choice) => {
    const now = (("; " + page.cookie).split("; " + kept)[1] || "").slice(0, 3);
    const said = { grant: "g.g", "grant-device": "g.d", deny: "d.d" }[choice];
    if (!said || choice === told || (!told && now === said)) return;
    if (heedGpc && navigator.globalPrivacyControl && choice !== "deny") return;
    told = choice;
    fetch(endpoint + "?" + choice, { method: "POST", keepalive: true }).catch(() => (told = 0));
  };
  const weigh = (has) => {
    const all = (names) => names.split(" ").every(has);
    if (device) tell(all(device) ? (all(person) ? "grant" : "grant-device") : "deny");
  };
  const on = (name, heard) => addEventListener(name, (event) => heard(event.detail || {}));
  window.footfallConsent = tell;
  on(event, (said) => /^explicit$/i.test(said.type) && weigh((name) => (said.ucCategory || said)[name] === true));
  on("UC_CONSENT", ({ consent, categories }) =>
    /^explicit$/i.test(consent.type) && weigh((name) => (categories[name] || {}).state === "ALL_ACCEPTED"));
  for (const name of ["Accept", "Decline"]) on("CookiebotOn" + name, () => weigh((name) => Cookiebot.consent[name]));
  on("OneTrustGroupsUpdated", (groups) => OneTrust.IsAlertBoxClosed() && weigh((name) => groups.includes(name)));
  on("CookieInformationConsentGiven", () => weigh((name) => CookieInformation.getConsentGivenFor("cookie_cat_" + name)));
  on("load", () => /^\d/.test(device) && window.__tcfapi && __tcfapi("addEventListener", 2, (said, ok) =>
    ok && /^(useractioncomplete|tcloaded)$/.test(said.eventStatus) && said.gdprApplies !== false &&
    weigh((name) => said.purpose.consents[name])));
})("ENDPOINT", "KEPT", HEED_GPC);
