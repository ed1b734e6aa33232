"""`footfall replay`: files into trackers, once each row, with numbers that add up."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.outside import outside_data

import footfall
from footfall.cli import main
from footfall.commands.replay import engine, sending
from footfall.commands.replay.state import State
from footfall.delivery import Delivery, list_failed
from footfall.localtracker import LocalTracker, Rules

#: One day of a shop's orders: UCI's "Online Retail" in parts by day, the file 2010-12-01.csv. It is not ours to copy.
REAL_ORDERS = "online-retail-2010-12-01.csv"

ORDERS = '''\
InvoiceNo,StockCode,Description,Quantity,UnitPrice,CustomerID
536365,85123A,"HEART, WHITE ""T-LIGHT""",6,2.55,17850.0
536365,71053,WHITE LANTERN,6,3.39,17850.0
C53637,22752,"NESTING
BOXES",-1,7.65,17850.0
536366,POST,POSTAGE,1,18.00,
536367,84406B,SAMPLE,2,0.00,13047.0
536368,,NO CODE,3,1.25,13047.0
536369,21756,HALF,1.5,5.95,13047.0
536370,21755,LATE ROW,4
'''
MAPPED = [
    *("--item", "StockCode", "--quantity", "Quantity", "--price", "UnitPrice", "--currency", "=GBP"),
    *("--order", "InvoiceNo"),
]
YOOCHOOSE = ["--tracker", "yoochoose", "--text-item-ids", "--customer-id", "00000", *MAPPED]
RAPTOR = ["--tracker", "raptor-stream", "--customer-id", "12345", *MAPPED, "--ruid", "CustomerID"]

Table = dict[str, list[str]]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State and spool stand in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOOTFALL_LICENCE_KEY", raising=False)
    monkeypatch.setattr(engine, "_ROWS", 50)  # a state so often


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return str(path)


@pytest.fixture
def numbered(tmp_path: Path) -> Callable[[int], str]:
    """Write a file of so many order lines, each of an item of its own."""

    def write(number: int) -> str:
        path = tmp_path / "numbered.csv"
        path.write_text("item\n" + "".join(f"{item}\n" for item in range(1, number + 1)))
        return str(path)

    return write


@pytest.fixture
def tracker() -> Iterator[LocalTracker]:
    with LocalTracker(rules=Rules(text_item_ids=True, buy_optional=True)) as tracker:
        yield tracker


def to(tracker: LocalTracker) -> list[str]:
    return [
        "--tracker",
        "yoochoose",
        "--customer-id",
        "00000",
        "--item",
        "item",
        "--no-price",
        "--base-url",
        tracker.url,
    ]


def items(tracker: LocalTracker) -> list[int]:
    return sorted(int(one.params["itemid"]) for one in tracker.received())


def read_table(text: str) -> Table:
    rows = [[cell.strip() for cell in line.split("│")] for line in text.splitlines() if "│" in line]
    return {name: cells for name, *cells in rows}


def replay(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Table, str]:
    """Run the command; gives its status, its table, and all that it wrote."""
    status = main(["replay", *arguments])
    written = capsys.readouterr()
    return status, read_table(written.out), written.out + written.err


@pytest.mark.parametrize(
    ("options", "sent", "refused"),
    [
        (YOOCHOOSE, ["3,081", "3,081", "58,960.79"], ["27", "", "-325.23"]),
        (RAPTOR, ["1,942", "1,942", "46,376.49"], ["1,166", "", "12,259.07"]),
    ],
    ids=["yoochoose", "raptor-stream"],
)
def test_a_real_day_of_orders_adds_up_to_the_cent(
    options: list[str], sent: list[str], refused: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """T-22, T-26: 3,108 lines of 58,635.56 pounds; returns have no event, strangers no offline order."""
    orders = outside_data(REAL_ORDERS)
    _, table, _ = replay(capsys, str(orders), "--dry-run", *options)
    assert (table["would be sent"], table["refused"], table["in the file"]) == (
        sent,
        refused,
        ["3,108", "", "58,635.56"],
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            YOOCHOOSE,
            {
                "would be sent": ["4", "4", "53.64"],
                "refused": ["4", "", "-3.90"],
                "quantity: is negative, a return or a cancellation, for which there is no event": ["1", "", "-7.65"],
                "item: is empty; give at least one character, or leave it out where that is allowed": ["1", "", "3.75"],
                "quantity: is no whole number": ["1", "", ""],
                "row: has 4 fields where the header has 6": ["1", "", ""],
                "in the file": ["8", "", "49.74"],
            },
        ),
        (
            RAPTOR,
            {
                "would be sent": ["3", "3", "35.64"],
                "refused": ["5", "", "14.10"],
                "raptor: takes no order of nobody: there is neither a device nor a ruid": ["1", "", "18.00"],
                "quantity: is negative, a return or a cancellation, for which there is no event": ["1", "", "-7.65"],
                "item: is empty; give at least one character, or leave it out where that is allowed": ["1", "", "3.75"],
                "quantity: is no whole number": ["1", "", ""],
                "row: has 4 fields where the header has 6": ["1", "", ""],
                "in the file": ["8", "", "49.74"],
            },
        ),
    ],
    ids=["yoochoose", "raptor-stream"],
)
def test_what_is_sent_and_what_is_refused_come_to_what_is_in_the_file(
    options: list[str], expected: Table, orders: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, table, _ = replay(capsys, orders, "--dry-run", *options)
    assert table == expected


def test_a_price_finer_than_a_penny_is_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T-22."""
    (tmp_path / "fine.csv").write_text("item,n,price\n1,100,0.125\n")
    options = ["--customer-id", "0", "--item", "item", "--quantity", "n", "--price", "price", "--currency", "=EUR"]
    _, table, _ = replay(capsys, "fine.csv", "--dry-run", "--tracker", "yoochoose", *options)
    assert [table[name][2] for name in table] == ["13.00", "", "-0.500", "12.500"]


def test_a_dry_run_writes_nothing_and_shows_what_would_be_sent(
    orders: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, written = replay(capsys, orders, "--dry-run", *YOOCHOOSE)
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]
    assert (
        "GET https://event.yoochoose.net/api/00000/buy/not_defined/1/85123A?fullprice=2.55GBP&quantity=6\n" in written
    )


def test_an_offline_order_has_the_customer_number_as_its_ruid(orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, written = replay(capsys, orders, "--dry-run", *RAPTOR, "--whole", "CustomerID")
    assert (
        "12345.stream?p1=buy&p2=85123A&p5=15.30&p6=GBP&p12=2.55&p13=6&p21=536365&ruid=17850&source=webhook" in written
    )


def test_a_buy_of_the_past_carries_its_time_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """'Importing historical user tracking data': the first published signature."""
    (tmp_path / "past.jsonl").write_text('{"i": 11, "p": 19.99, "at": 1325415600, "who": "johndoe"}\n')
    options = ["--item", "i", "--price", "p", "--currency", "=EUR", "--time", "at", "--time-format", "unix"]
    options += ["--user", "who", "--licence-key", "8695-1828-92810-5535-4239"]
    _, _, written = replay(capsys, "past.jsonl", "--dry-run", "--tracker", "ibexa", *options)
    assert (
        "https://event.perso.ibexa.co/api/00000/buy/johndoe/1/11?fullprice=19.99EUR"
        "&overridetimestamp=2012-01-01T11%3A00%3A00&quantity=1&signature=d0026f017ae823f19530d93318c5a2f6\n" in written
    )


def test_json_lines_come_through_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = io.BytesIO(b'{"aid": 1, "type": "clicks"}\n{"aid": 2, "type": "carts"}\n')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(lines))
    options = ["--format", "jsonl", "--item", "aid", "--no-price", "--event", "type"]
    options += ["--rename", "clicks=click", "--rename", "carts=basket"]
    _, table, written = replay(capsys, "-", "--dry-run", "--tracker", "yoochoose", *options)
    assert (table["would be sent"], re.findall(r"/00000/(\S+)", written)) == (
        ["2", "2"],
        ["click/not_defined/1/1", "basket/not_defined/1/2"],
    )


def test_every_refused_row_is_reported_with_its_line(orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    replay(capsys, orders, "--dry-run", *YOOCHOOSE, "--report", "refused.txt")
    assert Path("refused.txt").read_text().splitlines() == [
        "lines 4 to 5: quantity: is negative, a return or a cancellation, for which there is no event",
        "line 8: item: is empty; give at least one character, or leave it out where that is allowed",
        "line 9: quantity: is no whole number",
        "line 10: row: has 4 fields where the header has 6",
    ]


def test_the_screen_shows_a_few_refused_rows_and_counts_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_text("item\n" + "x\n" * 100)
    options = ["--dry-run", "--tracker", "yoochoose", "--item", "item", "--no-price"]
    _, _, written = replay(capsys, "bad.csv", *options)
    assert (written.count("refused line "), "... and 80 more; --report FILE" in written) == (20, True)


def test_rows_arrive_at_the_tracker(
    tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, table, _ = replay(capsys, numbered(120), *to(tracker))
    assert (status, table["delivered"], items(tracker)) == (0, ["", "120"], [*range(1, 121)])


def test_what_the_tracker_refuses_is_set_aside_and_ends_with_status_1(
    numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalTracker(rules=Rules(customers=frozenset({"12345"}))) as strict:
        status, table, written = replay(capsys, numbered(3), *to(strict))
    assert (status, table["set aside"]) == (1, ["", "3"])
    assert "footfall spool failed sqlite:///footfall-replay.sqlite3\n" in written


def test_a_finished_replay_sends_nothing_again(
    tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = numbered(60)
    _, first, _ = replay(capsys, path, *to(tracker))
    _, second, written = replay(capsys, path, *to(tracker))
    assert (second, tracker.count(), "Nothing new after 60 rows" in written) == (first, 60, True)


def test_only_what_a_file_has_grown_by_is_sent(
    tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    replay(capsys, numbered(60), *to(tracker))
    replay(capsys, numbered(70), *to(tracker))
    assert items(tracker) == [*range(1, 71)]


def test_a_restart_sends_everything_again(
    tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = numbered(3)
    replay(capsys, path, *to(tracker))
    _, table, _ = replay(capsys, path, *to(tracker), "--restart")
    assert (items(tracker), table["delivered"]) == ([1, 1, 2, 2, 3, 3], ["", "3"])


def test_two_trackers_are_told_of_one_file_independently(
    tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = numbered(3)
    replay(capsys, path, *to(tracker))
    options = ["--tracker", "raptor-stream", "--customer-id", "1", "--ruid", "=anna", "--base-url", tracker.url]
    replay(capsys, path, *options, "--item", "item", "--no-price")
    assert (tracker.count(tracker="yoochoose"), tracker.count(tracker="raptor")) == (3, 3)


def test_other_options_do_not_go_on_with_an_interrupted_replay(
    tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = numbered(3)
    replay(capsys, path, *to(tracker))
    status, _, written = replay(capsys, path, *to(tracker), "--user", "=johndoe")
    assert (status, "of a replay with other options" in written) == (2, True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2}', '{"version": 1, "totals": {}}'])
def test_what_is_no_state_is_said_to_be(
    content: str, tracker: LocalTracker, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("state.json").write_text(content)
    status, _, written = replay(capsys, numbered(3), *to(tracker), "--state", "state.json")
    assert (status, "footfall: state: " in written, tracker.count()) == (2, True, 0)


class Interrupted(BaseException):
    """The process's end, in a place of our choice."""


def test_an_interruption_between_acceptance_and_its_note_sends_nothing_twice(
    tracker: LocalTracker,
    numbered: Callable[[int], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The spool has the second fifty rows; the state knows of the first alone."""
    saved: list[int] = []

    def save_thrice(state: State) -> None:
        if len(saved) == 2:
            raise Interrupted
        saved.append(state.position)
        save(state)

    save = State.save
    path = numbered(120)
    with monkeypatch.context() as patched:
        patched.setattr(State, "save", save_thrice)
        with pytest.raises(Interrupted):
            main(["replay", path, *to(tracker)])
    assert tracker.wait_until(100)
    replay(capsys, path, *to(tracker))
    assert items(tracker) == [*range(1, 121)]


def test_the_report_of_an_interrupted_replay_has_each_row_once(
    tracker: LocalTracker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mixed.csv").write_text("item\n" + "".join(f"{n}\nx\n" for n in range(1, 61)))
    save = State.save

    def save_first(state: State) -> None:
        if state.line > 51:
            raise Interrupted
        save(state)

    with monkeypatch.context() as patched:
        patched.setattr(State, "save", save_first)
        with pytest.raises(Interrupted):
            main(["replay", "mixed.csv", *to(tracker), "--report", "refused.txt"])
    replay(capsys, "mixed.csv", *to(tracker), "--report", "refused.txt")
    lines = [int(line.split()[1].rstrip(":")) for line in Path("refused.txt").read_text().splitlines()]
    assert lines == [*range(3, 122, 2)]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "footfall.cli", "replay", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(footfall.__file__).parents[1]), "TERM": "xterm", "COLUMNS": "120"}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Whoever runs the suite in the background has it ignore SIGINT, and so would what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.heavy
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_sent_twice_or_skipped_by_a_replay_that_is_killed(
    number: signal.Signals, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In a real process; it only spools, so that what is under way at a tracker is no part of this."""
    path = numbered(1200)
    options = ["--tracker", "yoochoose", "--customer-id", "1", "--item", "item", "--no-price", "--format", "csv"]
    options += ["--spool-only", "--state", "state.json"]
    with subprocess.Popen(
        command("-", *options), env=environment(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        # It waits for the rest when it is killed.
        process.stdin.write(Path(path).read_bytes()[:3000])
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (Path("state.json").exists() and json.loads(Path("state.json").read_text())["position"] > 0):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        process.wait(60)
    _, table, _ = replay(capsys, path, *options)
    assert (table["sent"][1], table["waiting in the spool"][1]) == ("1,200", "1,200")


def test_a_tracker_that_is_down_is_waited_for_with_patience_and_no_longer(
    numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalTracker() as gone:
        options = to(gone)
    status, table, _ = replay(capsys, numbered(3), *options, "--patience", "0.3")
    assert (status, table["waiting in the spool"]) == (1, ["", "3"])


def test_what_waits_is_delivered_by_the_same_command_again(
    numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = numbered(3)
    with LocalTracker() as gone:
        options, port = to(gone), int(gone.url.rpartition(":")[2])
    replay(capsys, path, *options, "--patience", "0.3")
    with LocalTracker(port=port, rules=Rules(buy_optional=True)) as back:
        replay(capsys, path, *options)
        assert items(back) == [1, 2, 3]


def test_a_file_does_not_pile_up_before_a_tracker_that_is_down(
    numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_MOST_WAITING", 50)
    with LocalTracker() as gone:
        options = to(gone)
    status, _, written = replay(capsys, numbered(200), *options, "--patience", "0.2")
    assert (status, "is the tracker up?" in written) == (2, True)


def test_a_full_spool_ends_it_where_it_can_go_on(
    tracker: LocalTracker,
    numbered: Callable[[int], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = numbered(60)
    with monkeypatch.context() as patched:
        patched.setattr(Delivery, "accept", lambda *_: False)
        status, _, written = replay(capsys, path, *to(tracker), "--patience", "0.1")
    replay(capsys, path, *to(tracker))
    assert (status, "the spool takes nothing more" in written, items(tracker)) == (2, True, [*range(1, 61)])


def test_a_terminal_shows_how_far_it_is(numbered: Callable[[int], str]) -> None:
    mine, theirs = pty.openpty()
    options = ["--dry-run", "--tracker", "yoochoose", "--item", "item", "--no-price"]
    with subprocess.Popen(
        command(numbered(2000), *options), env=environment(), stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += (some := os.read(mine, 65536))
            except OSError:  # its other end is closed
                break
            if not some:
                break
        os.close(mine)
        assert process.wait(60) == 0
    assert re.search(rb"reading .*100%.* 2,000 rows", shown)


SITE = """
from footfall import Config, Site
from footfall.trackers import Raptor, Yoochoose
from footfall.wire import WireRequest

class Webhook:
    name = "webhook"
    def requests(self, event, visitor):
        return [WireRequest(tracker="webhook", kind=event.kind, method="POST", url="http://127.0.0.1:9/events")]

site = Site(Config(ruid_cookie="off"), [Yoochoose("7", item_id=lambda item: "4" + item.id), Webhook()])
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "replayed_shop.py").write_text(SITE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "replayed_shop", raising=False)
    return "replayed_shop:site"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("yoochoose", "GET https://event.yoochoose.net/api/7/buy/not_defined/1/42?quantity=1"),
        ("webhook", "POST http://127.0.0.1:9/events"),
    ],
)
def test_a_sites_own_tracker_is_told(
    name: str, url: str, site: str, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Y-20: with its own mapping of item ids; a third tracker like any other."""
    options = ["--site", site, "--tracker", name, "--item", "item", "--no-price", "--dry-run"]
    _, _, written = replay(capsys, numbered(2), *options)
    assert url in written


@pytest.mark.parametrize(
    ("options", "finding"),
    [
        (["--item", "item"], "tracker: is missing"),
        (["--tracker", "rapture", "--item", "item"], "tracker: 'rapture' is unknown"),
        (["--tracker", "yoochoose"], "customer-id: is missing"),
        (["--tracker", "yoochoose", "--customer-id", "a b"], "customer_id: "),
        (["--tracker", "yoochoose", "--customer-id", "1"], "item: is missing"),
        (["--tracker", "yoochoose", "--customer-id", "1", "--item", "item"], "price: is missing"),
        (["--tracker", "yoochoose", "--customer-id", "1", "--item", "item", "--price", "p"], "currency: is missing"),
        (["--tracker", "yoochoose", "--customer-id", "1", "--item", "item", "--price", "p", "--total", "p"], "total: "),
        (["--tracker", "yoochoose", "--customer-id", "1", "--item", "itme", "--no-price"], "did you mean 'item'?"),
        (["--tracker", "yoochoose", "--customer-id", "1", "--item", "item", "--no-price", "--time", "t"], "time: "),
        (["--tracker", "yoochoose", "--customer-id", "1", "--item", "item", "--no-price", "--whole", "n"], "whole: "),
        (["--tracker", "raptor", "--customer-id", "1", "--item", "item", "--no-price"], "device, session: "),
        (["--tracker", "raptor", "--customer-id", "1", "--item", "item", "--text-item-ids"], "tracker: raptor has no"),
        (["--tracker", "raptor-stream", "--customer-id", "1", "--item", "item", "--no-price"], "ruid: "),
        (
            [
                *("--tracker", "raptor-stream", "--customer-id", "1", "--ruid", "=a"),
                *("--item", "i", "--no-price", "--time", "t"),
            ],
            "time: raptor has no parameter",
        ),
        (["--site", "replayed_shop"], "site: 'replayed_shop' is no place"),
        (["--site", "no_such_module:site"], "site: there is no module"),
        (["--site", "replayed_shop:shop"], "site: 'replayed_shop:shop' is missing"),
        (["--site", "replayed_shop:Config"], "site: 'replayed_shop:Config' is a type, no Site"),
        (["--site", "replayed_shop:site"], "the site has yoochoose, webhook; say which"),
        (["--site", "replayed_shop:site", "--tracker", "raptor"], "tracker: the site has none named 'raptor'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_option_that_cannot_work_is_one_line_and_status_2(
    options: list[str], finding: str, site: str, numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, written = replay(capsys, numbered(1), *options)
    assert (status, written.count("\n"), finding in written) == (2, 1, True)


def test_standard_input_needs_its_format(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--tracker", "yoochoose", "--dry-run", "--item", "item", "--no-price"]
    status, _, written = replay(capsys, "-", *options)
    assert (status, "footfall: format: " in written) == (2, True)


def test_a_file_that_is_not_there_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--tracker", "yoochoose", "--dry-run", "--item", "item", "--no-price"]
    status, _, written = replay(capsys, "none.csv", *options)
    assert (status, written.count("\n"), "none.csv" in written) == (1, 1, True)


@pytest.mark.parametrize("options", [["--field", "brand"], ["--rename", "=buy"], ["--patience", "long"]])
def test_an_option_that_cannot_be_read_is_status_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", "x.csv", *options])
    assert ended.value.code == 2


def test_a_licence_key_is_taken_from_the_environment_and_kept_out_of_the_state(
    tracker: LocalTracker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_LICENCE_KEY", "8695-1828")
    (tmp_path / "past.csv").write_text("item,at\n11,2012-01-01T11:00:00\n")
    status, _, _ = replay(capsys, "past.csv", *to(tracker), "--time", "at", "--state", "state.json")
    (received,) = tracker.received()
    assert (status, "signature" in received.params, "8695" in Path("state.json").read_text()) == (0, True, False)


def test_what_fails_keeps_its_reason_in_the_spool(
    numbered: Callable[[int], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalTracker(rules=Rules(customers=frozenset())) as strict:
        replay(capsys, numbered(1), *to(strict))
    (failed,) = list_failed("sqlite:///footfall-replay.sqlite3")
    assert failed.status == 404


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--help"])
    assert (ended.value.code, "%d.%m.%Y" in capsys.readouterr().out) == (0, True)
