"""A Matter server on a real WebSocket that says what a test wants."""
