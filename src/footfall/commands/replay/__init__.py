"""`footfall replay`: a shop's history into a tracker, each row once, whatever interrupts it.

`source` reads rows, `columns` and `reading` make events of them, `totals` adds up, `state` remembers how far it
came, `sending` hands requests to delivery, `engine` does one after the other; `options` are the command's, `run` runs
it, and `screen` shows it to a person.
"""

from __future__ import annotations

from footfall.commands.replay.run import COMMAND

__all__ = ["COMMAND"]
