"""A world for nodes in memory: time, randomness, fabrics, and the wire between message layers."""
