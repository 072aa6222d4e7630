"""How fast and how small a sync is, beside the embedding alone.

    python -m eval.benchmarks.sync --notes FOLDER

Syncs the folder with the ``notecite`` command into a temporary library, syncs it again unchanged, and then embeds the
same chunks with ``SentenceTransformer.encode_document`` of the same weights. Prints wall times, their ratio, the
chunks per second and the sync's peak memory. Run it on an idle machine.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from ingest.bundled import sentence_transformers_folder
from ingest.library import open_library


def timed_sync(notes: Path, library: Path) -> float:
    """Wall seconds of ``notecite sync``, the start of Python included."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "ui.cli", "sync", str(notes), "--library", str(library)]
    subprocess.run(command, check=True, stdout=sys.stderr, env=os.environ)  # noqa: S603 - our own command
    return time.perf_counter() - started


def encoding_alone(texts: list[str]) -> float:
    """Wall seconds of ``encode_document`` alone, after one warm-up batch; bf16 where torch has fast kernels for it."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(sentence_transformers_folder()))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.backends.cpu.get_cpu_capability() == "AVX512"):
        model.encode_document(texts[:32])
        started = time.perf_counter()
        model.encode_document(texts)
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=Path, required=True)
    notes = parser.parse_args().notes
    sentence_transformers_folder()
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        first = timed_sync(notes, library)
        # The children's peak so far is that of the one sync.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        again = timed_sync(notes, library)
        with open_library(library) as opened:
            documents = opened.documents()
            texts = [c.embedded_text for d in documents for c in opened.chunks_of(d.id)]
    alone = encoding_alone(texts)
    print(  # noqa: T201 - a script's result
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: {len(documents)} documents, {len(texts)} chunks\n"
        f"sync {first:.1f} s ({len(texts) / first:.0f} chunks/s), encode_document alone {alone:.1f} s, "
        f"ratio {first / alone:.2f}\n"
        f"unchanged sync {again:.2f} s, peak memory {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
