"""Studies: arms x tasks x seeds at one budget of generated tokens, paired by design, and an honest comparison of them."""
