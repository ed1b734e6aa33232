"""`footfall replay`: sends a shop's history to a tracker, each row once, whatever interrupts it.

`source` reads rows, `columns` and `reading` make events of them, `totals` adds up, `state` remembers how far the replay
came, `sending` gives requests to delivery, and `engine` goes through the rows; `options` holds the command's options,
`run` runs it, and `screen` shows it to a person.
"""

from __future__ import annotations

from footfall.commands.replay.run import COMMAND

__all__ = ["COMMAND"]
