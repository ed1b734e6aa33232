"""Decides what a request to the local tracker is, whether it is right, and how to answer it. Pure."""

from __future__ import annotations

from http import HTTPStatus

from footfall.localtracker.assessment import Assessment, Findings, Rules, TrackerName
from footfall.localtracker.raptor import assess_raptor
from footfall.localtracker.target import decode
from footfall.localtracker.yoochoose import LINKS, assess_link, assess_transfer, assess_yoochoose

__all__ = ["format_answer", "assess"]

_BOTH = "The two documents"


def assess(method: str, target: str, rules: Rules | None = None, *, authorization: str | None = None) -> Assessment:
    """Decode one request and assess it by its tracker's document.

    No request makes this raise.

    Args:
        method: In upper case.
        target: Path and query as they came, nothing decoded; bytes beyond ASCII as latin-1.
        rules: What the customer's contract leaves open; by default as the documents say.
        authorization: The request's ``Authorization`` header.
    """
    rules = rules if rules is not None else Rules()
    path, _, query = target.partition("?")
    if len(target) > rules.max_target:
        return _refuse_long(path, len(target), rules)
    segments = [decode(segment) for segment in path.split("/")[1:]]
    head = segments[0].raw if segments else ""
    if len(segments) == 1 and head.endswith((".rsa", ".stream")):
        return assess_raptor(method, segments[0], query, rules)
    if len(segments) == 5 and segments[2].raw == "transfer":
        return assess_transfer(method, segments, query, rules, authorization)
    if head == "api" or (rules.ibexa and head in ("ebl", "news")):
        return assess_yoochoose(method, segments[1:], query, rules, authorization)
    if head in LINKS:
        return assess_link(method, segments, query, rules)
    findings = Findings(_BOTH)
    findings.wrong(
        "path",
        "is no tracker's",
        "write /[customerid].rsa for Raptor, /api/[customerid]/[event]/... for YOOCHOOSE",
        "The URL has the following format",
    )
    return Assessment(tracker="unknown", status=404, problems=findings.problems)


def _refuse_long(path: str, length: int, rules: Rules) -> Assessment:
    findings = Findings("Tracking API")
    findings.wrong(
        "URL", f"has {length} characters", f"send at most {rules.max_target}: split bundles", "Response Handling"
    )
    head = path.partition("/")[2].partition("/")[0]
    tracker: TrackerName = "unknown"
    if head == "api" or head in LINKS:
        tracker = "yoochoose"
    elif head.endswith((".rsa", ".stream")):
        tracker = "raptor"
    return Assessment(tracker=tracker, status=414, problems=findings.problems)


def format_answer(assessment: Assessment) -> str:
    """Write the body of the answer: what is wrong and how to mend it, a line each; ``""`` if nothing is wrong.

    It is plain text, and quotes no visitor's id.
    """
    if not assessment.problems:
        return ""
    lines = [f"{assessment.status} {HTTPStatus(assessment.status).phrase}", ""]
    lines += [f"{'wrong' if problem.fatal else 'doubtful'}: {problem}" for problem in assessment.problems]
    return "\n".join(lines) + "\n"
