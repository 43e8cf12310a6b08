"""Loads and cars that wait for the plan: what residents want of each, and how it is carried out."""
