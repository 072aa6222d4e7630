"""Every setting of notecite, read in this one place: command line > environment > files > defaults."""

import json
import os
import tomllib
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ingest.errors import BadInput
from ingest.phrases import Phrase

FILE_NAME = "notecite.toml"
_PREFIX = "NOTECITE_"
UNTRAINED = "bundled-untrained"


def settings_files() -> tuple[Path, ...]:
    """Where ``notecite.toml`` is looked for; the first that sets a value wins."""
    return Path.cwd() / FILE_NAME, platformdirs.user_config_path("notecite") / FILE_NAME


class Settings(BaseSettings):
    """What a person can set. Each name is a ``notecite.toml`` key, a ``NOTECITE_…`` variable and, for the first
    five, a command-line option."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    library: Path = Field(default_factory=lambda: platformdirs.user_data_path("notecite") / "library")
    """The folder that holds the library."""
    embedder: str = "bundled"
    """``bundled``, ``bundled-untrained`` (the same body before training), or a sentence-transformers id or path."""
    reranker: str = "bundled"
    """``bundled`` (late interaction, with the bundled embedder only), ``none`` (the fused order), ``chat`` (the chat
    model orders them), or a sentence-transformers cross-encoder id or path."""
    chat_model: str = ""
    """The model's name on an OpenAI-compatible server. Empty: answers quote the notes and nothing is sent anywhere."""
    language: Literal["auto", "en", "zh"] = "auto"
    """The language of messages; ``auto`` follows the locale. Answers follow the question."""

    candidates: Annotated[int, Field(ge=1, le=1000)] = 50
    """Hits taken from each of dense and lexical search before fusion."""
    rerank_candidates: Annotated[int, Field(ge=1, le=1000)] = 50
    """Fused hits that the reranker reads."""
    dense_weight: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weight of the dense ranking in fusion."""
    lexical_weight: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weight of the lexical ranking in fusion."""
    judge: str = "bundled"
    """What tells whether a sentence is carried by what it cites: ``bundled``, ``none``, or a sentence-transformers
    cross-encoder id or path."""
    conflicts: Literal["judge", "chat", "none"] = "judge"
    """What finds notes that disagree on what is asked: ``judge``, ``chat`` (the chat model compares the best statements
    before it answers, in a request of its own), or ``none``."""
    unsupported: Literal["mark", "cut"] = "mark"
    """What becomes of a sentence that is not carried by what it cites."""
    reflect: bool = False
    """Whether a chat model answers once more, from a wider search, when less than half of its answer is carried."""
    strictness: Literal["strict", "balanced", "eager"] = "balanced"
    """How sure it must be that the notes hold the answer; with the bundled models only."""
    answer_characters: Annotated[int, Field(ge=50, le=20_000)] = 600
    """About how long an extractive answer may grow, in characters."""

    chat_base_url: Annotated[str, Field(pattern=r"^https?://[^\s/]")] = "https://api.openai.com/v1"
    """Where the chat model is served, usually ending in ``/v1``."""
    chat_api_key: SecretStr = SecretStr("")
    """The server's key; many local servers need none."""
    chat_temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    chat_max_tokens: Annotated[int, Field(ge=16, le=100_000)] = 800
    """The longest answer of the chat model, in its tokens."""
    chat_timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """The longest wait for the next piece of the chat model's answer, the first included."""
    context_tokens: Annotated[int, Field(ge=256, le=10_000_000)] = 4096
    """What the chat model reads and writes together; sources that do not fit are left out."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = [TomlConfigSettingsSource(settings_cls, file) for file in settings_files()]
        return init_settings, env_settings, *files


def load_settings(**options: Any) -> Settings:
    """Settings with the command line's ``options`` on top; None means not given.

    Raises BadInput for a value or a file that cannot be used, naming the setting and where it came from.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "notecite.toml"
        raise BadInput(
            Phrase(f"the setting {name} cannot be used ({first['msg']})", f"设置项 {name} 不可用（{first['msg']}）"),
            "**********" if "key" in name.lower() else first.get("input", ""),
            Phrase("`notecite config` shows every setting and its source", "`notecite config` 会列出所有设置及其来源"),
        ) from error
    except (ValueError, OSError) as error:
        raise BadInput(
            Phrase("a settings file cannot be read", "设置文件无法读取"),
            error,
            Phrase(f"correct or remove {FILE_NAME}", f"请改正或删除 {FILE_NAME}"),
        ) from error


def save_settings(changes: Mapping[str, Any]) -> Path:
    """Writes ``changes`` into the settings file that wins: the one in the working folder if there is one, else the
    person's own. Its other lines stay; None takes a setting out of every file. Gives the file's path.

    Raises BadInput, before anything is written, for a value or a file that cannot be used, and for None where the
    environment sets a value.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    removed = changes.keys() - wanted.keys()
    load_settings(**wanted)
    for name, origin in sources().items():
        if name in removed and origin.startswith("$"):
            raise BadInput(
                Phrase(f"the setting {name} is set in the environment", f"设置项 {name} 由环境变量设定"),
                origin,
                Phrase("unset it there and start again", "请取消这个环境变量后重新启动"),
            )
    file, *others = [file for file in settings_files() if file.is_file()] or settings_files()[-1:]
    edited: dict[Path, str] = {}
    at = file
    try:
        edited[file] = _edited(file, changes.keys(), wanted)
        for at in others:
            if not at.samefile(file) and removed & TomlConfigSettingsSource(Settings, at)().keys():
                edited[at] = _edited(at, removed, {})
        for at, text in edited.items():
            _write(at, text)
    except (OSError, ValueError) as error:
        raise BadInput(
            Phrase(f"the settings cannot be saved ({error})", f"设置无法保存（{error}）"),
            at,
            Phrase("correct the file by hand", "请手动修改此文件"),
        ) from error
    return file


def _edited(file: Path, replaced: Set[str], wanted: dict[str, Any]) -> str:
    """What stands in a file, with the settings ``wanted`` in place of those ``replaced``. Raises ValueError where that
    cannot be done line by line, OSError."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    expected = {k: v for k, v in tomllib.loads(text).items() if k not in replaced} | wanted
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in replaced]
    # Strings and numbers are written alike in JSON and TOML.
    lines = [*kept, *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in wanted.items())]
    if tomllib.loads("\n".join(lines)) != expected:
        raise ValueError("a setting that spans several lines is in the way")
    return "\n".join([*lines, ""])


def _write(file: Path, text: str) -> None:
    """At once or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    # A key may be in it.
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    partial.replace(file)


def sources(**options: Any) -> dict[str, str]:
    """For each setting the place its value came from: ``option``, ``$NOTECITE_X``, a file's path or ``default``."""
    given = {name for name, value in options.items() if value is not None}
    environment = EnvSettingsSource(Settings, env_prefix=_PREFIX)()
    files = [(file, TomlConfigSettingsSource(Settings, file)()) for file in settings_files()]
    found = {}
    for name in Settings.model_fields:
        if name in given:
            found[name] = "option"
        elif name in environment:
            found[name] = f"${_PREFIX}{name.upper()}"
        else:
            found[name] = next((str(file) for file, values in files if name in values), "default")
    return found
