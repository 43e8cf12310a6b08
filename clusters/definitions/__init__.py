"""What the standard clusters are: one module a cluster, written by `scripts/generate_definitions.py`."""
