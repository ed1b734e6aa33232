"""Cases: newsletters, people who identify or log in, consent, and people who want to be forgotten."""

from __future__ import annotations

import hashlib

from tests.doors.exchange import KEY, Reply, Request, guid
from tests.doors.rows import (
    ALICE,
    ANNA,
    CROSS_SITE_POST,
    KNOWN,
    NOW,
    SCRIPT,
    VISIT,
    Case,
    attributes,
    both,
    consent_line,
    emit,
    emit_and_deny,
    emit_and_grant,
    expired,
    forget,
    grant_device,
    identify,
    identify_and_emit,
    ids,
    login_and_emit,
    person,
    raptor,
    read,
    with_headers,
    yoochoose,
)

from footfall.consent import own_cookie
from footfall.identity.seal import Sealer

__all__ = ["CASES", "SEALER"]

LANDINGS = [
    Case(
        what="a newsletter's reaid gets its cookie and goes with the event (R-10, R-33)",
        request=Request(url="https://www.shop.example/shirt?reaid=Ab-1_x%3D&utm=n"),
        view=emit,
        cookies=[*ids(guid(1), guid(2)), person("rsaReaId", "Ab-1_x=")],
        wire=[raptor(guid(1), guid(2), person="|reaid=Ab-1_x%3D"), yoochoose(guid(1))],
    ),
    Case(
        what="a new reaid wins over the stored one (R-33)",
        request=Request(url="https://www.shop.example/?reaid=new", cookies=(KNOWN + "; rsaReaId=old",)),
        view=emit,
        cookies=[*ids(ALICE, VISIT), person("rsaReaId", "new")],
        wire=[raptor(ALICE, VISIT, person="|reaid=new"), yoochoose(ALICE)],
    ),
    Case(
        what="a stored reaid goes with every event and is not written again (R-10)",
        request=Request(cookies=(KNOWN + "; rsaReaId=old",)),
        view=emit,
        cookies=ids(ALICE, VISIT),
        wire=[raptor(ALICE, VISIT, person="|reaid=old"), yoochoose(ALICE)],
    ),
    Case(
        what="two different reaids are none",
        request=Request(url="https://www.shop.example/?reaid=a&reaid=b"),
        cookies=ids(guid(1), guid(2)),
    ),
    Case(
        what="a reaid that would break a header is none (D-04, T-06)",
        request=Request(url="https://www.shop.example/?reaid=x%0d%0aSet-Cookie:%20evil=1"),
        cookies=ids(guid(1), guid(2)),
    ),
    Case(
        what="a script's call captures nothing",
        request=Request(url="https://www.shop.example/?reaid=a", headers=SCRIPT, cookies=(KNOWN,)),
        cookies=ids(ALICE, VISIT),
    ),
    Case(
        what="xuid is nothing to a site of reaid and ruid (R-39)",
        request=Request(url="https://www.shop.example/?xuid=x1", cookies=(KNOWN + "; rsaXuid=x2",)),
        view=emit,
        cookies=ids(ALICE, VISIT),
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="a site of xuid captures it, and neither reaid nor ruid (R-38, R-39)",
        request=Request(url="https://www.shop.example/?xuid=x1&reaid=r1", cookies=(KNOWN + "; rsaReaId=r2",)),
        view=identify_and_emit,
        config={"person_ids": "xuid"},
        cookies=[*ids(ALICE, VISIT), person("rsaXuid", "x1")],
        wire=[raptor(ALICE, VISIT, person="|xuid=x1"), yoochoose(ALICE)],
    ),
    Case(
        what="the id is taken out of the address bar by a redirect that sets its cookie",
        request=Request(url="https://www.shop.example/shirt?a=1%20+&reaid=r1&b="),
        config={"strip_query_ids": True},
        status=303,
        location=["/shirt?a=1%20+&b="],
        cookies=[*ids(guid(1), guid(2)), person("rsaReaId", "r1")],
        cache_control=["private, no-store"],
    ),
    Case(
        what="a landing page of two slashes is no way to another site",
        request=Request(url="https://www.shop.example//evil.example/x?reaid=r1", cookies=(KNOWN,)),
        config={"strip_query_ids": True},
        status=303,
        cookies=[*ids(ALICE, VISIT), person("rsaReaId", "r1")],
        cache_control=["private, no-store"],
        location=["/evil.example/x"],
    ),
    Case(
        what="a landing page of a slash and a backslash is no way to another site",
        request=Request(url="https://www.shop.example/%5Cevil.example?reaid=r1", cookies=(KNOWN,)),
        config={"strip_query_ids": True},
        status=303,
        cookies=[*ids(ALICE, VISIT), person("rsaReaId", "r1")],
        cache_control=["private, no-store"],
        location=["/%5Cevil.example"],
    ),
    Case(
        what="a landing page's path cannot break the header",
        request=Request(url="https://www.shop.example/%0D%0Aevil:%201?reaid=r1", cookies=(KNOWN,)),
        config={"strip_query_ids": True},
        status=303,
        cookies=[*ids(ALICE, VISIT), person("rsaReaId", "r1")],
        cache_control=["private, no-store"],
        location=["/%0D%0Aevil:%201"],
    ),
    Case(
        what="a prefetched landing page is not redirected",
        request=Request(
            url="https://www.shop.example/?reaid=r1",
            headers=with_headers(("sec-purpose", "prefetch")),
            cookies=(KNOWN,),
        ),
        config={"strip_query_ids": True},
    ),
    Case(
        what="without consent nothing is captured and nobody redirected",
        request=Request(url="https://www.shop.example/?reaid=r1"),
        config={"strip_query_ids": True, "consent": None},
    ),
]

SEALER = Sealer([KEY], lambda size: b"\0" * size)
STALE = Sealer(["an older key of thirty letters"], lambda size: b"\0" * size)
SEALED = SEALER.seal("anna@shop.example", "rsaRuid", "shop.example")
FOREIGN = SEALER.seal("anna@shop.example", "rsaRuid", "paper.example")
OUTDATED = STALE.seal("anna@shop.example", "rsaRuid", "shop.example")
ANNA_RUID = "YW5uYUBzaG9wLmV4YW1wbGU%3D"

IDENTITIES = [
    Case(
        what="who identifies gets a sealed cookie, and their ruid into this very request's event (R-26, R-29, R-30)",
        request=Request(cookies=(KNOWN,)),
        view=identify_and_emit,
        cookies=[*ids(ALICE, VISIT), ANNA],
        wire=[raptor(ALICE, VISIT, person=ANNA_RUID), yoochoose(ALICE)],
    ),
    Case(
        what="a sealed ruid comes back, and is not written again",
        request=Request(cookies=(f"{KNOWN}; rsaRuid={SEALED}",)),
        view=emit,
        cookies=ids(ALICE, VISIT),
        wire=[raptor(ALICE, VISIT, person=ANNA_RUID), yoochoose(ALICE)],
    ),
    Case(
        what="who identifies overrides who was there before (R-27)",
        request=Request(cookies=(f"{KNOWN}; rsaRuid={SEALER.seal('bo@shop.example', 'rsaRuid', 'shop.example')}",)),
        view=identify_and_emit,
        cookies=[*ids(ALICE, VISIT), ANNA],
        wire=[raptor(ALICE, VISIT, person=ANNA_RUID), yoochoose(ALICE)],
    ),
    Case(
        what="a seal of another site is no ruid (D-04)",
        request=Request(cookies=(f"{KNOWN}; rsaRuid={FOREIGN}",)),
        view=emit,
        cookies=ids(ALICE, VISIT),
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="a seal of an older key opens, and is sealed again by the newest",
        request=Request(cookies=(f"{KNOWN}; rsaRuid={OUTDATED}",)),
        config={"secret_keys": (KEY, "an older key of thirty letters")},
        view=emit,
        cookies=[*ids(ALICE, VISIT), ANNA],
        wire=[raptor(ALICE, VISIT, person=ANNA_RUID), yoochoose(ALICE)],
    ),
    Case(
        what="base64 stands in the cookie as it is, without quotes (T-03)",
        request=Request(cookies=(KNOWN,)),
        view=identify,
        config={"ruid_cookie": "base64"},
        cookies=[*ids(ALICE, VISIT), person("rsaRuid", "YW5uYUBzaG9wLmV4YW1wbGU=")],
    ),
    Case(
        what="base64 comes back as the ruid it is",
        request=Request(cookies=(KNOWN + "; rsaRuid=YW5uYUBzaG9wLmV4YW1wbGU=",)),
        view=emit,
        config={"ruid_cookie": "base64"},
        cookies=ids(ALICE, VISIT),
        wire=[raptor(ALICE, VISIT, person=ANNA_RUID), yoochoose(ALICE)],
    ),
    Case(
        what="with its cookie off a ruid lives for one request",
        request=Request(cookies=(KNOWN,)),
        view=identify_and_emit,
        config={"ruid_cookie": "off"},
        cookies=ids(ALICE, VISIT),
        wire=[raptor(ALICE, VISIT, person=ANNA_RUID), yoochoose(ALICE)],
    ),
    Case(
        what="who identifies by a script's call is written, ids and all",
        request=Request(method="POST", headers=SCRIPT),
        view=identify,
        cookies=[*ids(guid(1), guid(2)), ANNA],
    ),
    Case(
        what="who identifies at a payment's return is written all the same",
        request=Request(method="POST", headers=CROSS_SITE_POST, cookies=(KNOWN,)),
        view=identify,
        cookies=[ANNA],
    ),
    Case(
        what="a login is one event before those of the user, and no cookie (R-12, R-41, Y-05, Y-06)",
        request=Request(cookies=(KNOWN,)),
        view=login_and_emit,
        cookies=ids(ALICE, VISIT),
        wire=[
            f"https://event.yoochoose.net/api/00000/login/{ALICE}/johndoe",
            raptor(ALICE, VISIT, user="johndoe"),
            yoochoose("johndoe"),
        ],
    ),
    Case(
        what="a login is reported though the site names the user already (Y-05)",
        request=Request(cookies=(KNOWN,)),
        view=login_and_emit,
        site={"user_id": lambda request: "johndoe"},
        cookies=ids(ALICE, VISIT),
        wire=[
            f"https://event.yoochoose.net/api/00000/login/{ALICE}/johndoe",
            raptor(ALICE, VISIT, user="johndoe"),
            yoochoose("johndoe"),
        ],
    ),
]

OWN = {"consent": own_cookie()}
GRANTED, DENIED = f"footfallConsent=1.g.g.{NOW}", f"footfallConsent=1.d.d.{NOW}"

CONSENTS = [
    Case(
        what="unknown consent reads, sets, sends and deletes nothing (D-05)",
        request=Request(url="https://www.shop.example/?reaid=r1", cookies=(KNOWN,)),
        view=emit,
        config=OWN,
        refused=["consent", "consent"],
    ),
    Case(
        what="unknown consent gives the view no id, and the page does not vary",
        request=Request(cookies=(KNOWN,)),
        view=read,
        config=OWN,
    ),
    Case(
        what="a granted consent is read from its cookie",
        request=Request(cookies=(f"{KNOWN}; {GRANTED}",)),
        view=emit,
        config=OWN,
        cookies=ids(ALICE, VISIT),
        wire=both(ALICE, VISIT),
    ),
    Case(
        what="a denied consent expires what is there, in both scopes, and sends nothing (D-05)",
        request=Request(cookies=(f"{KNOWN}; rsaReaId=r1; {DENIED}",)),
        view=emit,
        config=OWN,
        cookies=expired("rsa", "rsaSession", "rsaSessionOpen", "rsaReaId"),
        refused=["consent", "consent"],
    ),
    Case(
        what="a denied consent with nothing left to expire sets nothing",
        request=Request(cookies=(DENIED,)),
        view=emit,
        config=OWN,
        refused=["consent", "consent"],
    ),
    Case(
        what="a grant in the view sets the cookies with that very response, and the event held goes",
        view=emit_and_grant,
        config=OWN,
        cookies=[*ids(guid(1), guid(2)), consent_line("g.g")],
        wire=both(guid(1), guid(2)),
    ),
    Case(
        what="a grant for the device alone keeps the person unknown",
        request=Request(cookies=(KNOWN + "; rsaReaId=r1",)),
        view=grant_device,
        config=OWN,
        cookies=[*ids(ALICE, VISIT), *expired("rsaReaId"), consent_line("g.d")],
    ),
    Case(
        what="a denial in the view expires, and the event held is dropped",
        request=Request(cookies=(KNOWN,)),
        view=emit_and_deny,
        config=OWN,
        cookies=[*expired("rsa", "rsaSession", "rsaSessionOpen"), consent_line("d.d")],
        refused=["consent", "consent"],
    ),
    Case(
        what="Sec-GPC is a denial, whatever the reader says",
        request=Request(headers=with_headers(("sec-gpc", "1")), cookies=(KNOWN,)),
        view=emit,
        cookies=expired("rsa", "rsaSession", "rsaSessionOpen"),
        refused=["consent", "consent"],
    ),
    Case(
        what="Sec-GPC says nothing to a site that does not honour it",
        request=Request(headers=with_headers(("sec-gpc", "1")), cookies=(KNOWN,)),
        config={"honour_gpc": False},
        cookies=ids(ALICE, VISIT),
    ),
]

EVERY_NAME = ("rsa", "rsaSession", "rsaSessionOpen", "rsaRuid", "rsaReaId", "rsaXuid")
#: Of the forgotten id itself nothing is left that could be read back.
GONE = hashlib.sha256(ALICE.encode()).hexdigest()[:16]

FORGOTTEN = [
    Case(
        what="who is forgotten keeps no cookie that knows them",
        request=Request(cookies=(KNOWN + "; rsaReaId=r1",)),
        view=forget,
        cookies=[*expired(*EVERY_NAME), f"rsaGone={GONE}; Max-Age=3600{attributes()}"],
    ),
    Case(
        what="an id that a slower response brought back stays forgotten",
        request=Request(cookies=(f"{KNOWN}; rsaReaId=r1; rsaGone={GONE}",)),
        view=emit,
        cookies=[*ids(guid(1), guid(2)), *expired("rsaReaId")],
        wire=both(guid(1), guid(2)),
    ),
    Case(
        what="a forgotten visitor of a page for shared caches loses their cookies all the same",
        request=Request(cookies=(KNOWN,)),
        view=forget,
        reply=Reply(headers=[("Cache-Control", "public")]),
        cookies=[*expired(*EVERY_NAME), f"rsaGone={GONE}; Max-Age=3600{attributes()}"],
    ),
]

CHOICE = "https://www.shop.example/consent"
ENDPOINT = {"consent_endpoint": "/consent"}
UNSTORED = ["private, no-store"]

CHOICES = [
    Case(
        what="a banner's script grants, and the landing page's reaid is not lost",
        request=Request(
            method="POST", url=CHOICE + "?grant", headers=[*SCRIPT, ("referer", "https://www.shop.example/?reaid=r1")]
        ),
        config=OWN,
        site=ENDPOINT,
        status=204,
        cookies=[*ids(guid(1), guid(2)), person("rsaReaId", "r1"), consent_line("g.g")],
        cache_control=UNSTORED,
    ),
    Case(
        what="a banner's form grants and comes back to its page",
        request=Request(
            method="POST",
            url=CHOICE + "?grant",
            headers=with_headers(("sec-fetch-site", "same-origin"), ("referer", "https://www.shop.example/shirt?a=1")),
        ),
        config=OWN,
        site=ENDPOINT,
        status=303,
        location=["/shirt?a=1"],
        cookies=[*ids(guid(1), guid(2)), consent_line("g.g")],
        cache_control=UNSTORED,
    ),
    Case(
        what="a banner's script denies, and what was there expires",
        request=Request(method="POST", url=CHOICE + "?deny", headers=SCRIPT, cookies=(f"{KNOWN}; {GRANTED}",)),
        config=OWN,
        site=ENDPOINT,
        status=204,
        cookies=[*expired("rsa", "rsaSession", "rsaSessionOpen"), consent_line("d.d")],
        cache_control=UNSTORED,
    ),
    Case(
        what="another site cannot consent for a visitor",
        request=Request(method="POST", url=CHOICE + "?grant", headers=CROSS_SITE_POST),
        config=OWN,
        site=ENDPOINT,
        status=403,
        cache_control=["no-store"],
    ),
]

CASES = [*LANDINGS, *IDENTITIES, *CONSENTS, *FORGOTTEN, *CHOICES]
