import math

import pytest

from rfpo.errors import UserError
from rfpo.reporting import RunStore
from rfpo.reporting.diff import diff


def run(directory, steps=3, loss=0.1, text="12", seconds=1.0) -> RunStore:
    store = RunStore.create(directory, f"name = '{directory.name}'")
    for step in range(1, steps + 1):
        second = step == 2
        rows = [{"prompt_id": "p", "text": "0"}, {"prompt_id": "p", "text": text if second else "1", "reward": float("nan")}]
        store.append(step, {"loss": loss if second else 0.5, "reward": 1.0}, {"seconds": seconds}, rows)
    return store


def test_equal_runs_have_no_difference_whatever_their_clocks_and_names(tmp_path):
    run(tmp_path / "a", seconds=1.0)
    run(tmp_path / "b", seconds=2.0)
    assert diff(tmp_path / "a", tmp_path / "b") == []


def test_the_last_bit_of_a_float_is_seen(tmp_path):
    run(tmp_path / "a", loss=0.1)
    run(tmp_path / "b", loss=math.nextafter(0.1, 1))
    assert diff(tmp_path / "a", tmp_path / "b") == ["metrics step 2: loss is 0.1 / 0.10000000000000002"]


def test_the_sign_of_zero_is_seen(tmp_path):
    run(tmp_path / "a", loss=0.0)
    run(tmp_path / "b", loss=-0.0)
    assert diff(tmp_path / "a", tmp_path / "b") == ["metrics step 2: loss is 0.0 / -0.0"]


def test_a_changed_completion_is_named_with_its_row(tmp_path):
    run(tmp_path / "a", text="12")
    run(tmp_path / "b", text="13")
    assert diff(tmp_path / "a", tmp_path / "b") == ["rollouts step 2 row 1 (p): text is '12' / '13'"]


def test_a_missing_step_is_named(tmp_path):
    run(tmp_path / "a", steps=3)
    run(tmp_path / "b", steps=2)
    assert diff(tmp_path / "a", tmp_path / "b") == [f"metrics: step 3 is only in {tmp_path / 'a'}",
                                                    f"rollouts: step 3 is only in {tmp_path / 'a'}"]


def test_what_is_no_run_is_refused(tmp_path):
    run(tmp_path / "a")
    with pytest.raises(UserError, match="is no run"):
        diff(tmp_path / "a", tmp_path / "nowhere")
