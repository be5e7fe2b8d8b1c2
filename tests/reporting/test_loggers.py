import pytest

from rfpo.errors import UserError
from rfpo.reporting import loggers
from rfpo.reporting.loggers import open_loggers


def test_an_unknown_logger_is_refused_with_a_near_miss(tmp_path):
    with pytest.raises(UserError, match="'tensorbord', which is unknown; did you mean 'tensorboard'"):
        open_loggers(["tensorbord"], tmp_path, "run", {})


def test_a_logger_that_is_not_installed_is_refused_before_any_is_opened(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(loggers, "_installed", lambda name: name != "wandb")
    monkeypatch.setitem(loggers.LOGGERS, "tensorboard", lambda *arguments: opened.append(arguments))
    with pytest.raises(UserError, match="`pip install wandb`"):
        open_loggers(["tensorboard", "wandb"], tmp_path, "run", {})
    assert opened == []


def test_values_that_are_no_numbers_are_left_out():
    assert loggers._numbers({"step": 3, "fix_rate": None, "note": "x", "reward": 0.5}) == {"reward": 0.5}


def test_tensorboard_writes_below_the_run_directory(tmp_path):
    pytest.importorskip("tensorboard")
    [logger] = open_loggers(["tensorboard"], tmp_path, "run", {"seed": 1})
    logger.log(1, {"reward": 0.5, "fix_rate": None})
    logger.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("reward")] == [(1, 0.5)]
    assert events.Tags()["scalars"] == ["reward"]
