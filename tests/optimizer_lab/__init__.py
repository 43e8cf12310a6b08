"""What tests of the planner stand on: random homes, a second solver, recorded data."""
