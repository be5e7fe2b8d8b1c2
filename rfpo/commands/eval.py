"""Measure a model: pass@k on evaluation prompts, or first against second attempts."""

import argparse
from pathlib import Path

from rfpo.commands._making import TASK_FORMS, task_of
from rfpo.errors import UserError

EXAMPLES = """examples:
  rfpo eval runs/first/checkpoints/step-000100 --tasks data.jsonl --samples 16 --ks 1,4,16 --max-tokens 1024
  rfpo eval column_addition --tasks column_addition --samples 4 --limit 100 --out scores.json

  rfpo eval column_addition --tasks column_addition --turns 2 --templates student --limit 100

pass@k = 1 - C(n-c, k) / C(n, k): n answers of a prompt, c of them right; every k is at most --samples.
--turns 2 shows every first answer to the model again, without saying whether it is right, and reports first and second
accuracy, right-to-wrong and wrong-to-right, CL (what was right stays right), CS (what was wrong is mended) and RSS.
"""


def arguments(parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model directory, a Hub name, or a shipped student's name")
    parser.add_argument("--tasks", nargs="+", required=True, metavar="T", help=TASK_FORMS)
    parser.add_argument("--samples", type=int, default=4, help="answers of each prompt (default: 4)")
    parser.add_argument("--ks", type=ks, default=(1,), metavar="1,4,16", help="which pass@k (default: 1)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (default: 1)")
    parser.add_argument("--max-tokens", type=int, default=64, help="longest answer, in tokens (default: 64)")
    parser.add_argument("--limit", type=int, help="at most so many prompts of each task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--turns", type=int, default=1, choices=(1, 2), help="2: a second attempt after each first one")
    parser.add_argument("--templates", default="prose", metavar="SET", help="wording of the second turn: prose, student, or a "
                        "folder (default: prose)")
    parser.add_argument("--second-turn", default="rewrite_plain", metavar="NAME", help="its template, with ${question} and "
                        "${attempt} (default: rewrite_plain, which does not say that the answer is wrong)")
    parser.add_argument("--out", type=Path, metavar="JSON", help="write the scores, prompt by prompt")
    parser.add_argument("--trust-remote-code", action="store_true", help="let the model directory's own code run")


def ks(text: str) -> tuple[int, ...]:
    """`1,4,16` as numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers; try 1,4,16") from error


def run(given) -> None:
    if given.limit is not None and given.limit < 1:
        raise UserError(f"--limit is {given.limit}; it must be at least 1. Try 100.")
    if given.seed < 0:
        raise UserError(f"--seed is {given.seed}; it must be at least 0. Try 0.")
    if given.out is not None and not given.out.parent.is_dir():
        raise UserError(f"--out is {given.out}; there is no folder {given.out.parent}. Make it first, or choose another.")
    if given.out is not None and given.out.is_dir():
        raise UserError(f"--out is {given.out}, which is a folder; it must be a file. Try {given.out / 'scores.json'}.")
    for k in given.ks:
        if not 1 <= k <= given.samples:
            raise UserError(f"--ks holds {k}; it must be between 1 and --samples, which is {given.samples}. "
                            f"Try --samples {max(k, 1)}.")
    from rfpo.config.load import build
    from rfpo.engines.settings import Model
    from rfpo.records import Sampling
    from rfpo.tasks import Task

    tasks = build(tuple[Task, ...], [task_of(text) for text in given.tasks], "tasks")
    sampling = build(Sampling, {"temperature": given.temperature, "max_tokens": given.max_tokens}, "sampling")
    model = Model(path=given.model, trust_remote_code=given.trust_remote_code)
    from rfpo.training.evaluate import evaluate, evaluate_two_turns

    same = {"samples": given.samples, "sampling": sampling, "limit": given.limit, "seed": given.seed}
    result = (evaluate(model, tasks, ks=given.ks, **same) if given.turns == 1 else
              evaluate_two_turns(model, tasks, templates=given.templates, second=given.second_turn, **same))
    print(result.table())
    if given.out is not None:
        given.out.write_text(result.to_json(), encoding="utf-8")
