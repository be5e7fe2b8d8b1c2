"""Which prompt gets how many rollouts."""
