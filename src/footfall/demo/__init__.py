"""`footfall demo`: a shop, a local tracker, and a month of real visits replayed through both.

`visits` reads the real visits, `catalogue` makes up what they lack, `shop` is an application as a user would write it,
`browser` and `replay` visit it over HTTP, and `report` compares what was done with what arrived.
"""

from __future__ import annotations
