"""rfpo: post-training of language models that learns from the answers a model gets wrong.

    from rfpo import recipe, train

The names below are loaded when they are first asked for, so that `import rfpo` costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "Batch": "rfpo.batch", "Objective": "rfpo.objective", "Policy": "rfpo.objective", "Prompt": "rfpo.records",
    "Run": "rfpo.config.run", "UserError": "rfpo.errors", "Verdict": "rfpo.records", "corrected": "rfpo.recipes._corrected",
    "evaluate": "rfpo.training.evaluate", "load": "rfpo.config.load", "recipe": "rfpo.recipes",
    "report": "rfpo.reporting.report",
    "resume": "rfpo.training.train", "save": "rfpo.config.save", "train": "rfpo.training.train",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"rfpo has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__():
    return [*__all__, "__version__"]
