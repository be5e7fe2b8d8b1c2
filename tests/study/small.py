"""A study at the size of a test: the shipped student of column addition, a few hundred tokens an arm."""

from pathlib import Path

from rfpo.study.plan import Plan, load_plan

TEXT = """
name = "tiny"
seeds = 2
[measure]
stuck_prompts = 4
other_prompts = 2
stuck_draws = 8
marks = 2
mark_samples = 1
end_samples = 2
beyond_draws = 6
[set]
"sampling.max_tokens" = 64
"tasks.0.size" = 64
"tasks.0.evaluation_size" = 64
prompts_per_step = 4
group_size = 4
checkpoint_every = 2
"optimizer.learning_rate" = 1e-4
"fixing.operator.tries" = 2
[arms.rfpo]
recipe = "rfpo_outer"
[arms.extra]
recipe = "extra_samples"
spends_like = "rfpo"
set = { "fixing.operator.tries" = 50 }
[arms.grpo]
recipe = "grpo"
[tasks.sums]
student = "column_addition"
token_budget = 2000
"""


def plan_file(folder: Path, text: str = TEXT) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


def tiny(folder: Path, text: str = TEXT) -> Plan:
    return load_plan(plan_file(folder, text))
