"""rfpo: post-training of language models that learns from the answers a model gets wrong."""

__version__ = "0.1.0"
