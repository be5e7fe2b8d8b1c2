import pytest

from rfpo.errors import UserError
from rfpo.reporting import RunStore
from rfpo.reporting.plots import Line, Panel, svg
from rfpo.reporting.report import _operators, _parting, _running_mean, report
from rfpo.reporting.wording import duration, percent, tokens


def correction(**changes) -> dict:
    return {"prompt_id": "sum/1", "prompt": "1+1=", "text": "12", "parent_text": "13", "origin": "corrected",
            "outcome": "solved", "tries": 1, "operator": "fix_located", "leaks": [], "log_r_off": 0.25} | changes


def test_a_whole_run_is_told(tmp_path):
    store = RunStore.create(tmp_path / "run", "seed = 7")
    for step in (1, 2):
        metrics = {"reward": 0.5, "solved_share": 0.4, "stuck_share": 0.3, "fix_rate": None, "generated_tokens": 1000 * step,
                   "rollout_tokens": 900 * step, "correction_tokens": 100 * step, "evaluation_tokens": 50,
                   "tries": 3, "try_success": 1 / 3, "evaluation/sum/pass@1": 0.5}
        store.append(step, metrics, {"seconds": 30.0}, [
            correction(leaks=["mentions_attempt"]), correction(parent_text=None), correction(outcome="wrong", text="failed")])
    html = report(tmp_path / "run").read_text()
    assert html.count("<svg") == 5  # reward, solved, stuck, evaluation, R_off; there was never a fix rate
    assert "<b>2 of 6</b>tries succeeded" in html and "<b>1:00</b>time" in html
    assert "0 of 2 corrections have no leak" in html and "<td>mentions_attempt</td><td>2</td><td>100%</td>" in html
    assert "<td>corrections</td><td>200</td><td>10%</td>" in html
    assert "<td>evaluation</td><td>50</td><td>not counted</td>" in html
    assert "failed" not in html
    assert "1<mark>3</mark>" in html and "seed = 7" in html


def test_what_the_model_wrote_is_escaped(tmp_path):
    attack = "<script>alert(1)</script>"
    store = RunStore.create(tmp_path / "run", attack)
    store.append(1, {"generated_tokens": 1, f"evaluation/{attack}/pass@1": 0.5}, {}, [
        correction(prompt_id=attack, prompt=attack, text=attack, parent_text="a" + attack, leaks=[attack], operator=attack)])
    html = report(tmp_path / "run").read_text()
    assert "<script" not in html and html.count("&lt;script&gt;") >= 6


def test_the_verifiers_place_is_marked_where_it_gave_one(tmp_path):
    store = RunStore.create(tmp_path / "run", "")
    store.append(1, {}, {}, [correction(parent_text="1 2;3 4;5", text="1 2;0 0;0", error_start=4, error_end=7)])
    assert "1 2;<mark>3 4</mark>;5" in report(tmp_path / "run").read_text()


def test_a_run_without_a_finished_step_has_a_report_and_no_run_has_none(tmp_path):
    RunStore.create(tmp_path / "run", "")
    assert "No step is finished yet." in report(tmp_path / "run").read_text()
    with pytest.raises(UserError, match="is no run"):
        report(tmp_path)


def test_parting_is_the_first_character_that_differs():
    assert _parting("1234", "1299") == (2, 3)
    assert _parting("12", "123") == (2, 2)


def test_running_mean_is_shorter_at_the_ends():
    assert _running_mean([0.0, 3.0, 6.0, 6.0], 1) == [1.5, 3.0, 5.0, 6.0]


def test_a_plot_is_the_same_bytes_each_time_and_takes_the_pages_colour():
    panel = Panel("Reward", "tokens", (Line([0, 1], [0.0, 1.0], "a"),))
    assert svg(panel) == svg(panel)
    assert "currentColor" in svg(panel) and "#010203" not in svg(panel) and "<metadata" not in svg(panel)


def test_numbers_in_words():
    assert [percent(x) for x in (0.0, 0.004, 0.47, 0.998, 1.0)] == ["0%", "0.4%", "47%", "99.8%", "100%"]
    assert [tokens(x) for x in (853, 12_345, 999_600)] == ["853", "12k", "1.0M"]
    assert [duration(x) for x in (5.4, 65, 7265)] == ["0:05", "1:05", "2:01:05"]


def test_operators_are_summed_over_the_steps(tmp_path):
    def step(one, two=None):
        keys = ("tries", "try_success", "tokens", "leak_rate")
        return {f"operator/{name}/{key}": value for name, values in (("one", one), ("two", two)) if values
                for key, value in zip(keys, values, strict=True)}

    (heading, table) = _operators([step((4, 0.5, 100, 0.5)), step((6, 0.0, 50, None), (2, None, 30, None)), {"reward": 1.0}])
    assert "Operators" in heading
    cells = [row.split("</td>")[:-1] for row in table.split("<tr>")[2:]]
    assert [[cell.removeprefix("<td>") for cell in row] for row in cells] == [
        ["one", "10", "20%", "150", "50%"], ["two", "2", "0%", "30", "-"]]
    assert _operators([{"reward": 1.0}]) == []
