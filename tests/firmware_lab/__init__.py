"""A maker's signed repository on HTTP, and modules to update: what tests of firmware use."""
