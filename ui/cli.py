"""The ``notecite`` command.

Exit codes: 0 done (a refusal to answer is an answer), 1 an error, told on stderr, 2 wrong usage, 130 interrupted.
Results go to stdout; progress, notices and errors to stderr.
"""

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ingest.errors import BadInput, NoteciteError, NotFound
from ingest.phrases import Phrase
from ui import eval_commands
from ui.language import configured, say, spoken

if TYPE_CHECKING:
    from rag.build import Application
    from rag.pipeline import Pipeline, SearchResult
    from rag.settings import Settings
    from rag.types import Answer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=say(
        "Ask your own notes; every sentence of the answer cites the words it rests on.",
        "向自己的笔记提问；回答的每一句都注明它所依据的原文。",
    ),
)

app.add_typer(eval_commands.app, name="eval")

Library = Annotated[Path | None, typer.Option(help=say("Folder of the library.", "笔记库所在的文件夹。"))]
Embedder = Annotated[
    str | None,
    typer.Option(
        help=say("bundled, or a sentence-transformers id or path.", "bundled，或 sentence-transformers 模型名或路径。")
    ),
]
Reranker = Annotated[
    str | None,
    typer.Option(
        help=say(
            "bundled, none, chat (the chat model), or a cross-encoder id or path.",
            "bundled、none、chat（由对话模型重排），或交叉编码器的模型名或路径。",
        )
    ),
]
ChatModel = Annotated[
    str | None,
    typer.Option(
        help=say(
            "Name of a model on the server at chat_base_url; none: answers quote the notes.",
            "chat_base_url 所指服务器上的模型名；none 表示直接摘录笔记作答。",
        )
    ),
]
Language = Annotated[
    str | None, typer.Option("--language", help=say("en, zh or auto (the locale).", "en、zh 或 auto（随系统区域）。"))
]
AsJson = Annotated[
    bool, typer.Option("--json", help=say("One JSON object on stdout.", "在标准输出打印一个 JSON 对象。"))
]
Batch = Annotated[
    Path | None,
    typer.Option(
        help=say(
            'JSON lines {"id", "question", "history"}; "-" for stdin. One JSON line comes out for each.',
            'JSON 行 {"id", "question", "history"}；"-" 表示标准输入。每行输出一行 JSON。',
        )
    ),
]
History = Annotated[
    list[str] | None,
    typer.Option(help=say("An earlier question; repeat for more, oldest first.", "先前的问题；可重复，最早的在前。")),
]
Question = Annotated[list[str] | None, typer.Argument(help=say("The question.", "问题。"), show_default=False)]


def main() -> None:
    """Runs the command line; an expected error is one line on stderr."""
    try:
        app(standalone_mode=True)
    except NoteciteError as error:
        typer.echo(f"notecite: {error.to(spoken())}", err=True)
        sys.exit(1)
    except SystemExit as ended:
        # The code that typer gives to Ctrl-C.
        if ended.code == 130:
            typer.echo(Phrase("stopped; what was finished is kept", "已停止；完成的部分已保存").to(spoken()), err=True)
        raise


@contextmanager
def _opened(settings: "Settings") -> Iterator["Application"]:
    """An application to ask. Raises NotFound if its library holds no notes."""
    from rag.build import Application

    with Application(settings) as application:
        if not application.library.counts().documents:
            raise NotFound(
                Phrase("the library holds no notes yet", "笔记库中还没有笔记"),
                settings.library,
                Phrase("add some with `notecite sync FOLDER`", "请用 `notecite sync 文件夹` 添加"),
            )
        yield application


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"notecite {version('notecite')}")
        raise typer.Exit


@app.callback()
def notecite(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help=say("Print the version and exit.", "打印版本号并退出。"),
        ),
    ] = False,
) -> None:
    """Only declares the options that come before a command."""


_FAREWELLS = ("exit", "quit", "退出")
_NOT_PRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that move the cursor or end the line, and lone surrogates, which are not UTF-8. As escapes they are valid
JSON."""


def _print_json(value: object) -> None:
    line = _NOT_PRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@app.command(help=say("Update the library from folders of notes.", "让笔记库与文件夹中的笔记保持一致。"))
def sync(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help=say("Folders of notes. Without any, those synced before.", "笔记文件夹；不写则为之前同步过的。")
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help=say(
                "Rebuild the library from its folders; your files are not touched.", "从头重建笔记库（不动你的文件）。"
            ),
        ),
    ] = False,
    library: Library = None,
    embedder: Embedder = None,
    language: Language = None,
) -> None:
    settings = configured(library=library, embedder=embedder, language=language)
    from rag.build import sync_notes
    from ui.progress import SyncBar
    from ui.text import sync_text

    if not (folders or rebuild or _knows_folders(settings.library)):
        _wrong_usage(
            Phrase("name a folder of notes: `notecite sync FOLDER`", "请指定笔记文件夹：`notecite sync 文件夹`")
        )
    with SyncBar(spoken()) as show:
        report = sync_notes(settings, folders or [], rebuild=rebuild, progress=show)
    typer.echo(sync_text(report, spoken()))
    if report.missing:
        raise typer.Exit(1)


def _knows_folders(library: Path) -> bool:
    from ingest.library import open_library

    try:
        with open_library(library) as opened:
            return bool(opened.catalog.folders())
    except NotFound:
        return False


@app.command(help=say("Answer a question from the notes, with citations.", "根据笔记回答问题，并注明出处。"))
def ask(
    question: Question = None,
    history: History = None,
    as_json: AsJson = False,
    batch: Batch = None,
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    language: Language = None,
) -> None:
    settings = configured(
        library=library, embedder=embedder, reranker=reranker, chat_model=chat_model, language=language
    )
    asked = _given(question) if batch is None else ""
    from ui.forms import answer_object

    with _opened(settings) as application:
        if batch is not None:
            _run_batch(batch, lambda id_, q, earlier: answer_object(id_, application.pipeline.answer(q, earlier)))
            return
        answer = _watched(application.pipeline, asked, history or (), quiet=as_json)
    if as_json:
        _print_json(answer_object(None, answer))
    else:
        _print_answer(answer)


@app.command(help=say("Show the passages that match a question.", "列出与问题匹配的段落。"))
def search(
    question: Question = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help=say("How many.", "数量。"))] = 10,
    history: History = None,
    as_json: AsJson = False,
    batch: Batch = None,
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    language: Language = None,
) -> None:
    settings = configured(
        library=library, embedder=embedder, reranker=reranker, chat_model=chat_model, language=language
    )
    asked = _given(question) if batch is None else ""
    # One ranking may give all of the fused hits, so each must have as many as are asked for.
    settings = settings.model_copy(update={"candidates": max(settings.candidates, k)})
    from ui.forms import search_object
    from ui.text import hits_text

    with _opened(settings) as application:

        def found_for(text: str, earlier: Sequence[str]) -> "SearchResult":
            found = application.pipeline.search(text, earlier)
            if found.notice:
                _print_notice(found.notice.phrase)
            return found

        if batch is not None:

            def one(id_: str | None, q: str, earlier: Sequence[str]) -> dict[str, Any]:
                found = found_for(q, earlier)
                return search_object(id_, q, found.hits[:k], found.seconds)

            _run_batch(batch, one)
            return
        found = found_for(asked, history or ())
    if as_json:
        _print_json(search_object(None, asked, found.hits[:k], found.seconds))
    else:
        typer.echo(hits_text(found.hits[:k], spoken()))


@app.command(help=say("Ask one question after another.", "连续提问。"))
def chat(
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    language: Language = None,
) -> None:
    settings = configured(
        library=library, embedder=embedder, reranker=reranker, chat_model=chat_model, language=language
    )

    history: list[str] = []
    with _opened(settings) as application:
        pipeline = application.pipeline
        typer.echo(Phrase("Ask; an empty line or `exit` ends.", "请提问；空行或 exit 结束。").to(spoken()), err=True)
        while (question := _read_line()) and question.lower() not in _FAREWELLS:
            try:
                _print_answer(_watched(pipeline, question, history))
                typer.echo()
            except BadInput as error:
                typer.echo(f"notecite: {error.to(spoken())}", err=True)
                continue
            history.append(question)


def _watched(pipeline: "Pipeline", question: str, history: Sequence[str], *, quiet: bool = False) -> "Answer":
    """The answer, which a person at a terminal sees as it is written."""
    if quiet or not sys.stdout.isatty():
        return pipeline.answer(question, history)
    from ui.progress import watched

    return watched(pipeline.stream(question, history))


def _read_line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


@app.command(help=say("Open notecite in a browser.", "在浏览器中打开 notecite。"))
def ui(
    host: Annotated[str, typer.Option(help=say("Address to serve at.", "服务地址。"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=say("Port to serve at.", "服务端口。"))] = 7860,
    password: Annotated[
        str,
        typer.Option(
            envvar="NOTECITE_PASSWORD",
            help=say("Password that every visitor must enter.", "每位访问者须输入的密码。"),
        ),
    ] = "",
    no_password: Annotated[
        bool,
        typer.Option(
            "--no-password",
            help=say("Allow an address others can reach without a password.", "允许他人能访问的地址不设密码。"),
        ),
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help=say("Open a browser window.", "打开浏览器窗口。"))
    ] = True,
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    language: Language = None,
) -> None:
    options = {
        "library": library,
        "embedder": embedder,
        "reranker": reranker,
        "chat_model": chat_model,
        "language": language,
    }
    settings = configured(**options)
    from ui.desk import Desk
    from ui.server import check_address, is_loopback, run

    check_address(host, password, no_password)

    def tell(address: str) -> None:
        typer.echo(
            Phrase(f"notecite is ready at {address} (Ctrl+C ends)", f"notecite 已就绪：{address}（Ctrl+C 结束）").to(
                spoken()
            )
        )
        if browser and sys.stdout.isatty():
            typer.launch(address)

    desk = Desk(settings, options=options, at_home=is_loopback(host))
    run(desk, host, port, password=password, language=None if settings.language == "auto" else spoken(), on_ready=tell)


@app.command(help=say("Show what the library holds.", "查看笔记库的内容。"))
def status(library: Library = None, as_json: AsJson = False, language: Language = None) -> None:
    settings = configured(library=library, language=language)
    from ingest.library import open_library
    from ui.text import status_text

    with open_library(settings.library) as opened:
        counts, documents = opened.counts(), opened.documents()
        folders = [folder.path for folder in opened.catalog.folders()]
    if as_json:
        _print_json(
            {
                "library": str(settings.library),
                "folders": [str(folder) for folder in folders],
                "documents": [
                    {
                        "document": document.id,
                        "title": document.title,
                        "chunks": document.chunks,
                        "problems": [problem.to(spoken()) for problem in document.problems],
                    }
                    for document in documents
                ],
                "chunks": counts.chunks,
                "searchable": counts.searchable,
            }
        )
    else:
        typer.echo(status_text(counts, folders, documents, spoken()))


@app.command(help=say("Print a document's text; all offsets refer to it.", "打印文档全文；所有偏移量都以它为准。"))
def show(
    document: Annotated[
        str,
        typer.Argument(
            help=say(
                "Its name as `notecite status` lists it, e.g. rag/notes.md.",
                "文档名，见 `notecite status`，如 rag/notes.md。",
            )
        ),
    ],
    library: Library = None,
    language: Language = None,
) -> None:
    settings = configured(library=library, language=language)
    from ingest.library import open_library

    with open_library(settings.library) as opened:
        text = opened.document(document).text
    sys.stdout.write(text)


@app.command(help=say("Remove documents from the library.", "从笔记库中移除文档。"))
def forget(
    paths: Annotated[list[str], typer.Argument(help=say("Documents, files or folders.", "文档、文件或文件夹。"))],
    library: Library = None,
    language: Language = None,
) -> None:
    settings = configured(library=library, language=language)
    from ingest.library import open_library
    from ui.text import counted

    # To read first, because to write would make a library where there is none.
    open_library(settings.library).close()
    with open_library(settings.library, write=True) as opened:
        forgotten = opened.forget(paths)
    for document_id in forgotten:
        typer.echo(document_id)
    count = len(forgotten)
    told = Phrase(
        f"removed {counted(count, 'document')}; those still in a synced folder come back with the next sync: "
        "move them away first",
        f"已移除 {count} 个文档；文件若仍在同步过的文件夹里，下次 sync 会重新加入",
    )
    typer.echo(told.to(spoken()), err=True)


@app.command(help=say("Show the settings in force and where each came from.", "查看当前设置及其来源。"))
def config(
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    language: Language = None,
    check: Annotated[
        bool, typer.Option("--check", help=say("Test whether the chat model answers.", "测试对话模型能否回答。"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    options = {
        "library": library,
        "embedder": embedder,
        "reranker": reranker,
        "chat_model": chat_model,
        "language": language,
    }
    settings = configured(**options)
    from rag.settings import settings_files, sources

    origins = sources(**options)
    values = settings.model_dump(mode="json")
    if as_json:
        found = {name: {"value": values[name], "source": origins[name]} for name in values}
        _print_json({**found, "check": _contact(settings)} if check else found)
        return
    width = max(map(len, values))
    for name, value in values.items():
        # Strings, numbers and booleans are written alike in JSON and TOML.
        typer.echo(f"{name:{width}}  {json.dumps(value, ensure_ascii=False)}  ({origins[name]})")
    for file in settings_files():
        exists = Phrase("exists", "存在") if file.is_file() else Phrase("does not exist", "不存在")
        typer.echo(Phrase(f"settings file: {file} ({exists.en})", f"设置文件：{file}（{exists.zh}）").to(spoken()))
    if check:
        from ui.text import contact_text

        typer.echo(contact_text(_contact(settings), spoken()))


def _contact(settings: "Settings") -> dict[str, Any] | None:
    """How the chat model answered; None if none is set. Raises ModelUnavailable."""
    from dataclasses import asdict

    from rag.build import Application

    model = Application(settings).chat_model
    return asdict(model.contact()) if model else None


def _print_notice(notice: Phrase) -> None:
    from ui.text import printable

    typer.echo(printable(f"notecite: {notice.to(spoken())}"), err=True)


def _print_answer(answer: "Answer") -> None:
    from ui.text import answer_text

    if answer.notice:
        _print_notice(answer.notice)
    typer.echo(answer_text(answer, spoken()))


def _given(question: list[str] | None) -> str:
    """The question as one line, also if its quotes were forgotten; without one, ends the command as wrong usage."""
    if not question:
        _wrong_usage(
            Phrase(
                "no question: give one in quotes, or --batch FILE",
                "未给出问题：请用引号写出问题，或使用 --batch 文件",
            )
        )
    return " ".join(question)


def _wrong_usage(said: Phrase) -> NoReturn:
    typer.echo(f"notecite: {said.to(spoken())}", err=True)
    raise typer.Exit(2)


def _run_batch(file: Path, one: Callable[[str | None, str, Sequence[str]], dict[str, Any]]) -> None:
    """Prints one JSON line for each line of the file, in order; a line that cannot be used gives ``{"id", "error"}``
    and, at the end, exit code 1."""
    failed = False
    for line in _batch_lines(file):
        case_id: str | None = None
        try:
            case = _batch_case(line)
            case_id = case.get("id")
            _print_json(one(case_id, case["question"], case.get("history") or ()))
        except BadInput as error:
            failed = True
            _print_json({"id": case_id, "error": error.to(spoken())})
    if failed:
        raise typer.Exit(1)


def _batch_lines(file: Path) -> Iterator[str]:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as data:
            lines = codecs.iterdecode(data, "utf-8-sig")
            yield from (line for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise NoteciteError(
            Phrase("the batch file cannot be read", "无法读取批处理文件"),
            f"{file} ({error})",
            Phrase("give a UTF-8 file of JSON lines", "请给出 UTF-8 编码的 JSON 行文件"),
        ) from error


def _batch_case(line: str) -> dict[str, Any]:
    try:
        case = json.loads(line)
    except ValueError:
        case = None
    history = case.get("history") or [] if isinstance(case, dict) else None
    if (
        not isinstance(case, dict)
        or not isinstance(case.get("question"), str)
        or not isinstance(history, list)
        or not all(isinstance(turn, str) for turn in history)
    ):
        raise BadInput(
            Phrase("a batch line cannot be used", "批处理中的一行不可用"),
            line.strip()[:80],
            Phrase(
                'write {"id": …, "question": "…", "history": ["…"]}',
                '格式为 {"id": …, "question": "…", "history": ["…"]}',
            ),
        )
    return case


if __name__ == "__main__":
    main()
