"""The ``notecite`` command.

Exit codes: 0 done (a refusal to answer is an answer), 1 an error said on stderr, 2 wrong usage, 130 interrupted.
Results go to stdout; progress, notices and errors to stderr.
"""

import codecs
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import BadInput, NoteciteError
from ingest.phrases import Phrase
from ui import eval_commands
from ui.language import configured, say, spoken

if TYPE_CHECKING:
    from rag.build import Application
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
            "A model on the OpenAI-compatible server of the setting chat_base_url; none: answers quote the notes.",
            "chat_base_url 所设 OpenAI 兼容服务器上的模型；不设则直接摘录笔记作答。",
        )
    ),
]
Speech = Annotated[
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
Question = Annotated[str | None, typer.Argument(help=say("The question.", "问题。"), show_default=False)]


def main() -> None:
    """Runs the command line; every expected error ends in one line on stderr."""
    try:
        app(standalone_mode=True)
    except NoteciteError as error:
        typer.echo(f"notecite: {error.to(spoken())}", err=True)
        sys.exit(1)
    except SystemExit as ended:
        # typer turns Ctrl-C into this code.
        if ended.code == 130:
            typer.echo(Phrase("stopped; what was finished is kept", "已停止；完成的部分已保存").to(spoken()), err=True)
        raise


def _application(settings: "Settings") -> "Application":
    from rag.build import Application

    return Application(settings)


def _print_json(value: object) -> None:
    # A lone surrogate cannot be printed as UTF-8; as an escape it is valid JSON.
    line = json.dumps(value, ensure_ascii=False)
    sys.stdout.write(f"{line if line.isprintable() else json.dumps(value)}\n")
    sys.stdout.flush()


@app.command(help=say("Bring the library up to the notes in FOLDERs.", "让笔记库与文件夹中的笔记保持一致。"))
def sync(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help=say("Folders of notes; none: those synced before.", "笔记文件夹；不写则为之前同步过的。")),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help=say("Start the library afresh.", "清空后重新建库。"))
    ] = False,
    library: Library = None,
    embedder: Embedder = None,
    speech: Speech = None,
) -> None:
    settings = configured(library=library, embedder=embedder, language=speech)
    from rag.build import sync_notes
    from ui.progress import SyncBar
    from ui.text import sync_text

    with SyncBar(spoken()) as show:
        report = sync_notes(settings, folders or [], rebuild=rebuild, progress=show)
    typer.echo(sync_text(report, spoken()))


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
    speech: Speech = None,
) -> None:
    settings = configured(library=library, embedder=embedder, reranker=reranker, chat_model=chat_model, language=speech)
    asked = _given(question) if batch is None else ""
    from ui.forms import answer_object

    with _application(settings) as application:
        if batch is not None:
            _run_batch(batch, lambda id_, q, earlier: answer_object(id_, application.pipeline.answer(q, earlier)))
            return
        answer = application.pipeline.answer(asked, history or ())
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
    speech: Speech = None,
) -> None:
    settings = configured(library=library, embedder=embedder, reranker=reranker, chat_model=chat_model, language=speech)
    asked = _given(question) if batch is None else ""
    # Each ranking gives half or more of the fused hits, so each must be as long as what is asked for.
    settings = settings.model_copy(update={"candidates": max(settings.candidates, k)})
    from ui.forms import search_object
    from ui.text import hits_text

    with _application(settings) as application:
        if batch is not None:

            def one(id_: str | None, q: str, earlier: Sequence[str]) -> dict[str, Any]:
                found = application.pipeline.search(q, earlier)
                return search_object(id_, q, found.hits[:k], found.seconds)

            _run_batch(batch, one)
            return
        found = application.pipeline.search(asked, history or ())
    if as_json:
        _print_json(search_object(None, asked, found.hits[:k], found.seconds))
    else:
        typer.echo(hits_text(found.hits[:k]))


@app.command(help=say("Ask one question after another.", "连续提问。"))
def chat(
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    speech: Speech = None,
) -> None:
    settings = configured(library=library, embedder=embedder, reranker=reranker, chat_model=chat_model, language=speech)

    history: list[str] = []
    with _application(settings) as application:
        pipeline = application.pipeline
        typer.echo(Phrase("Ask; an empty line ends.", "请提问；空行结束。").to(spoken()), err=True)
        while question := _read_line():
            try:
                _print_answer(pipeline.answer(question, history))
                typer.echo()
            except BadInput as error:
                typer.echo(f"notecite: {error.to(spoken())}", err=True)
                continue
            history.append(question)


def _read_line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


@app.command(help=say("Open the page to ask and read in a browser.", "在浏览器中打开网页，提问并查看原文。"))
def ui(
    host: Annotated[str, typer.Option(help=say("Address to serve at.", "服务地址。"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=say("Port to serve at.", "服务端口。"))] = 7860,
    password: Annotated[
        str, typer.Option(envvar="NOTECITE_PASSWORD", help=say("Asked of everyone who comes.", "访问者须输入的密码。"))
    ] = "",
    no_password: Annotated[
        bool,
        typer.Option("--no-password", help=say("Let anyone in at another address.", "在其他地址上不设密码。")),
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help=say("Open a browser window.", "打开浏览器窗口。"))
    ] = True,
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    speech: Speech = None,
) -> None:
    options = {
        "library": library,
        "embedder": embedder,
        "reranker": reranker,
        "chat_model": chat_model,
        "language": speech,
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
def status(library: Library = None, as_json: AsJson = False, speech: Speech = None) -> None:
    settings = configured(library=library, language=speech)
    from ingest.library import open_library
    from ui.text import status_text

    with open_library(settings.library) as opened:
        counts, documents = opened.counts(), opened.documents()
    if as_json:
        _print_json(
            {
                "library": str(settings.library),
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
        typer.echo(status_text(counts, documents, spoken()))


@app.command(help=say("Print a document's text, which all offsets count in.", "打印文档全文，所有偏移量都以它为准。"))
def show(
    document: Annotated[str, typer.Argument(help=say("Its id, as in a citation.", "文档编号，见引用。"))],
    library: Library = None,
    speech: Speech = None,
) -> None:
    settings = configured(library=library, language=speech)
    from ingest.library import open_library

    with open_library(settings.library) as opened:
        text = opened.document(document).text
    sys.stdout.write(text)


@app.command(help=say("Remove documents from the library.", "从笔记库中移除文档。"))
def forget(
    paths: Annotated[list[str], typer.Argument(help=say("Documents, files or folders.", "文档、文件或文件夹。"))],
    library: Library = None,
    speech: Speech = None,
) -> None:
    settings = configured(library=library, language=speech)
    from ingest.library import open_library

    open_library(settings.library).close()
    with open_library(settings.library, write=True) as opened:
        forgotten = opened.forget(paths)
    for document_id in forgotten:
        typer.echo(document_id)


@app.command(help=say("Show the settings in force and where each came from.", "查看当前设置及其来源。"))
def config(
    library: Library = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    chat_model: ChatModel = None,
    speech: Speech = None,
    check: Annotated[
        bool, typer.Option("--check", help=say("Ask the chat model for one word.", "试着让对话模型回答一个词。"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    options = {
        "library": library,
        "embedder": embedder,
        "reranker": reranker,
        "chat_model": chat_model,
        "language": speech,
    }
    settings = configured(**options)
    from rag.settings import sources

    origins = sources(**options)
    values = settings.model_dump(mode="json")
    if as_json:
        found = {name: {"value": values[name], "source": origins[name]} for name in values}
        _print_json({**found, "check": _contact(settings)} if check else found)
        return
    width = max(map(len, values))
    for name, value in values.items():
        typer.echo(f"{name:{width}}  {value}  ({origins[name]})")
    if check:
        from ui.text import contact_text

        typer.echo(contact_text(_contact(settings), spoken()))


def _contact(settings: "Settings") -> dict[str, Any] | None:
    """How the chat model answered; None without one. Raises ModelUnavailable."""
    from dataclasses import asdict

    model = _application(settings).chat_model
    return asdict(model.contact()) if model else None


def _print_answer(answer: "Answer") -> None:
    from ui.text import answer_text, printable

    if answer.notice:
        typer.echo(printable(f"notecite: {answer.notice.to(spoken())}"), err=True)
    typer.echo(answer_text(answer, spoken()))


def _given(question: str | None) -> str:
    """Ends the command as wrong usage where there is none."""
    if question is None:
        said = Phrase(
            "no question: give one in quotes, or --batch FILE", "没有问题: 请在引号中给出问题，或使用 --batch 文件"
        )
        typer.echo(f"notecite: {said.to(spoken())}", err=True)
        raise typer.Exit(2)
    return question


def _run_batch(file: Path, one: Callable[[str | None, str, Sequence[str]], dict[str, Any]]) -> None:
    """One JSON line out for each line in, in order; a line that cannot be used gives ``{"id", "error"}`` and, at the
    end, exit code 1."""
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
