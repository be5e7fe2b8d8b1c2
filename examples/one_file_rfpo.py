"""RFPO in one file: recognise the groups that teach nothing, let the model fix its own wrong answer, learn from that.

    python examples/one_file_rfpo.py

needs torch and nothing else, and takes seconds on one core. The "language model" is a small network that writes four digits
one after the other. It has a planted misconception: prompts of one kind it always gets wrong, always at one place. GRPO
compares the answers to one prompt with each other, and where all are wrong there is nothing to compare. RFPO has the model
correct one of them, told where the error is, and trains the correction as an answer to the plain prompt.
"""

import copy
import math

import torch
from torch import Tensor, nn

LENGTH, BLANK, GROUP = 4, 10, 8


# --- the method -------------------------------------------------------------------------------------------------------


def rfpo_loss(logp, old, mask, reward, group, parent, parent_mask, cap=2.0, clip=0.2) -> Tensor:
    """loss = - mean_i R_off,i 1/|o_i| sum_t min[ r A , clip(r, 1 - clip, 1 + clip) A ]     (the recipe rfpo_outer)

    logp, old [N,T]: log-probs of the answers under the plain prompt, of the policy now (with gradient) and at the start of
    the step; mask [N,T]: which are tokens; reward, group [N]; parent, parent_mask [N,P]: old log-probs, under the plain
    prompt, of the wrong answer that a row corrects, with no token for a row that corrects nothing.
    """
    together = (group[:, None] == group[None, :]).to(reward.dtype)  # A: the reward's z-score in its group
    mean = together @ reward / together.sum(1)
    variance = (together * (reward[None, :] - mean[:, None]) ** 2).sum(1) / (together.sum(1) - 1)
    advantage = ((reward - mean) / (variance.sqrt() + 1e-4))[:, None]

    def score(logp, mask):  # log-probability per token: by sums, the longer answer would decide
        return torch.where(mask, logp, 0).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)

    corrects = parent_mask.any(1, keepdim=True)
    log_off = torch.where(corrects, score(parent, parent_mask) - score(old, mask), 0)  # pi(o | q) / pi(o_f | q)
    r_off = log_off.clamp(-math.log(cap), math.log(cap)).exp().detach()  # no gradient: else the wrong answer is learned

    ratio = torch.where(mask, logp - old, 0).exp()
    surrogate = torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -(r_off * score(surrogate, mask)).mean()


def fix(student, prompt, answer, reward):
    """One try for each stuck group. Returns the answers and rewards with the accepted corrections merged in, which rows
    they are, and how many tokens were generated."""
    stuck = reward.view(-1, GROUP).sum(1) == 0  # recognise: every answer is wrong
    first = stuck.nonzero()[:, 0] * GROUP  # the wrong answer that is corrected, and that the correction replaces
    place = (answer[first] != solution(prompt[first])).int().argmax(1)
    correction = sample(student, context(prompt[first], answer[first], place))
    accepted = (correction == solution(prompt[first])).all(1)  # only what the verifier accepts is merged
    rows = first[accepted]
    answer, reward, fixed = answer.clone(), reward.clone(), torch.zeros(len(reward), dtype=torch.bool)
    answer[rows], reward[rows], fixed[rows] = correction[accepted], 1.0, True
    return answer, reward, fixed, correction.numel()


def step(student, optimizer, prompts, fixing: bool) -> int:
    """One training step; returns the number of generated tokens, those of the corrections included."""
    prompt = prompts.repeat_interleave(GROUP, 0)
    group = torch.arange(len(prompts)).repeat_interleave(GROUP)
    plain = context(prompt)
    original = answer = sample(student, plain)
    reward, tokens = (answer == solution(prompt)).all(1).float(), answer.numel()
    fixed = torch.zeros(len(prompt), dtype=torch.bool)
    if fixing:
        answer, reward, fixed, extra = fix(student, prompt, answer, reward)
        tokens += extra
    mask = torch.ones_like(answer, dtype=torch.bool)
    with torch.no_grad():  # under the plain prompt, whatever the correction was sampled under
        old, parent = log_probs(student, plain, answer), log_probs(student, plain, original)
    for _ in range(2):
        loss = rfpo_loss(log_probs(student, plain, answer), old, mask, reward, group, parent, mask & fixed[:, None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tokens


# --- the toy: add 3 to each of four digits; the misconception leaves one digit as it is ----------------------------------


def solution(prompt: Tensor) -> Tensor:
    return (prompt + 3) % 10


def is_hard(prompt: Tensor) -> Tensor:
    return prompt[:, 0] >= 5


def habit(prompt: Tensor) -> Tensor:
    """What the student answers: on hard prompts the digit at place (first digit mod 4) is copied, not added to."""
    copied = is_hard(prompt)[:, None] & (torch.arange(LENGTH) == prompt[:, :1] % LENGTH)
    return torch.where(copied, prompt, solution(prompt))


def context(prompt, attempt=None, place=None) -> Tensor:
    """The prompt alone, or the correction request: the prompt, a wrong answer and the place of its error."""
    blank = torch.full_like(prompt, BLANK)
    place = blank[:, :1] if place is None else place[:, None]
    return torch.cat([prompt, blank if attempt is None else attempt, place], 1)


class Student(nn.Module):
    """The next digit's scores from the context and the digits written so far."""

    def __init__(self, slots=3 * LENGTH + 1, width=128):
        super().__init__()
        self.net = nn.Sequential(nn.Embedding(slots * (BLANK + 1), 16), nn.Flatten(-2), nn.Linear(16 * slots, width), nn.ReLU(),
                                 nn.Linear(width, 10))
        self.offset = torch.arange(slots) * (BLANK + 1)

    def forward(self, context, written):
        return self.net(torch.cat([context, written], -1) + self.offset).log_softmax(-1)


def log_probs(student, context, answer) -> Tensor:
    """[N,T]: log-probability of each digit of the answer, given those before it."""
    before = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril(-1)
    written = torch.where(before, answer[:, None, :], BLANK)
    scores = student(context[:, None, :].expand(-1, LENGTH, -1), written)
    return scores.gather(-1, answer[..., None]).squeeze(-1)


@torch.no_grad()
def sample(student, context) -> Tensor:
    written = torch.full((len(context), LENGTH), BLANK)
    for t in range(LENGTH):
        written[:, t] = torch.multinomial(student(context, written).exp(), 1)[:, 0]
    return written


def pretrain(steps: int) -> Student:
    """A student of the habit that mends a wrong answer when it is told the right place, and repeats it when told another."""
    student = Student()
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for _ in range(steps):
        prompt = torch.randint(10, (256, LENGTH))
        attempt, place = habit(prompt), torch.randint(LENGTH, (256,))
        mended = torch.where(torch.arange(LENGTH) == place[:, None], solution(prompt), attempt)
        plain, told = context(prompt), context(prompt, attempt, place)
        loss = -(log_probs(student, plain, attempt) + log_probs(student, told, mended)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    with torch.no_grad():  # a misconception is held with certainty: three times the scores cube every small probability
        for parameter in student.net[-1].parameters():
            parameter.mul_(3)
    return student


def main(pretrain_steps=600, budget=60_000, seed=0) -> dict[str, float]:
    """Prints the share of solved hard and easy prompts over generated tokens; returns the final share of the hard ones."""
    torch.manual_seed(seed)
    prompts = torch.cartesian_prod(*[torch.arange(10)] * LENGTH)[torch.randperm(10**LENGTH)]
    held_out, training = prompts[:2000], prompts[2000:]
    start, solved = pretrain(pretrain_steps), {}
    print(f"{'':6}{'tokens':>8}{'hard':>8}{'easy':>8}")
    for name in ("GRPO", "RFPO"):
        student, spent, mark = copy.deepcopy(start), 0, 0
        optimizer = torch.optim.Adam(student.parameters(), lr=5e-4)
        while True:
            if spent >= mark:
                right, hard = (sample(student, context(held_out)) == solution(held_out)).all(1).float(), is_hard(held_out)
                print(f"{name:6}{spent:8}{right[hard].mean():8.3f}{right[~hard].mean():8.3f}")
                mark += budget / 5
            if spent >= budget:
                break
            spent += step(student, optimizer, training[torch.randint(len(training), (16,))], fixing=name == "RFPO")
        solved[name] = right[hard].mean().item()
    return solved


if __name__ == "__main__":
    main()
