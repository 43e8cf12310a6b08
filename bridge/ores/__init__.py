"""The project's own clusters, joined to the home: what modules say in them, and who carries commands out."""
