import re
from dataclasses import replace

import pytest

from rfpo.study._figures import colours, interval, points
from rfpo.study.contrasts import BETTER, CANNOT_TELL, LEVEL, POOLED, UNCLEAR, WORSE, ContrastResult, contrasts
from rfpo.study.health import GREEN, RED, Check
from rfpo.study.lead import Place, alarm, lead, league
from rfpo.study.plan import Claim
from rfpo.study.report import write_study
from rfpo.study.summary import summary_rows
from tests.study.synthetic import bases, cells, changed, plan

SMALL = plan(arms=4, tasks=2, seeds=2)
CELLS = cells(SMALL)


def written(tmp_path, asked=SMALL, results=CELLS, **changes) -> str:
    missing = [name for name in asked.cells() if name not in {result.name for result in results}]
    told = {"command": "rfpo study run p.toml", "versions": {"torch": "2.6"}, "missing": missing} | changes
    return write_study(tmp_path / "out", asked, results, bases(asked), **told).read_text()


def line(verdict=BETTER, arm="rfpo", against="grpo", estimate=0.12, width=0.03, **changes) -> ContrastResult:
    made = dict(claim="all", arm=arm, against=against, task=POOLED, tasks=("a", "b"), seeds=4, prompts=64, estimate=estimate,
                low=estimate - width, high=estimate + width, verdict=verdict)
    return ContrastResult(**made | changes)


def said(*found, missing=0, arms=("rfpo", "grpo")) -> str:
    """The lead of a study with these overall lines, in a league of these arms, the first of them highest."""
    claims = {name: Claim(text="", contrasts=tuple((each.arm, each.against) for each in found if each.claim == name))
              for name in dict.fromkeys(each.claim for each in found)}
    made = plan(arms=8, claims=claims)
    rows = summary_rows(made, cells(made))
    places = [Place(arm, 0.6 - 0.1 * index, ("a", "b"), tuple(rows[:1])) for index, arm in enumerate(arms)]
    return lead(made, places, found, missing)


def test_the_lead_says_who_is_better_and_by_how_much():
    assert said(line()) == ("Stuck prompts solved, averaged over the budget (2 tasks, 4 seeds): rfpo solves 12.0 points more "
                            "than grpo (9.0 to 15.0).")


def test_the_lead_says_it_when_gamma_0_wins():
    both = said(line(WORSE, "rfpo", "gamma_0", -0.06), arms=("gamma_0", "rfpo", "grpo"))
    assert "rfpo solves 6.0 points less than gamma_0 (3.0 to 9.0)" in both
    assert "the highest of 3 arms is gamma_0 (60%), clearly above rfpo, by 6.0 points (3.0 to 9.0)." in both


def test_the_lead_says_it_when_the_placebo_is_highest_though_nobody_asked():
    found = [line(), line(BETTER, "shuffled", "rfpo", 0.05)]
    assert "highest of 3 arms is shuffled (60%), clearly above rfpo" in said(*found, arms=("shuffled", "rfpo", "grpo"))
    assert said(line(), arms=("shuffled", "rfpo", "grpo")).endswith("shuffled (60%), which no contrast compares with rfpo.")


def test_the_lead_names_every_arm_that_is_clearly_ahead_whatever_claim_it_belongs_to():
    found = [line(), line(WORSE, "rfpo", "gamma_0", -0.031, claim="weight"),
             line(BETTER, "shuffled", "rfpo", 0.2, claim="told"), line(UNCLEAR, "rfpo", "plain", -0.3, claim="told"),
             line(BETTER, "rfpo", "inverse", 0.2, claim="weight"), line(WORSE, "inverse", "uncapped", -0.2, claim="weight")]
    assert "; clearly ahead of rfpo: shuffled (20.0 points), gamma_0 (3.1 points)." in said(*found)
    assert "clearly ahead" not in said(line())


@pytest.mark.parametrize(("verdict", "estimate", "expected"), [
    (UNCLEAR, 0.01, "not clearly above rfpo."), (LEVEL, 0.01, "level with rfpo."), (BETTER, -0.01, "not clearly above rfpo."),
])
def test_the_highest_arm_is_not_called_better_without_reason(verdict, estimate, expected):
    found = [line(), line(verdict, "rfpo", "shuffled", estimate)]
    assert said(*found, arms=("shuffled", "rfpo", "grpo")).endswith(expected)


@pytest.mark.parametrize(("found", "expected"), [
    (line(UNCLEAR, estimate=0.01, seeds_needed=12, seeds_for_p=6),
     "it is unclear which of rfpo and grpo is better (+1.0 points, \u22122.0 to 4.0; 12 seeds might tell)"),
    (line(UNCLEAR, estimate=0.01, seeds_needed=3, seeds_for_p=4), "(+1.0 points, \u22122.0 to 4.0)."),
    (line(UNCLEAR, estimate=-0.3, seeds_needed=3, seeds_for_p=6),
     "rfpo solves 30.0 points less than grpo (27.0 to 33.0), which 4 seeds cannot confirm (6 might)"),
    (line(UNCLEAR, low=None, high=None, seeds=1), "12.0 points more than grpo, on one seed, which says nothing of chance"),
    (line(LEVEL, estimate=0.0), "rfpo and grpo are level (0.0 points, \u22123.0 to 3.0)"),
    (line(CANNOT_TELL, blind="both end below 0.05"), "rfpo and grpo cannot be told apart here (both end below 0.05)"),
    (line(CANNOT_TELL, low=None, high=None, seeds=0, blind="no seed has both"), "cannot be compared yet (no seed has both)"),
])
def test_the_lead_does_not_claim_what_was_not_shown(found, expected):
    assert expected in said(found)


SEVERAL = [(BETTER, 0.05), (BETTER, 0.2), (WORSE, -0.1), (LEVEL, 0.0), (UNCLEAR, 0.01), (UNCLEAR, -0.3), (UNCLEAR, 0.04),
           (UNCLEAR, 0.03), (CANNOT_TELL, 0.0)]


def several(**named) -> str:
    """The lead's part on one claim with these verdicts."""
    found = [replace(line(verdict, estimate=estimate, seeds_needed=4 + index), **{side: name.format(index)})
             for index, (verdict, estimate) in enumerate(SEVERAL) for side, name in named.items()]
    made = plan(arms=4, claims={"all": Claim(text="", arms=("rfpo",))})
    return lead(made, [Place("rfpo", 0.5, ("a",), tuple(summary_rows(made, cells(made))[:1]))], found, 0)


def test_the_contrasts_of_one_arm_are_told_by_verdict_the_largest_first():
    assert several(against="a{}").endswith(
        ": rfpo solves more than a1 (+20.0 points) and a0 (+5.0 points), solves less than a2 (\u221210.0 points), is level "
        "with a3 (0.0 points), is not shown to differ from a5 (\u221230.0 points), a6 (+4.0 points), a7 (+3.0 points), and 1 "
        "more (11 seeds might tell), cannot be compared with a8.")


def test_the_contrasts_with_one_arm_are_told_by_verdict():
    assert several(arm="a{}").endswith(
        ": a1 (+20.0 points) and a0 (+5.0 points) solve more than grpo; a2 (\u221210.0 points) solves less; a3 (0.0 points) "
        "solves as much; a5 (\u221230.0 points), a6 (+4.0 points), a7 (+3.0 points), and 1 more are not shown to differ (11 "
        "seeds might tell); a8 cannot be compared.")


def test_an_arm_with_which_all_are_compared_is_the_one_that_the_highest_is_compared_with():
    found = [line(UNCLEAR, arm, "rfpo", 0.01) for arm in ("gamma_0", "inverse", "grpo")]
    text = said(*found, arms=("inverse", "gamma_0", "rfpo"))
    assert ": no arm is shown to solve more than rfpo; gamma_0 (+1.0 points), inverse (+1.0 points)" in text
    assert text.endswith("the highest of 3 arms is inverse (60%), not clearly above rfpo.")


def test_what_is_missing_and_what_cannot_be_trusted_is_said_first():
    assert said(line(), missing=3).startswith("So far, with 3 cells missing: stuck prompts solved")
    bad = Check("Arms train:", RED, "cells made no update at all.", ("x on y",), ("w", "x", "y", "z"))
    assert alarm([bad, Check("t", GREEN, "fine.")]) == (
        "Do not trust this study yet: cells made no update at all (w, x, y, and 1 more).")
    assert alarm([bad] * 5).endswith("; and 2 more.") and alarm([Check("t", GREEN, "fine.")]) == ""


def test_a_failing_study_begins_with_the_alarm(tmp_path):
    html = written(tmp_path, results=changed(CELLS, "inverse", slope=0.9))
    body = html.split("</h1>")[1]
    assert body.strip().startswith('<p class="lead alarm">Do not trust this study yet: the measured gamma is not the one')
    assert body.index("verdict red") < body.index("verdict green")
    assert 'class="lead alarm"' not in written(tmp_path)


def test_the_page_is_one_file_without_script_or_outside_references(tmp_path):
    html = written(tmp_path)
    assert "<script" not in html and "<link" not in html and "src=" not in html and "@import" not in html
    assert re.findall(r"url\((?!#)", html) == [] and re.findall(r'href="(?!#)', html) == []
    assert html.count("$") == 0 and "nan" not in re.sub("<[^>]*>", "", html).split()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]
    assert "rfpo study run p.toml" in html and SMALL.hash in html and "<td>2.6</td>" in html


def test_everything_that_came_from_elsewhere_is_escaped(tmp_path):
    bad = "<script>x</script>"
    named = {"rfpo": SMALL.arms["rfpo"], bad: SMALL.arms["inverse"]}
    made = replace(SMALL, name=bad, about=bad, arms=named, tasks={bad: SMALL.tasks["column_addition"]},
                   claims={bad: Claim(text=bad, contrasts=((bad, "rfpo"),))})
    example = {"prompt": bad, "before": bad, "after": bad, "told": bad, "error_start": 0, "error_end": 3}
    results = [replace(result, arm=bad if result.arm == "inverse" else "rfpo", task=bad, examples=(example,), slope=5.0,
                       told={bad: 3}, operators={bad: result.operators["fix_located"]})
               for result in CELLS if result.arm in ("rfpo", "inverse") and result.task == "column_addition"]
    html = written(tmp_path, made, results[:3], command=bad, versions={bad: bad})
    assert "<script" not in html and html.count("&lt;script&gt;") > 20


def test_the_rows_of_a_forest_are_the_contrasts_in_order(tmp_path):
    html = written(tmp_path)
    heads = re.findall(r"<h4>(\w+ against \w+)</h4>", html)
    assert heads == ["rfpo against grpo", "gamma_0 against rfpo", "inverse against rfpo"]
    assert re.findall(r'class="name">([^<]*)<', html) == ["column_addition", "spell_backward", "all tasks"] * 3
    rows = re.findall(r'class="plot \w+">.*?</svg><i style="left:([\d.]+)%"></i></span><span class="value">([^<]*)<', html)
    assert len(rows) == 9
    shown = [(float(left), float(value.split()[0].replace("\u2212", "-"))) for left, value in rows[3:]]
    assert [value for _, value in sorted(shown)] == sorted(value for _, value in shown)  # further right is more


def test_the_interval_and_the_shaded_range_stand_where_the_axis_says(tmp_path):
    html = written(tmp_path).split("against grpo</h4>")[1].split("<h3>")[0]
    ticks = {float(label.replace("\u2212", "-")): float(left)
             for left, label in re.findall(r'<span style="left:([\d.]+)%">([^<]*)<', html)}
    (low, at_low), (high, at_high) = min(ticks.items()), max(ticks.items())

    def at(value: float) -> float:
        return at_low + (value - low) / (high - low) * (at_high - at_low)

    start, end = re.search(r'class="interval" d="M([\d.]+) 10L([\d.]+) 10"', html).groups()
    value = re.search(r'class="value">([^<]*)<', html)[1].replace("\u2212", "-")
    estimate, left, right = (float(x) for x in re.findall(r"-?[\d.]+", value))
    assert (float(start), float(end)) == pytest.approx((at(left), at(right)), abs=0.2)
    assert float(re.search(r'<i style="left:([\d.]+)%', html)[1]) == pytest.approx(at(estimate), abs=0.2)
    x, width = re.search(r'class="band" x="([\d.]+)" y="0" width="([\d.]+)"', html).groups()
    assert (float(x), float(x) + float(width)) == pytest.approx((at(-5), at(5)), abs=0.1)


def test_the_league_is_sorted_by_the_endpoint_and_arms_on_part_of_the_tasks_stand_last():
    for primary in ("area", "end"):
        made = plan(arms=6, seeds=2, primary=primary)
        places = league(made, summary_rows(made, cells(made)))
        assert [place.score for place in places] == sorted((place.score for place in places), reverse=True)
        assert {places[-1].arm, places[-2].arm} == {"grpo", "shuffled"}
    some = [result for result in cells(made) if result.name[:2] != (places[0].arm, "column_addition")]
    assert league(made, summary_rows(made, some))[-1].arm == places[0].arm


def test_the_base_arm_is_in_every_panel_and_each_arm_looks_alike_in_all(tmp_path):
    made = plan(arms=14, tasks=1, seeds=1)
    html = written(tmp_path, made, cells(made))
    keys = [re.findall(r'stroke="([^"]+)"[^/]*?(stroke-dasharray="[^"]*")?/></svg>([^<]+)<', key)
            for key in re.findall(r'<p class="key">.*?</p>', html)]
    assert len(keys) == 5 and all(key[0] == ("currentColor", "", "rfpo") for key in keys)
    assert max(map(len, keys)) <= 6
    looks = {}
    for colour, dash, arm in (line for key in keys for line in key):
        assert looks.setdefault(arm, (colour, dash)) == (colour, dash)
    assert len(looks) == 14 and len(set(looks.values())) == 14


def test_arms_of_a_panel_differ_in_colour_when_they_are_in_several():
    names = list(plan().arms)[1:]
    pairs = [names[:5], [names[5], names[0], names[6], names[1]], [names[6], names[3]]]
    made = plan(claims={str(arms): Claim(text=str(arms), contrasts=tuple(("rfpo", arm) for arm in arms)) for arms in pairs})
    look = colours(made)
    assert look["rfpo"] == -1 and len(set(look.values())) == 8
    for arms in pairs:
        assert len({look[arm] % 6 for arm in arms}) == len(arms)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_study_that_has_just_begun_has_a_page(tmp_path, count):
    html = written(tmp_path, results=CELLS[:count])
    assert f"<b>{count} of {len(CELLS)}</b>cells done" in html and f"{len(CELLS) - count} cells are missing" in html
    assert ("Nothing is done yet" in html) is (count == 0)
    assert html.count("<svg") > 0 or count == 0


def test_a_ratio_that_is_always_1_is_not_said_to_be_above(tmp_path):
    counts = [0] * 60
    counts[30] = 5
    html = written(tmp_path, results=[replace(result, r_off=tuple(counts)) for result in CELLS])
    assert "median 1.00 to 1.11, 100% at 1 or above, of 20" in html
    assert "<span>1/2.2</span><span>1</span><span>2.2</span>" in html  # eight bins to either side


def test_examples_are_of_different_prompts(tmp_path):
    shown = written(tmp_path)
    assert shown.count("<pre>27+15=</pre>") == 1
    own = [replace(result, examples=({**result.examples[0], "prompt": f"{result.arm}?"},)) if result.examples else result
           for result in CELLS]
    assert re.findall(r"<pre>(\w+)\?</pre>", written(tmp_path, results=own)) == ["rfpo", "gamma_0", "inverse"]


def test_cells_that_the_plan_does_not_ask_for_are_not_shown(tmp_path):
    pilot = replace(CELLS[0], seed=1000, updates=0, fixed=9, corrected_trained=0)
    assert written(tmp_path, results=[*CELLS, pilot]) == written(tmp_path)


def test_differences_in_points():
    assert [points(x) for x in (0.1234, -0.05, -0.0001, 0.0, 0.1)] == ["+12.3", "\u22125.0", "0.0", "0.0", "+10.0"]
    assert interval(-0.0001, 0.1) == "[0.0, 10.0]"


def test_a_league_is_sorted_the_best_arm_first_and_names_the_other_arm_once(tmp_path):
    """Fourteen arms against rfpo, on two tasks: the forest of all tasks falls, and so do the panels of curves."""
    made = plan(arms=15, tasks=2, seeds=2, claims={})
    its = cells(made)
    pooled = [line for line in contrasts(made, its) if line.task == POOLED]
    highest = [line.arm for line in sorted(pooled, key=lambda line: -line.estimate)]
    text = written(tmp_path, made, its)
    shown = text[text.index("Differences between arms"):text.index("All arms")]
    names = [name for name in re.findall(r">([a-z_0-9]+)<", shown) if name in made.arms and name != "rfpo"]
    assert names[:len(highest)] == highest and "against rfpo<" in shown and "grpo against rfpo" not in shown
    curves = text[text.index("Learning curves"):text.index("Differences between arms")]
    assert "(1 of 3, the best first)" in curves and curves.index(f">{highest[0]}<") < curves.index(f">{highest[-1]}<")
