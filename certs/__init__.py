"""Device attestation material: made, checked, shown, kept; and the public test roots."""
