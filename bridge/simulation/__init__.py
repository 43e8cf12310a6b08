"""Homes that are not there: a year under the hub's tariff, and the hub's brain in virtual time."""
