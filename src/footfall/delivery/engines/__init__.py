"""Engines: where many machines meet. What a machine's forwarder publishes there, any worker of a fleet sends."""
