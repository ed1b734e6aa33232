"""Sending: what is due goes out to the trackers, and what their answers mean is settled in the spool."""
