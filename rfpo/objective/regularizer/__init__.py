"""Extra losses per token: KL, entropy."""
