"""How modules that speak of themselves come into the home: request, proof, a person's word, credential."""
