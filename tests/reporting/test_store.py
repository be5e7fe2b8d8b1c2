import json

import pytest

from rfpo.errors import UserError
from rfpo.reporting import RunStore


def row(**changes) -> dict:
    return {"prompt_id": "sum/1", "visit": 0, "task": "sum", "prompt": "1+1=", "text": "3", "outcome": "wrong", "score": 0.0,
            "reward": 0.0, "origin": "sampled", "leaks": [], "tokens": 2, "truncated": False, "trained": True} | changes


def files(directory) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def filled(directory, steps=3) -> RunStore:
    store = RunStore.create(directory, "seed = 1\n")
    for step in range(1, steps + 1):
        store.append(step, {"reward": step / 3, "loss": 0.1}, {"seconds": 1.5}, [row(text=str(step), leaks=["mentions"])])
    return store


def test_round_trip(tmp_path):
    filled(tmp_path / "run")
    store = RunStore.open(tmp_path / "run")
    assert store.run_toml == "seed = 1\n"
    assert store.metrics()[1] == {"step": 2, "reward": 2 / 3, "loss": 0.1}
    assert store.timings()[2] == {"step": 3, "seconds": 1.5}
    [kept] = store.rollouts(2)
    assert (kept["step"], kept["text"], kept["leaks"], kept["log_r_off"]) == (2, "2", ["mentions"], None)
    assert [each["text"] for each in store.rollouts()] == ["1", "2", "3"]


def test_metrics_are_one_sorted_json_line_a_step_with_every_bit_and_null_for_what_json_lacks(tmp_path):
    store = RunStore.create(tmp_path / "run", "")
    store.append(7, {"z": 0.1 + 0.2, "a": float("nan"), "b": float("-inf")}, {})
    assert (tmp_path / "run/metrics.jsonl").read_text() == '{"step": 7, "a": null, "b": null, "z": 0.30000000000000004}\n'


def test_two_equal_runs_leave_equal_bytes(tmp_path):
    filled(tmp_path / "one")
    filled(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_cut_back_gives_the_directory_of_the_run_that_stopped_there(tmp_path):
    filled(tmp_path / "short", steps=2)
    store = filled(tmp_path / "long", steps=4)
    with open(tmp_path / "long/metrics.jsonl", "a") as file:
        file.write('{"step": 5, "rew')
    (tmp_path / "long/rollouts/step-000005.parquet.tmp").write_bytes(b"torn")
    assert [record["step"] for record in store.metrics()] == [1, 2, 3, 4]
    store.cut_back(2)
    assert files(tmp_path / "long") == files(tmp_path / "short")


def test_cut_back_drops_a_torn_line_even_of_a_step_that_is_kept(tmp_path):
    store = filled(tmp_path / "run", steps=1)
    with open(tmp_path / "run/timings.jsonl", "a") as file:
        file.write('{"step": 2')
    store.cut_back(5)
    store.append(2, {}, {"seconds": 2.0})
    assert [json.loads(line)["step"] for line in (tmp_path / "run/timings.jsonl").read_text().splitlines()] == [1, 2]


def test_create_refuses_a_used_directory_and_leaves_it_unchanged(tmp_path):
    filled(tmp_path / "run")
    before = files(tmp_path / "run")
    with pytest.raises(UserError, match="holds another run; resume it with `rfpo train --resume .*` or choose another --out"):
        RunStore.create(tmp_path / "run", "seed = 2\n")
    assert files(tmp_path / "run") == before


def test_create_refuses_a_directory_of_other_files_but_takes_an_empty_one(tmp_path):
    (tmp_path / "notes").mkdir()
    RunStore.create(tmp_path / "notes", "seed = 2\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="holds other files"):
        RunStore.create(tmp_path / "photos", "")
    with pytest.raises(UserError, match="cannot be made"):
        RunStore.create(tmp_path / "photos/a.jpg", "")


def test_open_refuses_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is no run"):
        RunStore.open(tmp_path)


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    store = filled(tmp_path / "run")
    path = tmp_path / "run/metrics.jsonl"
    path.write_text(path.read_text().replace('{"step": 2', '{"step" 2'))
    with pytest.raises(UserError, match="metrics.jsonl line 2 is broken"):
        store.metrics()


def test_a_rollout_with_an_unknown_column_is_refused(tmp_path):
    store = RunStore.create(tmp_path / "run", "")
    with pytest.raises(ValueError, match="no column advantge"):
        store.append(1, {}, {}, [row(advantge=0.0)])
