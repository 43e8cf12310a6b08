"""The planner: the optimizer joined to the running home."""
