import io
import json

import pytest
from rich.console import Console

from rfpo.reporting.comparison import Arm, CurvePoint, Example, live_table, sentence, write_comparison

KEYS = ["arm", "seed", "stuck_pass1_before", "stuck_pass1_after", "other_pass1_before", "other_pass1_after", "tokens_to_half",
        "generated_tokens", "wall_s", "updates", "trained_rows"]


def arm(name: str, stuck: float, other: float = 0.99, seed: int = 1, tokens: int = 100_000, examples=()) -> Arm:
    curve = (CurvePoint(0, 0, 0.0, 0.99), CurvePoint(10, tokens // 2, stuck / 2, 0.99), CurvePoint(20, tokens, stuck, other))
    to_half = 60_000 if stuck >= 0.5 else None
    return Arm(name, seed, 0.0, stuck, 0.99, other, to_half, tokens, 61.0, 20, 300, curve, tuple(examples))


def test_a_winning_arm_is_said_to_win_with_its_numbers():
    said = sentence([arm("grpo", 0.01), arm("rfpo_grpo", 0.78)])
    assert said == (
        "After 100k generated tokens each (one seed), the stuck prompts are solved in 1% (grpo) and 78% (rfpo_grpo) of the "
        "answers, 0% before, and the others in 99% (grpo) and 99% (rfpo_grpo), 99% before: on the stuck prompts rfpo_grpo is "
        "77 points ahead of grpo, and on the others it is level with it.")


def test_a_losing_arm_is_said_to_lose_on_both_kinds_of_prompts():
    said = sentence([arm("grpo", 0.50), arm("rfpo_grpo", 0.20, other=0.89)])
    assert "rfpo_grpo is 30 points behind grpo, and on the others it is 10 points behind it" in said


def test_equal_arms_are_called_level():
    said = sentence([arm("grpo", 0.500), arm("rfpo_grpo", 0.515)])
    assert "rfpo_grpo is level with grpo, and on the others it is level with it" in said


def test_seeds_are_averaged_and_those_that_disagree_are_counted():
    plain = [arm("grpo", 0.0, seed=seed) for seed in (1, 2, 3)]
    said = sentence(plain + [arm("rfpo", 0.9, seed=1), arm("rfpo", 0.6, seed=2), arm("rfpo", 0.0, seed=3)])
    assert "(mean of 3 seeds)" in said and "50% (rfpo)" in said
    assert "50 points ahead of grpo (in 2 of 3 seeds)" in said


def test_unequal_budgets_are_not_called_equal():
    assert sentence([arm("grpo", 0.1, tokens=50_000), arm("rfpo", 0.1)]).startswith("After 50k to 100k generated tokens each")


def test_arms_that_cannot_be_judged_against_each_other_are_only_stated():
    assert sentence([arm("grpo", 0.1)]).endswith("99% (grpo), 99% before.")
    assert sentence([]) == "No arm was run."


def test_the_summary_has_exactly_its_keys(tmp_path):
    arms = [arm("grpo", 0.01), arm("rfpo_grpo", 0.78)]
    write_comparison(tmp_path / "out", arms, title="t", notes=[], command="rfpo demo")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert list(summary) == ["arms", "sentence"]
    assert [list(each) for each in summary["arms"]] == [KEYS, KEYS]
    assert (summary["arms"][0]["tokens_to_half"], summary["arms"][1]["tokens_to_half"]) == (None, 60_000)
    assert summary["sentence"] == sentence(arms)


def test_the_report_is_self_contained_and_escapes_what_the_model_wrote(tmp_path):
    attack = "<script>alert('x')</script>"
    example = Example(attack, f"12{attack}34", attack, error_start=2, error_end=2 + len(attack), place="<b>")
    write_comparison(tmp_path, [arm("rfpo", 0.5, examples=[example])], title=attack, notes=[attack], command=attack)
    html = (tmp_path / "report.html").read_text()
    assert "<script" not in html and "<b>" not in html.split("</style>")[1]
    assert "12<mark>&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;</mark>34" in html
    assert "<link" not in html and "src=" not in html and "url(http" not in html
    assert html.count("<svg") == 2 and "currentColor" in html
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_an_error_of_no_width_is_shown(tmp_path):
    write_comparison(tmp_path, [arm("rfpo", 0.5, examples=[Example("p", "12", "123", 2, 2)])], title="t", command="c")
    assert "12<mark>&#9650;</mark></pre>" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("planted", [True, False])
def test_the_planted_misconception_is_named_unless_there_is_none(tmp_path, planted):
    write_comparison(tmp_path, [arm("rfpo", 0.5)], title="t", command="c", planted=planted)
    assert ("misconception is planted" in (tmp_path / "report.html").read_text()) is planted


def test_the_same_arms_give_the_same_files(tmp_path):
    for name in ("a", "b"):
        write_comparison(tmp_path / name, [arm("grpo", 0.1), arm("rfpo", 0.5)], title="t", command="c")
    for file in ("summary.json", "report.html", "curves.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_live_table_fits_80_columns_and_shows_an_arm_that_has_just_begun():
    out = io.StringIO()
    begun = Arm("rfpo_reinforce_pp", 12, 0.0, 0.0, 0.99, 0.99, None, 0, 0.0, 0, 0)
    Console(file=out, width=80).print(live_table([arm("grpo", 0.01), begun]))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3 and "rfpo_reinforce_pp" in lines[2] and "…" not in out.getvalue()
    assert "100k" in lines[1] and "1%" in lines[1] and "▁▁▁" in lines[1]
