"""The measurements' own arithmetic, and each of them once at a tiny size. Nothing is said of how long anything takes."""

import json
from dataclasses import replace
from io import StringIO
from math import isnan, log

import pytest
from rich.console import Console

from benchmarks import heavy_tail, measure, prompt_sharing, scaling, vocabulary
from benchmarks.memory import clear_peak
from benchmarks.rfpo_worker import make_engine, step
from benchmarks.step_time import Comparison, Side
from benchmarks.work import Work

TINY = Work(hidden=64, layers=1, heads=2, key_value_heads=1, vocabulary=32, prompts=2, completions=4, prompt_tokens=6,
            new_tokens=4)
SPREAD = {"median", "lowest", "highest"}


def linux() -> bool:
    try:
        clear_peak()
        vocabulary.peak_gib()
    except (OSError, RuntimeError):
        return False
    return True


needs_linux = pytest.mark.skipif(not linux(), reason="peak memory is read from /proc")


def printed(table) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(table)
    return console.export_text()


def numbers(total: float, peak: float) -> dict:
    return {"sampling": total / 2, "scoring": 0.0, "learning": total / 4, "rest": total / 4, "total": total,
            "completion_tokens": 100, "prompt_tokens": 50, "peak_gib": peak}


def made_up() -> Comparison:
    trl = Side("TRL", None, [numbers(total, 4.0) for total in (6.0, 8.0, 30.0)])
    rfpo = Side("rfpo", None, [numbers(total, peak) for total, peak in ((2.0, 1.0), (4.0, 2.0), (5.0, 2.0))])
    return Comparison("plain", TINY, trl, rfpo, trl_norm=0.5, rfpo_norm=0.25)


class Here:
    """scaling's worker in this process."""

    def __init__(self, work, folder, bf16):
        self.work, self.engine, self.steps, self.asked = work, make_engine(folder, bf16), [], 0

    def ask(self, line: str) -> dict:
        assert line == "step"
        self.asked += 1
        return step(self.engine, self.work, self.asked)

    def close(self) -> None:
        self.engine = None


def test_a_comparison_divides_pair_by_pair_and_then_takes_the_median():
    record = made_up().record()
    assert record["time_ratio"] == 3.0  # of 3, 2 and 6; the ratio of the medians is 2
    assert record["memory_ratio"] == 2.0  # of 4, 2 and 2
    assert [pair["total"] for pair in record["trl"]] == [6.0, 8.0, 30.0]
    assert Work(**record["work"]) == TINY


def test_a_comparison_shows_medians_and_the_range_of_the_ratios():
    lines = {cells[1]: cells[2:] for cells in ([cell.strip() for cell in line.split("│")] for line in
                                               printed(made_up().table()).splitlines()) if len(cells) > 2}
    assert lines["total, s"][:5] == ["8.00", "4.00", "3.00", "2.00", "6.00"]
    assert lines["scoring, s"][:5] == ["0.00", "0.00", "", "", ""]  # nothing to divide by
    assert lines["peak memory, GiB"][:3] == ["4.00", "2.00", "2.00"]
    assert lines["completion tokens / s"][:3] == ["12", "25", "2.00"]
    assert lines["gradient norm, same batch"][:3] == ["0.50000", "0.25000", "2.0000"]


def test_a_slope_is_the_exponent():
    x = [1.0, 2.0, 8.0]
    assert scaling.slope(x, [3 * value**1.5 for value in x]) == pytest.approx(1.5)
    assert isnan(scaling.slope([2.0, 2.0], [1.0, 3.0])) and isnan(scaling.slope([1.0, 2.0], [1.0, 0.0]))


def test_parameters_are_counted_as_the_model_has_them(tmp_path):
    network = make_engine(measure.save(TINY, tmp_path), False).network
    matrices = sum(weight.numel() for weight in network.parameters() if weight.dim() == 2)
    assert sum(scaling.parameters(TINY)) == matrices


def test_counted_work_grows_with_each_axis():
    one = scaling.Counted.of(TINY)
    prompts = scaling.Counted.of(replace(TINY, prompts=4))
    assert (prompts.sampling, prompts.learning) == (2 * one.sampling, 2 * one.learning)
    body, head = scaling.parameters(TINY)
    answers, pairs = 8 * 4, 2 * 6 * 6 / 2 + 8 * 4 * (6 + 2)
    assert one.sampling == 2 * body * (2 * 6 + answers) + 2 * head * answers + 4 * 64 * pairs
    for change in ({"completions": 8}, {"prompt_tokens": 12}, {"new_tokens": 8}, {"vocabulary": 64}, {"layers": 2}):
        more = scaling.Counted.of(replace(TINY, **change))
        assert more.sampling > one.sampling and more.learning > one.learning and more.memory > one.memory


@pytest.mark.parametrize("axis", scaling.AXES)
def test_an_axis_moves_one_thing(axis):
    points = scaling.works(axis)
    assert [x for x, _ in points] == sorted({x for x, _ in points}) and scaling.BASE in [work for _, work in points]
    assert scaling.works(axis, quick=True) == points[:2]
    if axis == "model":
        assert [round(log(x / 1e6, 4)) for x, _ in points] == [0, 1, 2, 3]  # 1, 4, 16 and 64 million


@needs_linux
def test_scaling_measures_tabulates_and_plots_the_points_of_an_axis(tmp_path):
    points = [(2, replace(TINY, completions=2)), (4, TINY)]
    measured = scaling.measure(points, repeats=2, launch=Here)
    record = measured[1].record()
    assert len(record["steps"]) == 2 and record["x"] == 4 and record["steps"][0]["completion_tokens"] == TINY.rows * 4
    assert all(set(record["measured"][part]) == SPREAD and record["counted"][part] > 0 for part in scaling.PARTS)
    assert "slope, counted" in printed(scaling.table("group", measured))
    scaling.plot({"group": measured, "prompt": measured}, tmp_path / "new" / "plot.png")
    assert (tmp_path / "new" / "plot.png").read_bytes().startswith(b"\x89PNG")


@needs_linux
def test_the_quick_way_measures_the_base_once_for_all_axes(monkeypatch):
    monkeypatch.setattr(scaling, "works", lambda axis, quick: [(2, replace(TINY, **{axis: 2})), (4, TINY)])
    launched = []
    found = scaling.measure_quickly(["completions", "layers"], launch=lambda *a: launched.append(a[0]) or Here(*a))
    assert launched == [replace(TINY, completions=2), TINY, replace(TINY, layers=2)]
    assert {axis: [point.x for point in points] for axis, points in found.items()} == {"completions": [2, 4], "layers": [2, 4]}
    assert found["layers"][0].work.layers == 2 and found["layers"][1].steps == found["completions"][1].steps


def test_a_points_time_is_per_prompt_and_its_memory_above_the_idle_process():
    point = scaling.Point(2, TINY, (numbers(8.0, 3.0), numbers(4.0, 5.0)), idle_gib=1.0)
    assert point.values("sampling") == [2.0, 1.0] and point.values("memory") == [2.0, 4.0]
    assert point.counted("sampling") == scaling.Counted.of(TINY).sampling / 2
    assert point.counted("memory") == scaling.Counted.of(TINY).memory


def test_shared_prompts_give_the_gradients_of_prompts_in_front_of_each_answer():
    fp32, bf16 = prompt_sharing.compare(TINY, ("fp32", "bf16"), repeats=1)
    assert fp32["gradient_difference"] < 1e-5 and fp32["rounding"] is None
    assert bf16["gradient_difference"] < 0.1 and 1e-5 < bf16["rounding"] < 0.1
    assert all(set(fp32[name]) == SPREAD for name in ("shared_seconds", "eager_seconds", "ratio"))
    assert "fp32" in printed(prompt_sharing.table([fp32, bf16]))


def test_a_difference_is_relative_and_over_all_tensors():
    stream = prompt_sharing.random_stream(TINY)
    assert stream.batch.tokens.shape == (8, 4) and {len(context) for context in stream.batch.contexts} == {6}
    one, other = [stream.batch.reward + 3, stream.batch.reward], [stream.batch.reward + 3, stream.batch.reward + 4]
    assert prompt_sharing.difference(one, other) == pytest.approx(4 / 5)


@needs_linux
def test_the_head_in_pieces_and_all_logits_give_the_same():
    record = vocabulary.compare(TINY, "fp32", repeats=2, run=vocabulary.measure)
    assert record["scoring"]["difference"] < 1e-5 and record["learning"]["difference"] < 1e-5
    assert record["completion_tokens"] == 32
    for phase in vocabulary.PHASES:
        assert set(record[phase]["seconds_ratio"]) == set(record[phase]["above_gib_ratio"]) == SPREAD
        assert all(set(record[phase][side]["baseline_gib"]) == SPREAD for side in vocabulary.SIDES)
    assert "peak above the baseline" in printed(vocabulary.table(record))


def test_the_two_sides_of_the_vocabulary_go_different_ways(tmp_path):
    engine = make_engine(measure.save(TINY, tmp_path), False)
    found = [vocabulary.forward_of(engine, side).abilities.linear_head for side in vocabulary.SIDES]
    assert found == [True, False]


@needs_linux
def test_a_side_of_the_vocabulary_is_measured_in_a_process_of_its_own(tmp_path):
    model, result = measure.save(TINY, tmp_path / "model"), tmp_path / "result"
    measured = vocabulary.in_child(TINY, model, "fp32", "pieces", "scoring", result)
    assert set(measured) == {"seconds", "baseline_gib", "above_gib"} and result.exists()


def test_lengths_have_a_heavy_tail():
    drawn = heavy_tail.lengths(4000, 8, 512, tail=1.0)
    assert min(drawn) == 8 and max(drawn) == 512
    for length in (16, 64):
        assert sum(x >= length for x in drawn) / len(drawn) == pytest.approx(8 / length, rel=0.15)


def test_batches_keep_the_order_and_the_budget(tmp_path):
    engine = make_engine(measure.save(TINY, tmp_path), False, tokens=2)  # 32 tokens to sample with
    work = replace(TINY, new_tokens=16)
    asked = heavy_tail.requests(work, shortest=2, tail=1.0)
    parts = heavy_tail.batches(engine, asked)
    assert [request for part in parts for request in part] == asked and 1 < len(parts) < len(asked)
    for part, following in zip(parts, [*parts[1:], []], strict=True):
        assert len(part) == 1 or room(engine, part) <= 32
        assert not following or room(engine, [*part, following[0]]) > 32  # as full as it can be


def room(engine, part) -> int:
    contexts = {engine.encode(request.content) for request in part}
    return len(contexts) * max(map(len, contexts)) + len(part) * max(request.sampling.max_tokens for request in part)


def test_both_ways_of_sampling_draw_the_same_number_of_tokens():
    record = heavy_tail.compare(replace(TINY, new_tokens=12), rows=2, shortest=2, tail=1.0, repeats=1)
    asked = heavy_tail.requests(replace(TINY, new_tokens=12), shortest=2, tail=1.0)
    assert record["completion_tokens"] == sum(request.sampling.max_tokens for request in asked)
    assert record["requests"] == 8 and record["batches"] > 1 and record["longest"] <= 12
    assert all(set(record[name]) == SPREAD for name in ("continuous_tokens_per_second", "batches_tokens_per_second", "ratio"))
    assert "ratio" in printed(heavy_tail.table(record))


def test_a_record_is_written_where_no_folder_is_yet(tmp_path, capsys):
    measure.write(tmp_path / "a" / "b.json", {"ratio": measure.spread([3.0, 1.0, 2.0])})
    assert json.loads((tmp_path / "a" / "b.json").read_text()) == {"ratio": {"median": 2.0, "lowest": 1.0, "highest": 3.0}}


@pytest.mark.parametrize("command", [scaling, prompt_sharing, vocabulary, heavy_tail])
def test_help_teaches_with_examples(command, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--help"])
    with pytest.raises(SystemExit) as left:
        command.main()
    shown = capsys.readouterr().out
    assert left.value.code == 0 and shown.count(f"python -m {command.__name__}") >= 2
    assert "--out" in shown and "--repeats" in shown and "--child" not in shown
