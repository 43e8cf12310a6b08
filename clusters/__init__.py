"""The standard clusters: what they are (`clusters.definitions`) and what they do (the servers beside it)."""
