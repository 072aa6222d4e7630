"""The recipe: every number that shapes a training run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RankingRecipe:
    """``mixture`` gives each source's share of the steps."""

    steps: int = 560
    questions: int = 32
    """Per step; each comes with one passage that answers it, which is a negative for the others."""
    dimensions: int = 96
    first_layer: int = 8
    """Layers from this one on are trained; each takes 1.8 MB of the file."""
    passage_tokens: int = 160
    query_tokens: int = 64
    learning_rate: float = 7e-5
    head_learning_rate: float = 3e-4
    warm_up: int = 30
    dense_scale: float = 50.0
    late_scale: float = 30.0
    dense_weight: float = 0.5
    trap_share: float = 0.8
    """How often an example with a written trap comes with it."""
    negative_share: float = 0.25
    """How often any other example comes with a mined negative."""
    neighbours: int = 8
    """Examples of one area of the notes that go into a step together: each other's hard negatives."""
    mixture: tuple[tuple[str, float], ...] = (
        ("written", 0.5),
        ("heading", 0.25),
        ("parallel", 0.12),
        ("reading", 0.13),
    )
    heading_filler: float = 0.25
    """Share of heading examples in a step of written ones."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class JudgeRecipe:
    """A mixture gives the share of each source that there is, among those that are not written; the written share goes
    from its first to its last value in the course of the run."""

    steps: int = 1600
    claims: int = 28
    lists: int = 10
    """Questions per step, each with up to ``statements`` statements."""
    statements: int = 4
    first_layer: int = 3
    """Layers from this one on are trained; each takes 1.8 MB of the file."""
    tokens: int = 168
    """The longest pair; a longer one is cut at its end."""
    learning_rate: float = 1.5e-4
    head_learning_rate: float = 1e-3
    warm_up: int = 40
    written_share: tuple[float, float] = (0.5, 0.8)
    claim_mixture: tuple[tuple[str, float], ...] = (("made", 0.88), ("twins", 0.12), ("labelled", 0.5))
    list_mixture: tuple[tuple[str, float], ...] = (
        ("quoted", 0.6),
        ("reading", 0.2),
        ("parallel", 0.1),
        ("clapnq", 0.1),
        ("labelled", 2.0),
    )
    forget_every: int = 500
    """Steps after which the remembered output of the lower layers is dropped to free memory."""
    seed: int = 0
