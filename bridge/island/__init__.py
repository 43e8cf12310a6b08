"""The home without the grid: its modes, what is decided in them, and how that is carried out.

`decision.decide` and `mode.due` are pure, and so is what they stand on: what was read goes in, what is to be
done comes out. `keeper` joins them to the home.
"""
