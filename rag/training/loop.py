"""The training loop: optimizer, schedule, checkpoints, report."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Report = Callable[[str], None]
"""Takes one line of progress."""

Step = Callable[[], tuple[str, Tensor, Sequence[float]]]
"""Draws a batch and returns the name that it is reported under, its loss and its figures."""

_BODY = "body."
"""The prefix of the parameters that learn at the body's rate."""
_STEPS_PER_REPORT = 10
_STEPS_PER_CHECKPOINT = 50
_LEAST_RATE = 0.05
_WEIGHT_DECAY = 0.01
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate rises over ``warm_up`` steps, then falls linearly to a twentieth."""

    steps: int
    warm_up: int
    body_rate: float
    head_rate: float

    def factor(self, step: int) -> float:
        done = max(0, step - self.warm_up) / max(1, self.steps - self.warm_up)
        return min((step + 1) / self.warm_up, max(_LEAST_RATE, 1 - (1 - _LEAST_RATE) * done))


@dataclass
class Training:
    """A run that writes a checkpoint every 50 steps and resumes from it.

    A checkpoint of another ``recipe`` is not resumed.
    """

    model: nn.Module
    schedule: Schedule
    recipe: Mapping[str, Any]
    checkpoint: Path
    report: Report
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        named = self._named()
        body = [values for name, values in named.items() if name.startswith(_BODY)]
        head = [values for name, values in named.items() if not name.startswith(_BODY)]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": body, "lr": self.schedule.body_rate, "weight_decay": _WEIGHT_DECAY},
                {"params": head, "lr": self.schedule.head_rate, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.98),
        )
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self.schedule.factor)
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            if state["recipe"] == dict(self.recipe):
                self.model.load_state_dict(state["model"], strict=False)
                self._optimizer.load_state_dict(state["optimizer"])
                self._scheduler.load_state_dict(state["scheduler"])
                self.done = int(state["step"])

    def run(self, step: Step) -> None:
        figures: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
        began = time.monotonic()
        for number in range(self.done + 1, self.schedule.steps + 1):
            self._optimizer.zero_grad()
            name, loss, found = step()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(list(self._named().values()), _LARGEST_GRADIENT)
            self._optimizer.step()
            self._scheduler.step()
            figures[name].append((loss.item(), *found))
            last = number == self.schedule.steps
            if number % _STEPS_PER_REPORT == 0 or last:
                self.report(f"{number}/{self.schedule.steps} {time.monotonic() - began:.0f} s {_means(figures)}")
                figures.clear()
            if number % _STEPS_PER_CHECKPOINT == 0 or last:
                self._save(number)
        self.done = self.schedule.steps

    def _named(self) -> dict[str, nn.Parameter]:
        return {name: values for name, values in self.model.named_parameters() if values.requires_grad}

    def _save(self, step: int) -> None:
        frozen = {name for name, values in self.model.named_parameters() if not values.requires_grad}
        own = {name for name in frozen if not name.startswith(_BODY)}
        kept = {**self._named(), **{name: self.model.get_parameter(name) for name in own}}
        state = {
            "recipe": dict(self.recipe),
            "model": {name: values.detach() for name, values in kept.items()},
            "optimizer": self._optimizer.state_dict(),
            "scheduler": self._scheduler.state_dict(),
            "step": step,
        }
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        draft = self.checkpoint.with_suffix(".making")
        torch.save(state, draft)
        os.replace(draft, self.checkpoint)


def _means(figures: Mapping[str, list[tuple[float, ...]]]) -> str:
    parts = []
    for name, rows in sorted(figures.items()):
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        parts.append(f"{name}: " + " ".join(f"{mean:.3f}" for mean in means))
    return "; ".join(parts)
