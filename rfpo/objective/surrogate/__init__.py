"""Trust regions: log ratio to loss per token."""
