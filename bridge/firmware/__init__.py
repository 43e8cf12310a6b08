"""Firmware of modules: signed releases, from a maker's repository into the idle slot of a module."""
