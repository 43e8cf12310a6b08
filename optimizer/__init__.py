"""A planning problem in, a plan with reasons out: pure functions, no input or output of their own.

Nothing lives here yet; the planner comes with its own issue. The package stands so that the import rule
(planner and drivers do not know each other, neither knows the bridge) holds from the first day.
"""
