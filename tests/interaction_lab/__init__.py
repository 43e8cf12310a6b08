"""A node, a wire and a client for the tests of the interaction model."""
