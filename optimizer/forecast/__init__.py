"""What load and sun will be, from what they were: no network, no model to train, numpy alone."""
