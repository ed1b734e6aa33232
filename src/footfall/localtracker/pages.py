"""Writes the local tracker's page. Everything a visitor may have sent is escaped; nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from footfall.localtracker.store import Count, Filter, Received

__all__ = ["format_page"]

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 1.5rem auto; max-width: 90rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
code { font-size: .9em }
ul { margin: 0; padding-left: 1.1rem }
form { display: inline-block; margin: 0 1rem 1rem 0 }
.refused { border-left: .3rem solid #c33 }
.doubtful { border-left: .3rem solid #c90 }
.accepted { border-left: .3rem solid #393 }
"""


def format_page(received: Sequence[Received], counts: Iterable[Count], wanted: Filter, matching: int) -> str:
    """Write the page.

    Args:
        received: The requests to show, latest first.
        counts: Of everything, whatever is shown.
        wanted: What the visitor of the page asked to see.
        matching: How many requests that is.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>footfall: local tracker</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Local tracker</h1>
{_format_counts(counts)}
{_format_filter(wanted)}
<form method="post" action="/clear"><button>Forget everything</button></form>
<p>{matching} requests match, the latest {len(received)} are shown. <a href="/received.json">As JSON</a></p>
<table>
<thead><tr><th>#</th><th>Time (UTC)</th><th>Tracker</th><th>Event</th><th>Visitor</th><th>Parameters</th>
<th>Answer</th></tr></thead>
<tbody>
{"".join(map(_format_row, received))}</tbody>
</table>
</body>
</html>
"""


def _format_counts(counts: Iterable[Count]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.tracker)}</td><td>{escape(one.kind)}</td><td>{one.status}</td><td>{one.count}</td></tr>\n"
        for one in counts
    )
    if not rows:
        return "<p>Nothing has been received yet.</p>"
    head = "<tr><th>Tracker</th><th>Event</th><th>Answer</th><th>Requests</th></tr>"
    return (
        f"<details open><summary>Counts</summary><table><thead>{head}</thead><tbody>\n{rows}</tbody></table></details>"
    )


def _format_filter(wanted: Filter) -> str:
    trackers = _format_choice("tracker", ("raptor", "yoochoose", "unknown"), wanted.get("tracker"))
    verdicts = _format_choice("verdict", ("accepted", "refused"), wanted.get("verdict"))
    texts = "".join(
        f'<label>{label} <input name="{name}" value="{escape(value or "")}"></label> '
        for name, label, value in (
            ("kind", "Event", wanted.get("kind")),
            ("visitor", "Visitor", wanted.get("visitor")),
        )
    )
    return f'<form method="get" action="/">{trackers}{verdicts}{texts}<button>Show</button></form>'


def _format_choice(name: str, choices: Sequence[str], chosen: str | None) -> str:
    options = "".join(f"<option{' selected' if one == chosen else ''}>{one}</option>" for one in choices)
    return f'<label>{name.title()} <select name="{name}"><option value="">all</option>{options}</select></label> '


def _format_row(one: Received) -> str:
    look = "refused" if not one.judged.accepted else "doubtful" if one.problems else "accepted"
    time = datetime.fromtimestamp(one.at, UTC).strftime("%H:%M:%S.%f")[:-3]
    params = "".join(f"<li>{escape(name)} = <code>{escape(value)}</code></li>" for name, value in one.judged.params)
    problems = "".join(f"<li>{escape(str(problem))}</li>" for problem in one.problems)
    return (
        f'<tr class="{look}"><td>{one.number}</td><td>{time}</td><td>{escape(one.tracker)}</td>'
        f"<td>{escape(one.kind)}</td><td>{escape(one.visitor)}</td>"
        f"<td><ul>{params}</ul><code>{escape(one.method)} {escape(one.target)}</code></td>"
        f"<td>{one.status}<ul>{problems}</ul></td></tr>\n"
    )
