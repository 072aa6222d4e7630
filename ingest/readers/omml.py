"""Word's formulas (Office Math Markup) -> LaTeX between dollar signs, as runs of ordinary text."""

from xml.etree.ElementTree import Element, SubElement

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_ACCENTS = {
    "\u0300": r"\grave",
    "\u0301": r"\acute",
    "\u0302": r"\hat",
    "\u0303": r"\tilde",
    "\u0304": r"\bar",
    "\u0305": r"\overline",
    "\u0306": r"\breve",
    "\u0307": r"\dot",
    "\u0308": r"\ddot",
    "\u030a": r"\mathring",
    "\u030c": r"\check",
    "\u20d7": r"\vec",
}
_LIMITS = frozenset("inf lim max min sup".split())


def write_formulas_as_text(root: Element) -> bool:
    """Replaces each formula of a Word document by a run of its LaTeX, in place; returns whether there is one."""
    parents = [parent for parent in root.iter() if any(_is_formula(child) for child in parent)]
    for parent in parents:
        if not parent.tag.startswith(_MATH):
            parent[:] = [_run(child) if _is_formula(child) else child for child in parent]
    return bool(parents)


def _is_formula(element: Element) -> bool:
    return element.tag in (f"{_MATH}oMath", f"{_MATH}oMathPara")


def _run(formula: Element) -> Element:
    mark = "$$" if formula.tag == f"{_MATH}oMathPara" else "$"
    run = Element(f"{_WORD}r")
    SubElement(run, f"{_WORD}t").text = f"{mark}{_latex(formula).strip()}{mark}"
    return run


def _latex(element: Element) -> str:
    def part(name: str) -> str:
        found = element.find(_MATH + name)
        return "" if found is None else _latex(found).strip()

    def setting(name: str, default: str) -> str:
        found = element.find(f"{element.tag}Pr/{_MATH}{name}")
        return default if found is None else found.get(f"{_MATH}val", "")

    match element.tag.removeprefix(_MATH):
        case "t":
            return element.text or ""
        case "f":
            return rf"\frac{{{part('num')}}}{{{part('den')}}}"
        case "sSup":
            return f"{part('e')}^{{{part('sup')}}}"
        case "sSub":
            return f"{part('e')}_{{{part('sub')}}}"
        case "sSubSup":
            return f"{part('e')}_{{{part('sub')}}}^{{{part('sup')}}}"
        case "sPre":
            return f"{{}}_{{{part('sub')}}}^{{{part('sup')}}}{part('e')}"
        case "acc":
            mark = setting("chr", "\u0302")
            accent = _ACCENTS.get(mark, rf"\overset{{{mark}}}")
            return f"{accent}{{{part('e')}}}"
        case "bar":
            line = r"\overline" if setting("pos", "bot") == "top" else r"\underline"
            return f"{line}{{{part('e')}}}"
        case "limLow":
            operator, limit = part("e"), part("lim")
            return rf"\{operator}_{{{limit}}}" if operator in _LIMITS else rf"\underset{{{limit}}}{{{operator}}}"
        case "limUpp":
            return rf"\overset{{{part('lim')}}}{{{part('e')}}}"
        case "rad":
            return rf"\sqrt[{part('deg')}]{{{part('e')}}}" if part("deg") else rf"\sqrt{{{part('e')}}}"
        case "nary":
            return f"{setting('chr', '∫')}_{{{part('sub')}}}^{{{part('sup')}}} {part('e')}"
        case "d":
            inner = ", ".join(_latex(child) for child in element.findall(f"{_MATH}e"))
            fenced = (setting(name, default) for name, default in (("begChr", "("), ("endChr", ")")))
            left, right = (rf"\{fence}" if fence in ("{", "}") else fence for fence in fenced)
            return f"{left}{inner}{right}"
        case "func":
            return f"{part('fName')} {part('e')}"
        case "eqArr":
            rows = (_latex(row).strip() for row in element.findall(f"{_MATH}e"))
            return r"\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}"
        case "m":
            rows = (" & ".join(_latex(cell) for cell in row) for row in element.findall(f"{_MATH}mr"))
            return r"\begin{matrix} " + r" \\ ".join(rows) + r" \end{matrix}"
        case _:
            return "".join(_latex(child) for child in element)
