"""The secure channel: messages, exchanges, sessions and how they are established (Matter Core 4)."""
