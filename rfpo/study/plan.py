"""A plan: what a study will run and compare, fixed before anything runs."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rfpo.checks import require
from rfpo.config.load import record
from rfpo.errors import UserError, near_miss


def _positive(x) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and x >= 1


@dataclass(frozen=True, kw_only=True)
class ArmPlan:
    """One way to train: a recipe, with fields changed as `--set` would.

    spends_like     names another arm: this one's correction stage spends, step by step, the tokens that the paired cell of that
                    arm spent on its own (same task, same seed); so that cell runs first
    updates_like    names another arm: this one repeats its updates until it has made as many optimizer steps
    """

    recipe: str
    about: str = ""
    set: dict[str, Any] = field(default_factory=dict)
    spends_like: str | None = None
    updates_like: str | None = None

    @property
    def after(self) -> str | None:
        """The arm whose paired cell must be done first."""
        return self.spends_like or self.updates_like


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """Where the arms are compared: a student (its own task goes with it), the budget of every arm in generated tokens, and
    fields of the run that differ on this task. Without a student, these say the model and the tasks."""

    student: str = ""
    token_budget: int
    set: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        require(self, "token_budget", _positive, "a positive number of generated tokens", 100_000)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A question: arms to compare, each pair as [arm, against], on these tasks and with this many seeds (left out: the plan's).
    `arms` are run and tabled with it without being compared. P-values are corrected (Holm) over the contrasts of one claim on
    one task, or pooled over its tasks."""

    text: str
    contrasts: tuple[tuple[str, str], ...] = ()
    arms: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    seeds: int | None = None

    def __post_init__(self):
        require(self, "seeds", lambda x: x is None or _positive(x), "a whole number of at least 1, or left out", 8)
        for pair in self.contrasts:
            if pair[0] == pair[1]:
                raise UserError(f"contrasts holds [{pair[0]!r}, {pair[1]!r}]; an arm is compared with another one. Name two.")

    @property
    def every_arm(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*(arm for pair in self.contrasts for arm in pair), *self.arms)))


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How an arm is measured, on evaluation prompts that no arm trains on.

    A prompt is stuck when the student's `stuck_draws` plain draws are all wrong, and other when one of them is right;
    `stuck_prompts` and `other_prompts` of them are kept. A curve has `marks` points after the first, evenly spread over the
    budget, of `mark_samples` answers a prompt; the last has `end_samples`. `beyond_draws`: the base model's
    pass@N of each stuck prompt, measured once a task (0: not measured).
    """

    stuck_prompts: int = 128
    other_prompts: int = 64
    stuck_draws: int = 64
    marks: int = 8
    mark_samples: int = 2
    end_samples: int = 8
    beyond_draws: int = 1024

    def __post_init__(self):
        for name in ("stuck_prompts", "other_prompts", "stuck_draws", "marks", "mark_samples", "end_samples"):
            require(self, name, _positive, "a whole number of at least 1", 8)
        for name in ("mark_samples", "end_samples"):
            require(self, name, lambda x: x <= 35, "at most 35", 8)
        require(self, "beyond_draws", lambda x: isinstance(x, int) and x >= 0, "a whole number of at least 0", 1024)


@dataclass(frozen=True, kw_only=True)
class Small:
    """What `--small` keeps of a plan."""

    arms: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """arms x tasks x seeds, one budget, and what is to be compared.

    `primary` is the endpoint on which the contrasts are judged: "area", the mean solved share of the stuck prompts over the
    budget (area under the curve over generated tokens, divided by the budget), or "end", the solved share at its end.
    `smallest` is the difference that would matter: more seeds are asked for until the interval is narrower than that.
    Without claims, every arm is compared with the first one. `core_hours` is what the plan may take.
    """

    name: str
    arms: dict[str, ArmPlan]
    tasks: dict[str, TaskPlan]
    about: str = ""
    seeds: int = 8
    first_seed: int = 0
    pilot_seed: int = 1000
    core_hours: float = 16.0
    primary: str = "area"
    smallest: float = 0.05
    measure: Measure = Measure()
    set: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    small: Small | None = None

    def __post_init__(self):
        if not self.arms or not self.tasks:
            raise UserError("a plan needs an arm and a task, as [arms.rfpo] with recipe = \"rfpo\" and [tasks.mine] "
                            "with student = \"...\" and token_budget = 100000.")
        require(self, "seeds", _positive, "a whole number of at least 1", 8)
        require(self, "first_seed", lambda x: x >= 0, "0 or more", 0)
        require(self, "core_hours", lambda x: x > 0, "positive", 16.0)
        require(self, "primary", lambda x: x in ("area", "end"), "area or end", "area")
        require(self, "smallest", lambda x: 0 < x < 1, "a share above 0 and below 1", 0.05)
        most = max([self.seeds, *(claim.seeds or 0 for claim in self.claims.values())])
        if self.first_seed <= self.pilot_seed < self.first_seed + most:
            raise UserError(f"pilot_seed is {self.pilot_seed}, which the study itself uses; a pilot needs seeds of its own. "
                            "Try 1000.")
        if not self.claims:
            first, *rest = self.arms
            object.__setattr__(self, "claims", {"all": Claim(text=f"every arm against {first}", arms=(first,),
                                                             contrasts=tuple((arm, first) for arm in rest))})
        self._check_names()

    def _check_names(self) -> None:
        named = [(f"arms.{name}.{slot}", other, self.arms) for name, arm in self.arms.items()
                 for slot in ("spends_like", "updates_like") if (other := getattr(arm, slot))]
        for name, claim in self.claims.items():
            named += [(f"claims.{name}", arm, self.arms) for arm in claim.every_arm]
            named += [(f"claims.{name}.tasks", task, self.tasks) for task in claim.tasks]
        if self.small:
            named += [("small.arms", arm, self.arms) for arm in self.small.arms]
            named += [("small.tasks", task, self.tasks) for task in self.small.tasks]
        for path, word, known in named:
            if word not in known:
                raise UserError(f"{path} names {word!r}, which the plan does not have; {near_miss(word, known)}")
        for name, arm in self.arms.items():
            if arm.spends_like and arm.updates_like:
                raise UserError(f"arms.{name} has both spends_like and updates_like; it can follow one arm in one of them.")
            if arm.after and self.arms[arm.after].after:
                raise UserError(f"arms.{name} follows {arm.after!r}, which follows another arm itself; name one that follows "
                                "none.")

    @property
    def hash(self) -> str:
        """Twelve digits that change with anything in the plan."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def tasks_of(self, claim: Claim) -> tuple[str, ...]:
        return claim.tasks or tuple(self.tasks)

    def seeds_of(self, claim: Claim) -> range:
        return range(self.first_seed, self.first_seed + (claim.seeds or self.seeds))

    def cells(self) -> list[tuple[str, str, int]]:
        """(arm, task, seed) of every cell that a claim needs, those that others follow first within their task and seed; seed
        by seed, so that a study that is stopped early has every arm equally often."""
        wanted = {(arm, task, seed) for claim in self.claims.values() for arm in claim.every_arm
                  for task in self.tasks_of(claim) for seed in self.seeds_of(claim)}
        wanted |= {(self.arms[arm].after, task, seed) for arm, task, seed in wanted if self.arms[arm].after}
        arms, tasks = list(self.arms), list(self.tasks)
        return sorted(wanted, key=lambda cell: (cell[2], bool(self.arms[cell[0]].after), tasks.index(cell[1]),
                                                arms.index(cell[0])))

    def smaller(self) -> "Plan":
        """The reduced version. Raises UserError when the plan has none."""
        if self.small is None:
            raise UserError(f"the plan {self.name!r} has no [small] table; add one with arms, tasks and seeds or drop --small.")
        arms, tasks = set(self.small.arms), {name: self.tasks[name] for name in self.small.tasks}
        arms |= {self.arms[name].after for name in arms if self.arms[name].after}
        claims = {name: _within(claim, arms, tasks) for name, claim in self.claims.items()}
        claims = {name: claim for name, claim in claims.items() if claim.contrasts}
        return replace(self, name=f"{self.name}-small", seeds=self.small.seeds, tasks=tasks, claims=claims, small=None,
                       arms={name: arm for name, arm in self.arms.items() if name in arms})


def _within(claim: Claim, arms: set[str], tasks: dict) -> Claim:
    """What is left of a claim when only these arms and tasks are run."""
    pairs = tuple(pair for pair in claim.contrasts if set(pair) <= arms)
    return replace(claim, contrasts=pairs, arms=tuple(arm for arm in claim.arms if arm in arms), seeds=None,
                   tasks=tuple(task for task in claim.tasks if task in tasks))


def load_plan(path: Path | str) -> Plan:
    """The plan written in a TOML file. Raises UserError, naming the file and the field."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return record(Plan, table, "")
    except FileNotFoundError as error:
        raise UserError(f"there is no plan at {path}; name a TOML file such as plans/first.toml.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a plan: {error}. Name a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
