"""The default engine: any causal language model of `transformers`, on the CPU or one GPU."""

from rfpo.engines.local.engine import LocalEngine
from rfpo.engines.local.memory import set_malloc

__all__ = ["LocalEngine", "set_malloc"]
