"""The loop: one step, a whole run, evaluation, checkpoints, and the demo."""
