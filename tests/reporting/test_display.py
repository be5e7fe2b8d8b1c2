import io
import math

from rich.console import Console

from rfpo.reporting.display import Display


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def plain(**options) -> tuple[Display, Clock, io.StringIO]:
    clock, out = Clock(), io.StringIO()
    console = Console(file=out, force_terminal=False, width=80)
    return Display(10, title="rfpo_grpo", console=console, clock=clock, **options), clock, out


def metrics(step: int) -> dict:
    return {"reward": 0.5, "stuck_share": 0.25, "fix_rate": None, "log_r_off": math.log(1.3), "generated_tokens": 100 * step}


def test_where_there_is_no_terminal_it_prints_plain_lines_at_most_one_in_five_seconds_and_the_last():
    display, clock, out = plain()
    with display:
        for step in range(1, 8):
            clock.now = 2.0 * step
            display.step(step, metrics(step))
    lines = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["1/10", "4/10", "7/10"]
    assert "\x1b" not in out.getvalue()
    assert lines[-1] == "step 7/10  reward 0.500  stuck 25%  fixed -  R_off 1.30  tokens/s 50  0:06 left"


def test_time_left_follows_the_token_budget_when_that_ends_first():
    display, clock, out = plain(token_budget=400)
    with display:
        for step in (1, 2):
            clock.now = 10.0 * step
            display.step(step, metrics(step))
    assert out.getvalue().splitlines()[-1].endswith("0:20 left")  # 200 of 400 tokens, 100 in 10 s


def test_quiet_prints_the_notes_alone():
    display, _, out = plain(quiet=True)
    with display:
        display.step(1, metrics(1))
        display.note("the verifier gave no place; [3 tries]")
    assert out.getvalue() == "the verifier gave no place; [3 tries]\n"


def test_on_a_terminal_of_80_columns_every_line_fits():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24)
    with Display(10_000, 10**9, title="a_long_recipe_name_of_somebody_else_entirely", console=console) as display:
        display.phase("correction", total=128)
        display.advance(64)
        display.step(9_999, metrics(9_999))
        lines = console.render_lines(display, pad=False)
        drawn = ["".join(segment.text for segment in line) for line in lines]
    assert len(drawn) == 3
    assert all(len(line) <= 80 for line in drawn)
    assert "step 9999/10000" in drawn[0] and "stuck 25%" in drawn[1] and "64/128" in drawn[2]
