"""From a solution and its duals to reasons: one module for each kind of part."""
