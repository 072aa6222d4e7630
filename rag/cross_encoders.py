"""Any sentence-transformers cross-encoder, by id or path."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_KEPT = 2
"""One may rerank while another judges."""


@lru_cache(maxsize=_KEPT)
def open_cross_encoder(model: str) -> "CrossEncoder":
    """Opened once, whoever asks for it under whatever settings. Raises OSError or ValueError where it cannot be."""
    from sentence_transformers import CrossEncoder

    opened: CrossEncoder = CrossEncoder(model)
    return opened
