"""Formats in which services say what is to come; each turns network bytes into series, or refuses them."""
