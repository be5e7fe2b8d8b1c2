"""Which probabilities are compared."""
