"""Every setting of notecite, read in this one place: command line > environment > files > defaults."""

import difflib
import json
import os
import tomllib
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ingest.errors import BadInput
from ingest.files import write_whole
from ingest.phrases import Phrase

FILE_NAME = "notecite.toml"
_PREFIX = "NOTECITE_"
_OTHER_VARIABLES = frozenset({"password"})
"""What else may follow the prefix: the password is an option of ``notecite ui`` alone."""
UNTRAINED = "bundled-untrained"


def settings_files() -> tuple[Path, ...]:
    """Where ``notecite.toml`` is looked for; the first that sets a value wins."""
    return Path.cwd() / FILE_NAME, platformdirs.user_config_path("notecite") / FILE_NAME


def _expanded(folder: Path) -> Path:
    # Path.expanduser raises an error where there is no such person.
    return Path(os.path.expanduser(folder))


def _unset_if_none(name: str) -> str:
    return "" if name == "none" else name


class Settings(BaseSettings):
    """What a person can set. Each name is a key of ``notecite.toml``, an environment variable (in capitals, after
    ``NOTECITE_``) and, for the first five, a command-line option."""

    # The input may be a secret, which no traceback may show.
    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    library: Annotated[Path, AfterValidator(_expanded)] = Field(
        default_factory=lambda: platformdirs.user_data_path("notecite") / "library"
    )
    """The folder that holds the library; ``~`` stands for your home folder."""
    embedder: str = "bundled"
    """What turns notes and questions into vectors: ``bundled``, ``bundled-untrained`` (the same model before training),
    or a sentence-transformers id or path. After a change the library has to be rebuilt."""
    reranker: str = "bundled"
    """What puts the best hits first: ``bundled`` (with another embedder the same as ``none``), ``none`` (the fused
    order stays), ``chat`` (the chat model orders them), or a sentence-transformers cross-encoder id or path."""
    chat_model: Annotated[str, AfterValidator(_unset_if_none)] = ""
    """The model's name on an OpenAI-compatible server. Empty or ``none``: answers quote the notes, and nothing is sent
    anywhere."""
    language: Literal["auto", "en", "zh"] = "auto"
    """The language of messages; ``auto`` follows the locale. Answers are in the language of the question."""

    candidates: Annotated[int, Field(ge=1, le=1000)] = 50
    """How many hits each of dense and lexical search gives to fusion."""
    rerank_candidates: Annotated[int, Field(ge=1, le=1000)] = 50
    """How many of the fused hits the reranker reads."""
    dense_weight: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weight of the dense ranking in fusion."""
    lexical_weight: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Weight of the lexical ranking in fusion."""
    judge: str = "bundled"
    """What checks each sentence against the words it cites: ``bundled``, ``none``, or a sentence-transformers
    cross-encoder id or path."""
    conflicts: Literal["judge", "chat", "none"] = "judge"
    """What finds notes that disagree on what is asked: ``judge`` (needs a judge and the bundled embedder and reranker),
    ``chat`` (the chat model compares the best statements before it answers, in a request of its own), or ``none``."""
    unsupported: Literal["mark", "cut"] = "mark"
    """Whether sentences that are not supported by what they cite are marked or left out."""
    reflect: bool = False
    """Whether the chat model tries once more, from a wider search, when less than half of its sentences are supported;
    needs a judge. The better of the two answers is shown."""
    strictness: Literal["strict", "balanced", "eager"] = "balanced"
    """How readily it refuses to answer: ``strict`` more, ``eager`` less. Acts only with the bundled embedder and
    reranker."""
    answer_characters: Annotated[int, Field(ge=50, le=20_000)] = 600
    """Roughly the longest answer that quotes the notes, in characters."""

    chat_base_url: Annotated[str, Field(pattern=r"^https?://[^\s/]")] = "https://api.openai.com/v1"
    """Where the chat model is served; usually ends in ``/v1``."""
    chat_api_key: SecretStr = SecretStr("")
    """The server's key; many local servers need none."""
    chat_temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """How freely the chat model chooses its words; 0 varies least."""
    chat_max_tokens: Annotated[int, Field(ge=16, le=100_000)] = 800
    """The longest reply of the chat model, in its tokens; at most half of ``context_tokens`` is used."""
    chat_timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """The longest wait for the next piece of the chat model's reply with text or reasoning, the first included; the
    whole reply may take 20 times as long."""
    context_tokens: Annotated[int, Field(ge=256, le=10_000_000)] = 4096
    """How much the chat model can read and write together, in its tokens; sources that do not fit are left out."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls), *map(_from_file, settings_files())


class _Environment(EnvSettingsSource):
    """Gives the variables that nearly name a setting too, so that a misspelt one is refused like a misspelt key of a
    file. Others are someone else's: a cluster names its services so."""

    def __call__(self) -> dict[str, Any]:
        start = _PREFIX.lower()
        named = {name.removeprefix(start): value for name, value in self.env_vars.items() if name.startswith(start)}
        others = named.keys() - Settings.model_fields.keys() - _OTHER_VARIABLES
        unknown = [name for name in sorted(others) if difflib.get_close_matches(name, Settings.model_fields)]
        return {**super().__call__(), **{name: named[name] for name in unknown}}


def _from_file(file: Path) -> TomlConfigSettingsSource:
    try:
        return TomlConfigSettingsSource(Settings, file)
    except (OSError, ValueError) as error:
        raise BadInput(
            Phrase("a settings file cannot be read", "设置文件无法读取"),
            f"{file} ({error})",
            Phrase("correct or remove it", "请改正或删除它"),
        ) from error


def load_settings(**options: Any) -> Settings:
    """Settings with the command line's ``options`` on top; None means not given.

    Raises BadInput for a value or a file that cannot be used, naming the setting and where it came from.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise _refused(name, first["input"], sources(**given)[name]) from error
    except OSError as error:
        raise BadInput(
            Phrase("the working folder cannot be found", "找不到工作目录"),
            error,
            Phrase("start from another one", "请换一个目录再启动"),
        ) from error


def _refused(name: str, value: object, origin: str) -> BadInput:
    """The error for a setting that is unknown or whose value cannot be used."""
    # No place for an option: it was given just now, on the command line or on the page.
    place = Phrase("", "") if origin == "option" else Phrase(f" (from {origin})", f"（来自 {origin}）")
    field = Settings.model_fields.get(name)
    if field is None:
        said = Phrase(f"there is no setting {name}{place.en}", f"没有设置项 {name}{place.zh}")
        todo = _known_instead_of(name)
    elif field.annotation is SecretStr:
        said = Phrase(f"the setting {name} cannot be used{place.en}", f"设置项 {name} 不可用{place.zh}")
        todo = _usable(name)
    else:
        shown = json.dumps(value, ensure_ascii=False, default=str)
        said = Phrase(f"the setting {name} cannot be {shown}{place.en}", f"设置项 {name} 不能是 {shown}{place.zh}")
        todo = _usable(name)
    return BadInput(said, "", todo)


def _known_instead_of(name: str) -> Phrase:
    known = list(Settings.model_fields)
    for near in difflib.get_close_matches(name.lower().replace("-", "_"), known, 1):
        return Phrase(f"did you mean {near}?", f"是否想写 {near}？")
    return Phrase(f"the settings are {', '.join(known)}", f"可用的设置项：{'、'.join(known)}")


def _usable(name: str) -> Phrase:
    """What a setting can be, as its schema has it."""
    match Settings.model_json_schema()["properties"][name]:
        case {"enum": [*others, last]}:
            return Phrase(f"use {', '.join(others)} or {last}", f"请用 {'、'.join(others)} 或 {last}")
        case {"type": "boolean"}:
            return Phrase("use true or false", "请用 true 或 false")
        case {"type": "integer", "minimum": least, "maximum": most}:
            return Phrase(f"use a whole number from {least} to {most}", f"请用 {least} 到 {most} 之间的整数")
        case {"type": "number", "minimum": least, "maximum": most}:
            return Phrase(f"use a number from {least} to {most}", f"请用 {least} 到 {most} 之间的数")
        case {"type": "number", "exclusiveMinimum": below, "maximum": most}:
            return Phrase(f"use a number above {below}, at most {most}", f"请用大于 {below} 且不超过 {most} 的数")
        case {"pattern": _}:
            return Phrase(
                "begin it with http:// or https://, as in http://localhost:11434/v1",
                "请以 http:// 或 https:// 开头，例如 http://localhost:11434/v1",
            )
        case _:
            return Phrase("write it as text, in quotes", "请写成带引号的文本")


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
            if not at.samefile(file) and removed & _from_file(at)().keys():
                edited[at] = _edited(at, removed, {})
        for at, text in edited.items():
            # A key may be in it. A link to a file kept elsewhere stays one.
            write_whole(at.resolve(), text, 0o600)
    except (OSError, ValueError) as error:
        raise BadInput(
            Phrase(f"the settings cannot be saved ({error})", f"设置无法保存（{error}）"),
            at,
            Phrase("correct the file by hand", "请手动修改此文件"),
        ) from error
    return file


def _edited(file: Path, replaced: Set[str], wanted: dict[str, Any]) -> str:
    """What stands in a file, with the settings ``wanted`` in place of those ``replaced``. Raises BadInput where that
    cannot be done line by line, OSError, ValueError."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    expected = {k: v for k, v in tomllib.loads(text).items() if k not in replaced} | wanted
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in replaced]
    # Strings and numbers are written alike in JSON and TOML.
    lines = [*kept, *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in wanted.items())]
    edited = "\n".join([*lines, ""])
    try:
        as_expected = tomllib.loads(edited) == expected
    except tomllib.TOMLDecodeError:
        as_expected = False
    if not as_expected:
        # As when a setting spans several lines.
        raise BadInput(
            Phrase("a settings file cannot be edited line by line", "设置文件无法逐行修改"),
            file,
            Phrase("correct the file by hand", "请手动修改此文件"),
        )
    return edited


def sources(**options: Any) -> dict[str, str]:
    """For each setting the place its value came from: ``option``, ``$NOTECITE_X``, a file's path or ``default``. Names
    that are set but are no settings follow.

    Raises BadInput for a file that cannot be read.
    """
    found = dict.fromkeys(Settings.model_fields, "default")
    for file in reversed(settings_files()):
        found |= dict.fromkeys(_from_file(file)(), str(file))
    found |= {name: f"${_PREFIX}{name.upper()}" for name in _Environment(Settings)()}
    return found | {name: "option" for name, value in options.items() if value is not None}
