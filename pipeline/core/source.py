"""The files of this repository that a module imports, and a hash of Python files that follows what they compute.

Both use the parsed code, without importing it, so that they are known before anything runs.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the running `pipeline` package."""


def import_closure(modules: Iterable[str], rooms: Iterable[str] = ("pipeline",), root: Path = ROOT) -> list[str]:
    """The files inside `rooms` that modules import, directly or not, with the packages around them; sorted.

    Imports inside functions count, since a call executes them; those under `if TYPE_CHECKING:` do not. Imports by
    computed names are not found. The given modules are read wherever they lie, and are part of the result if they lie
    inside `rooms`; other files outside are not followed.

    Args:
        modules: dotted names of modules, such as `pipeline.training.loop`.
        rooms: folders or files, relative to `root`.
        root: folder in which dotted names begin.

    Raises:
        ValueError: a module does not exist, or a file imports by a relative name.
    """
    rooms = tuple(rooms)
    queue: list[str] = []
    for module in modules:
        if not _modules(module, root):
            raise ValueError(f"{module} is not a module under {root}")
        queue += _files(module, root)
    seen: set[str] = set()
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue += [file for name in _imported(root / path) for file in _files(name, root) if _inside(file, rooms)]
    return sorted(path for path in seen if _inside(path, rooms))


def source_hashes(files: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """The hash of each Python file by its path relative to `root`; see `syntax_hash`.

    Raises:
        OSError: a file cannot be read.
    """
    return {file: syntax_hash((root / file).read_text("utf-8"), file) for file in sorted(files)}


def source_hash(hashes: Mapping[str, str]) -> str:
    """One hash of the result of `source_hashes`: 20 hexadecimal digits."""
    return _digest("".join(f"{file} {hashes[file]}\n" for file in sorted(hashes)))


def syntax_hash(source: str, name: str = "<unknown>") -> str:
    """Hash of a Python file as it parses: 20 hexadecimal digits that follow what it computes, not what it says.

    Comments, layout and docstrings do not count, nor do messages: the arguments of an exception that is raised, the
    message of an `assert`, yielded texts of several words, statements that print or warn, and descriptions of fields.
    Neither does `pass`, nor what is under `if TYPE_CHECKING:`. A message that assigns a variable or waits for a value
    counts, since it does more than inform.

    Args:
        source: text of the file.
        name: path of the file, for the message of an error.

    Raises:
        SyntaxError: the text is not valid Python.
    """
    return _digest(_syntax(_executed(ast.parse(source, filename=name))))


def refuse_other_code(root: Path | None = None) -> None:
    """Make sure that the running code is that of a folder, since DVC records the code of that folder.

    Args:
        root: the folder; the current one by default. A folder without a package `pipeline` accepts any code.

    Raises:
        InputError: the folder has its own `pipeline`, and another one was imported.
    """
    own = (root or Path.cwd()).resolve() / "pipeline"
    imported = ROOT / "pipeline"
    if (own / "__init__.py").is_file() and not own.samefile(imported):
        raise InputError(
            f"the code that runs is {imported}, but the current folder has its own, {own}; expected the latter, since "
            f"DVC records its files as the code that made the results. Install it (`pip install -e {own.parent}`, one "
            f"environment for each checkout), or run with PYTHONPATH={own.parent}"
        )


def code_hashes(root: Path = ROOT) -> dict[str, str]:
    """The SHA-256 of each room of `pipeline`, and of each module beside them, by name."""
    top = root / "pipeline"
    parts = [path for path in sorted(top.iterdir()) if (path / "__init__.py").is_file() or path.suffix == ".py"]
    return {part.name: _content(part) for part in parts if part.name != "__init__.py"}


CODE = Path("code")
"""In a project that uses the installed package: a file `<room>.txt` with the hash of each room."""


def refuse_other_version(folder: Path | None = None) -> None:
    """Make sure that the installed code is that whose hashes a project has, since DVC compares these.

    Args:
        folder: the folder of the project; the current one by default. One without hashes accepts any code.

    Raises:
        InputError: a room differs.
    """
    kept = (folder or Path.cwd()) / CODE
    known = {path.stem: path for path in sorted(kept.glob("*.txt"))} if (kept / "core.txt").is_file() else {}
    if not known:
        return
    here = code_hashes()
    if other := [
        name
        for name in sorted({*known, *here})
        if name not in known or known[name].read_text("utf-8").strip() != here.get(name)
    ]:
        raise InputError(
            f"the installed code is another version than that in {CODE}/ ({', '.join(other[:5])} differ), so DVC would "
            "not notice what must be made again; run `shaking-emotions init . --update`, or install the former version"
        )


def _content(part: Path) -> str:
    files = (
        [part]
        if part.is_file()
        else sorted(path for path in part.rglob("*") if path.is_file() and path.suffix != ".pyc")
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(part.parent).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _imported(path: Path) -> Iterator[str]:
    """Dotted names that a file may import; `from a import b` gives both `a` and `a.b`, whatever `b` is."""
    for node in ast.walk(_executed(ast.parse(path.read_text("utf-8"), filename=str(path)))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{path} line {node.lineno}: relative imports are not followed; expected full names")
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, root: Path) -> list[str]:
    """The files that importing a dotted name executes: its module, if it is one, and the packages around it."""
    parents = [name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1)]
    return [file for each in (name, *parents) for file in _modules(each, root) if each == name or "__init__" in file]


def _modules(name: str, root: Path) -> list[str]:
    """The file of a module or package; none if the name belongs to neither, or to another project."""
    path = name.replace(".", "/")
    return [file for file in (f"{path}.py", f"{path}/__init__.py") if (root / file).is_file()]


def _inside(file: str, rooms: tuple[str, ...]) -> bool:
    return any(file == room or file.startswith(f"{room}/") for room in rooms)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _executed(tree: ast.Module) -> ast.AST:
    """A module without what only informs people or type checkers."""
    return _Executed().visit(tree)  # type: ignore[no-any-return]


class _Executed(ast.NodeTransformer):
    """Removes from a tree what computes nothing."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Docstrings, also of attributes; statements that print or warn."""
        value = node.value
        docstring = isinstance(value, ast.Constant) and isinstance(value.value, str)
        message = isinstance(value, ast.Call) and ast.unparse(value.func) in ("print", "warnings.warn", "warn")
        return None if docstring or (message and _informs(value)) else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        """Removed, so that a body that only prints equals one with `pass`."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Only the class of the exception stays."""
        if isinstance(node.exc, ast.Call) and all(map(_informs, [*node.exc.args, *node.exc.keywords])):
            node.exc = node.exc.func
        return self.generic_visit(node)

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        """Nothing of a yielded text of words, such as the description of a mistake; names and keys have none."""
        parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if node.value is not None and re.search("[a-z] | [a-z]", "".join(texts)) and _informs(node.value):
            node.value = None
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Only the condition stays."""
        if node.msg is not None and _informs(node.msg):
            node.msg = None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        """The body, which only a type checker reads, is removed; `else` stays."""
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            visited = (self.visit(statement) for statement in node.orelse)
            return [one for each in visited for one in (each if isinstance(each, list) else [each]) if one is not None]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A `Field` without its description."""
        if ast.unparse(node.func).rpartition(".")[2] == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """`Annotated` without text."""
        if ast.unparse(node.value).rpartition(".")[2] == "Annotated" and isinstance(node.slice, ast.Tuple):
            kind, *notes = node.slice.elts
            texts = (isinstance(note, ast.Constant) and isinstance(note.value, str) for note in notes)
            node.slice.elts = [kind, *(note for note, text in zip(notes, texts, strict=True) if not text)]
        return self.generic_visit(node)


def _informs(message: ast.AST) -> bool:
    """Whether a message does nothing else; calls are assumed to change nothing."""
    return not any(
        isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for node in ast.walk(message)
    )


def _syntax(node: object) -> str:
    """A syntax tree as text, without empty fields: later Pythons add some, and the hash must not change."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_syntax(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_syntax, node))}]"
    return repr(node)
