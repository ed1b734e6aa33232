"""Accepting: records appended to memory-mapped files, or to memory, and read back in the order of acceptance."""
