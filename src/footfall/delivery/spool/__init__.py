"""Keeping: wire requests in SQLite tables, over restarts, until their verdict is final."""
