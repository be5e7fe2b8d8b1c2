"""Train a student from scratch: `python -m rfpo.students.build column_addition --out DIR`."""

import argparse
import copy
import inspect
import math
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from rfpo.checks import require
from rfpo.engines.local import LocalEngine, set_malloc
from rfpo.engines.local.attention import NAME as OWN_ATTENTION
from rfpo.engines.local.norms import fuse_norms
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError, near_miss
from rfpo.pieces import find
from rfpo.students import SHIPPED
from rfpo.students import rates as taught_rates
from rfpo.students.card import Built, stated_commands, write_card
from rfpo.students.dialect import SHARES, Lesson, lessons, words
from rfpo.students.gate import gate
from rfpo.students.own import SEED, failures
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise, Specialist
from rfpo.students.tokenizer import character_tokenizer
from rfpo.tasks import Task

OPTIONS = {"hidden": int, "layers": int, "steps": int, "batch": int, "learning_rate": float, "warmup": int,
           "sharpness": float, "own_prompts": int, "seed": int, "start": str}
SIZES = {"0.65M": (128, 3), "1M": (160, 3), "2M": (192, 4), "4M": (256, 5), "10M": (384, 5)}
"""Width and layers by the number of parameters that they come to, about: 13 x layers x width^2."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """How a student is trained: Qwen3 of `layers` layers of width `hidden`; AdamW; the learning rate rises over `warmup`
    steps and then falls to zero along a half cosine. The fall matters: it is what makes the habit certain enough that 256
    samples do not break it. At the end the logits are multiplied by `sharpness` (by way of the last norm's weight), which
    samples as a temperature of 1/sharpness would: it makes easy prompts surer, and stuck ones more surely stuck, so that a
    lucky sample does not blur the comparison with methods that wait for one.

    After two thirds of the steps it answers `own_prompts` prompts (0: none), and half of the repairs of the last third are of
    the mistakes that it made there.

    `start` is the directory of a student that missed the gate by a little: training goes on from it, whatever `hidden` and
    `layers` say, and with mistakes of its own from the first step on. Another `seed` gives other lessons than it has had, and
    `shares` says which kinds of them come how often, where not as often as the specialist has it."""

    hidden: int = 128
    layers: int = 3
    steps: int = 2000
    batch: int = 96
    learning_rate: float = 2e-3
    warmup: int = 50
    sharpness: float = 1.25
    own_prompts: int = 600
    seed: int = 0
    start: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)

    def __post_init__(self):
        for name in ("layers", "steps", "batch", "warmup"):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number above 0", 3)
        require(self, "hidden", lambda x: isinstance(x, int) and x >= 32 and x % 32 == 0, "a multiple of 32", 128)
        require(self, "own_prompts", lambda x: isinstance(x, int) and x >= 0, "a whole number, 0 or more", 600)
        require(self, "sharpness", lambda x: 0 < x <= 4, "above 0 and at most 4", 1.25)
        for kind in self.shares:
            if kind not in SHARES:
                raise UserError(f"shares has {kind!r}, which is no kind of lesson; {near_miss(kind, SHARES)}")
        require(self, "shares", lambda x: all(share >= 0 for share in x.values()), "shares of 0 or more", {"hint_ladder": 0.25})
        require(self, "learning_rate", lambda x: 0 < x < 1, "above 0 and below 1", 2e-3)

    def learning_rate_at(self, step: int) -> float:
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


class Trained(NamedTuple):
    """The model in fp32, its tokenizer, and of how many failures of its own it was taught."""

    model: Qwen3ForCausalLM
    tokenizer: PreTrainedTokenizerFast
    own: int


def train(specialist: Specialist, build: Build) -> Trained:
    """A new model, taught with cross-entropy on the answers and their end; the contexts are given."""
    torch.manual_seed(build.seed)
    tokenizer = character_tokenizer([*words(), *specialist.words])
    model = old_model(build, tokenizer) if build.start else new_model(build, tokenizer)
    asks_at = 0 if build.start else 2 * build.steps // 3
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    asked, own = _own_task(specialist, build), []
    taught = lessons(specialist, build.rates, random.Random(build.seed), own, build.shares)
    with _progress() as progress:
        task = progress.add_task(f"training {model.num_parameters():,} parameters", total=build.steps, loss=math.nan)
        for step in range(build.steps):
            if asked and step == asks_at:
                own += own_failures(model, tokenizer, asked)
            loss = _backward(model, tokenizer, list(islice(taught, build.batch)))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] = build.learning_rate_at(step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.update(task, advance=1, loss=loss)
    return Trained(sharpen(model, build.sharpness).eval(), tokenizer, len(own))


def _own_task(specialist: Specialist, build: Build) -> Task | None:
    """Prompts of a seed that is used for nothing else. They are drawn at once: too few of them is found out before training."""
    task = specialist.task(size=build.own_prompts, seed=SEED) if build.own_prompts else None
    if task:
        task.training_prompts()
    return task


def own_failures(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, task: Task) -> list[Exercise]:
    """What the student gets wrong as it is now."""
    with TemporaryDirectory() as folder:
        save(model, tokenizer, Path(folder))
        engine = LocalEngine.load(Model(path=folder, precision="fp32", device="cpu"), Optimizer())
        return failures(engine, task)


@torch.no_grad()
def sharpen(model: Qwen3ForCausalLM, factor: float) -> Qwen3ForCausalLM:
    """Multiplies the logits: the head is linear and has no bias, so scaling the norm before it scales them."""
    model.model.norm.weight *= factor
    return model


def new_model(build: Build, tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=build.hidden, intermediate_size=3 * build.hidden,
        num_hidden_layers=build.layers, num_attention_heads=build.hidden // 32, num_key_value_heads=build.hidden // 32,
        head_dim=32, max_position_embeddings=512, tie_word_embeddings=True, attn_implementation=OWN_ATTENTION,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )
    model = Qwen3ForCausalLM(config)
    fuse_norms(model)
    return model


def old_model(build: Build, tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """The one in `build.start`. Raises UserError when there is none, or when it knows other words."""
    folder = Path(build.start)
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"start is {build.start!r}, where no student is. Give the --out directory of another build.")
    if PreTrainedTokenizerFast.from_pretrained(folder).get_vocab() != tokenizer.get_vocab():
        raise UserError(f"start is {build.start!r}, whose student has other words than this one. It must be of the same task, "
                        "and built with the same templates.")
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=OWN_ATTENTION)
    fuse_norms(model)
    return model.train()


def _backward(model, tokenizer, batch: list[Lesson]) -> float:
    """Add the batch's gradient, a third of the rows at a time and like lengths together. The loss is the mean over lessons
    of the mean over an answer's tokens: a reflection of one word counts as much as a whole answer."""
    rows = sorted(_rows(tokenizer, batch), key=lambda row: len(row[0]))
    third, loss = -(-len(rows) // 3), 0.0
    for first in range(0, len(rows), third):
        ids, labels = _pad(rows[first:first + third], tokenizer.pad_token_id)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids, use_cache=False).logits
        each = cross_entropy(logits[:, :-1].float().transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none")
        part = (each.sum(-1) / (labels[:, 1:] != -100).sum(-1)).sum() / len(rows)
        part.backward()
        loss += part.item()
    return loss


def _rows(tokenizer, batch: list[Lesson]) -> Iterator[tuple[list[int], int]]:
    """Token ids of each lesson, and where its answer starts."""
    contexts = tokenizer([lesson.context for lesson in batch]).input_ids
    answers = tokenizer([lesson.answer for lesson in batch]).input_ids
    for context, answer in zip(contexts, answers, strict=True):
        yield [*context, *answer, tokenizer.eos_token_id], len(context)


def _pad(rows: list[tuple[list[int], int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Padded on the right, where a causal model cannot see it; labels are -100 on the context and the padding."""
    ids = torch.full((len(rows), max(len(row) for row, _ in rows)), pad)
    labels = torch.full_like(ids, -100)
    for index, (row, start) in enumerate(rows):
        ids[index, :len(row)] = torch.tensor(row)
        labels[index, start:len(row)] = torch.tensor(row[start:])
    return ids, labels


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                    TextColumn("loss {task.fields[loss]:.4f}"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """A directory that from_pretrained loads. The weights are rounded to bf16: half the file."""
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    given = _parser().parse_args(arguments)
    specialist = find(Specialist.room, given.name)()
    build = _build(specialist, given)
    set_malloc()
    trained = train(specialist, build)
    folder = given.out or SHIPPED / given.name
    save(trained.model, trained.tokenizer, folder)
    taught_rates.write(build.rates, folder)
    report = gate(str(folder), given.name)
    built = Built(given.name, trained.model.num_parameters(), inspect.getdoc(type(specialist)), _commands(arguments, given),
                  build.sharpness, trained.own)
    write_card(folder, built, report)
    Console().print(*report.tables())
    return 0 if report.passed else 1


def _commands(arguments: list[str], given: argparse.Namespace) -> tuple[str, ...]:
    """What builds such a student, in order: what built the one that it started from, and this."""
    named = {str(given.out): "DIR"} | ({given.start: "START"} if given.start else {})
    command = " ".join(["python -m rfpo.students.build", *(named.get(argument, argument) for argument in arguments)])
    before = stated_commands(Path(given.start)) if given.start else ()
    return *(each.replace("START", "EARLIER").replace("DIR", "START") for each in before), command


def _build(specialist: Specialist, given: argparse.Namespace) -> Build:
    """What the specialist needs, but for what the command line says."""
    settings = {"steps": specialist.steps, "learning_rate": specialist.learning_rate, "rates": specialist.rates,
                "sharpness": getattr(specialist, "sharpness", Build.sharpness)}
    if given.size:
        settings |= zip(("hidden", "layers"), SIZES[given.size], strict=True)
    settings |= {name: value for name in OPTIONS if (value := getattr(given, name)) is not None}
    settings["shares"] = dict(given.share)
    if given.located_rate is not None:
        settings["rates"] = replace(specialist.rates, located=given.located_rate)
    return Build(**settings)


def _share(text: str) -> tuple[str, float]:
    kind, _, number = text.partition("=")
    try:
        return kind, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=NUMBER, such as hint_ladder=0.25") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rfpo.students.build", description=__doc__)
    parser.add_argument("name", help="the task the student is to learn")
    parser.add_argument("--out", type=Path, help="model directory to write (default: over the shipped one)")
    parser.add_argument("--size", choices=SIZES, help="parameters, about: " + "; ".join(
        f"{size} is --hidden {hidden} --layers {layers}" for size, (hidden, layers) in SIZES.items()))
    for option, kind in OPTIONS.items():
        told = "a student's directory: go on from it" if option == "start" else "default: what the shipped student took"
        parser.add_argument("--" + option.replace("_", "-"), type=kind, help=told)
    parser.add_argument("--share", type=_share, action="append", default=[], metavar="KIND=NUMBER",
                        help=f"how often a kind of lesson comes; may be given several times. Kinds: {', '.join(SHARES)}")
    parser.add_argument("--located-rate", type=float,
                        help="share of located repairs it answers rightly (default: what its specialist says)")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
