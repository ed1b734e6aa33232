"""`footfall spool`: what a person sees of a spool, and what they do about what failed."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from footfall.cli import main
from footfall.delivery import Delivery, spool_status
from footfall.wire import WireRequest

VISITOR = "anna-17"

Message = MutableMapping[str, Any]


async def grumpy(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """A tracker that refuses what it is asked to, and repeats what it was sent."""
    if scope["type"] != "http":
        return
    status = int(scope["path"].rpartition("/")[2])
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, serve: Any) -> Path:
    """A spool: of tracker one, a request delivered, one refused, an event that never became one; one refused of two."""
    path = tmp_path_factory.mktemp("made") / "spool.sqlite3"
    with serve(grumpy) as port:
        delivery = Delivery(f"sqlite:///{path}")
        delivery.accept(
            [
                WireRequest(tracker=tracker, kind="click", url=f"http://127.0.0.1:{port}/{VISITOR}/{status}")
                for tracker, status in (("one", 200), ("one", 400), ("two", 404))
            ]
        )
        delivery.set_aside("one", "buy", VISITOR, "no price")
        delivery.refuse("one", "consent", 5)
        assert delivery.flush(20) == 0
        delivery.close()
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test alone."""
    shutil.copytree(made.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / made.name


def read_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["spool", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_status_shows_every_tracker_and_all_together(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "status", str(path)]) == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row] == [
        ["one", "3", "1", "0", "2", "0", "5 consent", ""],
        ["two", "1", "0", "0", "1", "0", "0", ""],
        ["all", "4", "1", "0", "3", "0", "5 consent", ""],
    ]


def test_the_status_as_json_adds_up(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [status] = read_json(capsys, "status", "--json", str(path))
    counts = [status[name] for name in ("accepted", "delivered", "pending", "failed", "erased", "refused")]
    assert counts == [4, 1, 0, 3, 0, {"consent": 5}]


def test_the_status_says_since_when_the_oldest_request_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", deliver_here=False)
    before = datetime.now().astimezone()
    delivery.accept([WireRequest(tracker="one", kind="click", url="http://127.0.0.1:9/")])
    delivery.close()
    [status] = read_json(capsys, "status", "--json", f"{tmp_path}/spool.sqlite3")
    assert abs((datetime.fromisoformat(status["trackers"]["one"]["oldest_pending"]) - before).total_seconds()) < 60


@pytest.mark.parametrize("form", ["sqlite:///{}", "{}", "shop_of_spool:sites.main"])
def test_a_spool_is_named_by_its_url_its_file_or_its_site(
    path: Path, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop_of_spool.py").write_text(
        "from footfall import Site\nfrom footfall.delivery import Delivery\n"
        f"class sites:\n    main = Site(delivery=Delivery('sqlite:///{path}'))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shop_of_spool", raising=False)
    assert read_json(capsys, "status", "--json", form.format(path))[0]["accepted"] == 4


def test_what_failed_is_listed_with_its_reason(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_json(capsys, "failed", "--json", str(path))
    assert sorted((row["tracker"], row["kind"], row["reason"].partition(":")[0]) for row in rows) == [
        ("one", "buy", "no price"),
        ("one", "click", "answered 400"),
        ("two", "click", "answered 404"),
    ]


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_what_failed_is_listed_without_any_value_of_a_visitor(
    path: Path, how: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["spool", "failed", *how, str(path)])
    assert VISITOR not in capsys.readouterr().out


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_urls_are_shown_to_whoever_asks_for_them(
    path: Path, how: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["spool", "failed", "--show-url", *how, str(path)])
    assert f"/{VISITOR}/400" in capsys.readouterr().out


def test_a_long_list_says_how_much_of_it_is_not_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["spool", "failed", "--limit", "1", str(path)])
    assert capsys.readouterr().out.splitlines()[-1] == "3 failed, the 1 most frequent reasons shown; --limit shows more"
    main(["spool", "failed", "--show-url", "--limit", "1", str(path)])
    assert capsys.readouterr().out.splitlines()[-1] == "3 failed, the oldest 1 shown; --limit shows more"


def test_what_failed_for_one_reason_is_one_line_with_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path}/spool.sqlite3", deliver_here=False)
    for n in range(1200):
        delivery.set_aside("shop", "buy" if n % 2 else "click", f"visitor {n}", "no price")
    delivery.set_aside("shop", "rate", "", "no rating")
    delivery.close()
    main(["spool", "failed", f"{tmp_path}/spool.sqlite3"])
    *_, many, one, total = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("│")] for line in (many, one)]
    assert [[*row[:4], row[-1]] for row in rows] == [
        ["1,200", "shop", "buy, click", "no", "no price"],
        ["1", "shop", "rate", "no", "no rating"],
    ]
    assert total == "1,201 failed"


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ([], 0),
        (["--tracker", "one"], 1),
        (["--reason", "answered 40"], 1),
        (["--since", "1h"], 0),
        (["--since", "2999-01-01"], 3),
        (["--before", "1h"], 3),
        (["--before", "2999-01-01T12:00"], 0),
        (["--tracker", "two", "--reason", "no price"], 3),
    ],
)
def test_what_is_purged_is_chosen_by_tracker_reason_and_time(
    path: Path, choice: list[str], left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["spool", "purge", "--yes", *choice, str(path)])
    capsys.readouterr()
    assert len(read_json(capsys, "failed", "--json", str(path))) == left


def test_what_is_tried_again_is_pending_and_what_cannot_be_sent_is_named(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["spool", "retry", "--yes", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 never became a request: they cannot be sent, and stay.",
        "2 requests pending again",
    ]
    stats = spool_status(f"sqlite:///{path}").stats
    assert (stats.pending, stats.failed) == (2, 1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 3), ("", 1, 3)])
def test_a_person_is_asked_and_told_the_number_first(
    path: Path,
    answer: str,
    status: int,
    left: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["spool", "purge", str(path)]) == status
    assert capsys.readouterr().out.startswith("3 failed requests to be thrown away. Go on? [y/N] ")
    assert len(read_json(capsys, "failed", "--json", str(path))) == left


def test_nothing_is_thrown_away_where_nobody_can_be_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["spool", "purge", str(path)]) == 2
    assert "write --yes" in capsys.readouterr().err
    assert spool_status(f"sqlite:///{path}").stats.failed == len(read_json(capsys, "failed", "--json", str(path)))


def make_garbage(path: Path) -> None:
    path.write_bytes(os.urandom(8192))


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def make_another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (id)")


@pytest.mark.parametrize("command", ["status", "failed", "retry", "purge"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (Path.unlink, "does not exist"),
        (make_garbage, "is damaged"),
        (make_newer, "upgrade footfall"),
        (make_another_programs, "another program's"),
    ],
)
def test_a_spool_that_cannot_be_used_is_an_error_that_says_why(
    path: Path, command: str, spoil: Callable[[Path], None], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(path)
    assert main(["spool", command, str(path)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["failed", "--before", "yesterday"], "is no time; write"),
        (["failed", "--limit", "many"], "is no number"),
        (["status", "--json", "--watch"], "not allowed with"),
    ],
)
def test_an_option_that_cannot_be_read_is_an_error_that_says_how(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["spool", *arguments])
    assert ending.value.code == 2
    assert words in capsys.readouterr().err


def test_a_spool_in_memory_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "failed", "memory:"]) == 2
    assert "its own process alone" in capsys.readouterr().err


def test_a_table_without_rich_names_the_extra_and_json_needs_none(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert main(["spool", "status", str(path)]) == 2
    assert "footfall[cli]" in capsys.readouterr().err
    assert read_json(capsys, "status", "--json", str(path))[0]["accepted"] == 4


def test_a_watched_status_ends_well_with_ctrl_c(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("footfall.commands.spool.time.sleep", interrupt)
    assert main(["spool", "status", "--watch", str(path)]) == 0
    assert "consent" in capsys.readouterr().out
