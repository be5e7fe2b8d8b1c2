"""Metrics to TensorBoard, Weights & Biases or trackio, when they are installed."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Protocol

from rfpo.errors import UserError, near_miss

PROJECT = "rfpo"


class Logger(Protocol):
    def log(self, step: int, metrics: Mapping) -> None: ...

    def close(self) -> None: ...


def open_loggers(names: Sequence[str], directory: Path, run_name: str, config: dict) -> list[Logger]:
    """One logger for each name. Files go below `directory`, but trackio keeps a folder of its own. WANDB_MODE=offline keeps
    wandb off the network. Raises UserError as `check_loggers` does, before any is opened."""
    check_loggers(names)
    return [LOGGERS[name](Path(directory), run_name, config) for name in names]


def check_loggers(names: Sequence[str]) -> None:
    """Raises UserError for a name that is unknown or not installed."""
    for name in names:
        if name not in LOGGERS:
            raise UserError(f"loggers names {name!r}, which is unknown; {near_miss(name, LOGGERS)}")
        if not _installed(name):
            raise UserError(f"loggers names {name!r}, which is not installed. Run `pip install {name}`, or leave it out.")


class TensorBoard:
    def __init__(self, directory: Path, run_name: str, config: dict):
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(directory / "tensorboard"))
        self._writer.add_text("run", f"{run_name}\n\n    " + repr(config).replace("\n", "\n    "))

    def log(self, step: int, metrics: Mapping) -> None:
        for key, value in _numbers(metrics).items():
            self._writer.add_scalar(key, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class Wandb:
    def __init__(self, directory: Path, run_name: str, config: dict):
        import wandb

        self._run = wandb.init(project=PROJECT, name=run_name, dir=str(directory), config=config)

    def log(self, step: int, metrics: Mapping) -> None:
        self._run.log(_numbers(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


class Trackio:
    def __init__(self, directory: Path, run_name: str, config: dict):
        import trackio

        self._run = trackio.init(project=PROJECT, name=run_name, config=config)

    def log(self, step: int, metrics: Mapping) -> None:
        self._run.log(_numbers(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


LOGGERS: dict[str, Callable[[Path, str, dict], Logger]] = {"tensorboard": TensorBoard, "wandb": Wandb, "trackio": Trackio}


def _installed(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and spec.origin is not None  # a mere folder of that name, such as wandb's own output, has no origin


def _numbers(metrics: Mapping) -> dict[str, float]:
    """A value that a step did not have is left out, not drawn as a zero."""
    return {key: value for key, value in metrics.items() if isinstance(value, Real) and key != "step"}
