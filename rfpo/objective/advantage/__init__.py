"""Rewards to advantages: which responses of the step were better than expected."""
