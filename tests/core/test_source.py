"""The hash of source follows what code computes, and the import closure what it executes."""

import ast
import os
import random
import subprocess
import sys

import pytest

from pipeline.core.errors import InputError
from pipeline.core.source import (
    ROOT,
    import_closure,
    refuse_other_code,
    source_hash,
    source_hashes,
    syntax_hash,
)

SOURCE = '''
"""A module."""

import sys
import warnings
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    from other import Thing

RATE = 0.5  # per epoch
"""What it means."""

Share = Annotated[float, Field(ge=0, description="a share"), "between 0 and 1"]


class Broken(Exception):
    pass


def step(x: float) -> float:
    """Do it."""
    assert x > 0, f"{x} is not positive"
    if x > 9:
        print("large", x, file=sys.stderr)
        warnings.warn("large", stacklevel=2)
    if x > 99:
        raise ValueError(f"too large: {x}", "less") from None
    return x * RATE
'''

SPEECH = [
    ("# per epoch", "# per pass"),
    ('"""A module."""', '"""Another."""'),
    ('    """Do it."""\n', ""),
    ('"""What it means."""', ""),
    ("x * RATE", "(x\n            * RATE)"),
    ("from other import Thing", "from other import Thing, More"),
    ("if TYPE_CHECKING:\n    from other import Thing\n", ""),
    ('description="a share"', 'description="of all"'),
    (', description="a share"', ""),
    ('"between 0 and 1"', '"a share"'),
    (', "between 0 and 1"', ""),
    ("pass", '"""What went wrong."""'),
    ("pass", "pass\n    pass"),
    ('f"{x} is not positive"', '"not positive"'),
    (', f"{x} is not positive"', ""),
    ('print("large", x, file=sys.stderr)', 'print(f"more than 9: {x:.2f}")'),
    ('        print("large", x, file=sys.stderr)\n', ""),
    ('"large", stacklevel=2', '"rather large", stacklevel=3'),
    ('f"too large: {x}", "less"', '"expected less"'),
    ('ValueError(f"too large: {x}", "less")', "ValueError"),
]

ARITHMETIC = [
    ("0.5", "0.6"),
    ("x * RATE", "x + RATE"),
    ("x * RATE", "RATE * x"),
    ("x > 0,", "x >= 0,"),
    ("if x > 9:", "if x > 8:"),
    ("ValueError", "TypeError"),
    (" from None", ""),
    ("ge=0", "ge=1"),
    ("float, Field", "int, Field"),
    ('print("large", x, file=sys.stderr)', "x = 9"),
    ('print("large", x, file=sys.stderr)', "print(x := 9)"),
    ('f"too large: {x}"', "(y := x)"),
    ('f"{x} is not positive"', "(y := x)"),
    ("if TYPE_CHECKING:", "if RATE:"),
]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("yield f'{x} is too large; expected 1'", "yield 'expected 1, and not more'", True),
        ("yield 'a mistake'", "yield 'another mistake'", True),
        ("yield 'key'", "yield 'name'", False),
        ("yield f'{x}/{y}'", "yield f'{y}/{x}'", False),
        ("yield f'{x} {y}'", "yield f'{y} {x}'", False),
        ("yield 'a mistake', x", "yield 'a mistake', y", False),
        ("yield f'too large: {(y := x)}'", "yield f'too large: {x}'", False),
    ],
)
def test_a_yielded_text_of_several_words_is_a_message(old, new, same):
    before, after = (syntax_hash(f"def mistakes(x, y):\n    if x > 1:\n        {one}\n") for one in (old, new))
    assert (before == after) == same


def edited(old, new):
    assert old in SOURCE
    return SOURCE.replace(old, new)


@pytest.mark.parametrize(("old", "new"), SPEECH)
def test_what_speaks_to_people_does_not_count(old, new):
    assert syntax_hash(edited(old, new)) == syntax_hash(SOURCE)


@pytest.mark.parametrize(("old", "new"), ARITHMETIC)
def test_what_computes_counts(old, new):
    assert syntax_hash(edited(old, new)) != syntax_hash(SOURCE)


def test_what_stands_under_else_of_type_checking_is_executed():
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    import b\n    print(1)\n"
    assert syntax_hash(text) == syntax_hash("from typing import TYPE_CHECKING\nimport b\n")


def test_fields_that_other_pythons_add_or_leave_out_do_not_count(monkeypatch):
    before = syntax_hash(SOURCE)
    monkeypatch.setattr(ast.FunctionDef, "_fields", (*ast.FunctionDef._fields, "later"))
    monkeypatch.setattr(ast.FunctionDef, "later", [], raising=False)
    monkeypatch.setattr(ast.ClassDef, "_fields", (*ast.ClassDef._fields, "later"))
    monkeypatch.setattr(ast.ClassDef, "later", None, raising=False)
    assert syntax_hash(SOURCE) == before


@pytest.mark.parametrize("file", ["pipeline/models/resnext.py", "pipeline/training/checkpoints.py"])
def test_random_edits_count_exactly_where_they_are_no_text_for_people(file):
    """A number, operator or name that is changed anywhere outside messages changes the hash; inside, it does not."""
    source = (ROOT / file).read_text("utf-8")
    draw = random.Random(7)  # noqa: S311
    before = syntax_hash(source)
    for _ in range(60):
        tree = ast.parse(source)
        inside = {id(node) for message in messages(tree) for node in ast.walk(message)}
        node = draw.choice([node for node in ast.walk(tree) if change(node, dry=True)])
        change(node)
        assert (syntax_hash(ast.unparse(tree)) == before) == (id(node) in inside), ast.unparse(node)


def messages(tree):
    """What a person reads, found in another way than the hash finds it: by its place in the statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from (*node.exc.args, *node.exc.keywords)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "print":
            yield node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node


def change(node, *, dry=False):
    """Change a node, if it is one that can be; returns whether it can."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
        changed = {"value": node.value + ("x" if isinstance(node.value, str) else 1)}
    elif isinstance(node, ast.Name):
        changed = {"id": f"{node.id}_"}
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        changed = {"op": ast.Sub()}
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.Gt | ast.Eq):
        changed = {"ops": [ast.NotEq()]}
    else:
        return False
    if not dry:
        for name, value in changed.items():
            setattr(node, name, value)
    return True


def test_hashes_are_by_file_and_their_sum_follows_names_too(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(SOURCE)
    hashes = source_hashes(["b.py", "a.py"], tmp_path)
    assert list(hashes) == ["a.py", "b.py"]
    assert hashes["a.py"] == hashes["b.py"] == syntax_hash(SOURCE)
    one = source_hash(hashes)
    assert one == source_hash(dict(reversed(hashes.items())))
    assert one != source_hash({"a.py": hashes["a.py"], "c.py": hashes["a.py"]})
    assert len(one) == 20


@pytest.fixture
def tree(tmp_path):
    files = {
        "pipeline/__init__.py": "",
        "pipeline/core/__init__.py": "",
        "pipeline/core/errors.py": "",
        "pipeline/core/wording.py": "",
        "pipeline/models/__init__.py": "",
        "pipeline/models/base.py": "from pipeline.core.errors import InputError",
        "pipeline/models/svm.py": "from pipeline.models import base\nimport pipeline.core.wording",
        "pipeline/models/tree.py": "import numpy as np",
        "pipeline/training/loop.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from pipeline.models.tree import Tree\n"
            "def train():\n    from pipeline.models import svm\n"
        ),
        "stages/train.py": "from pipeline.training.loop import train",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_closure_follows_imports_in_functions_but_not_those_for_type_checkers(tree):
    assert import_closure(["stages.train"], root=tree) == [
        "pipeline/__init__.py",
        "pipeline/core/__init__.py",
        "pipeline/core/errors.py",
        "pipeline/core/wording.py",
        "pipeline/models/__init__.py",
        "pipeline/models/base.py",
        "pipeline/models/svm.py",
        "pipeline/training/loop.py",
    ]


def test_the_closure_stays_inside_its_rooms(tree):
    rooms = ("pipeline/models", "pipeline/core/wording.py")
    assert import_closure(["pipeline.training.loop"], rooms, tree) == [
        "pipeline/core/wording.py",
        "pipeline/models/__init__.py",
        "pipeline/models/base.py",
        "pipeline/models/svm.py",
    ]
    assert import_closure(["stages.train"], ("stages",), tree) == ["stages/train.py"]


def test_a_package_is_a_module_too(tree):
    assert import_closure(["pipeline.core"], root=tree) == ["pipeline/__init__.py", "pipeline/core/__init__.py"]


def test_a_module_that_is_not_there_or_a_relative_import_is_refused(tree):
    with pytest.raises(ValueError, match="pipeline.models.forest is not a module"):
        import_closure(["pipeline.models.forest"], root=tree)
    (tree / "pipeline/models/tree.py").write_text("from . import base")
    with pytest.raises(ValueError, match="line 1: relative imports are not followed"):
        import_closure(["pipeline.models.tree"], root=tree)


def test_a_folder_with_its_own_pipeline_runs_no_other(tree, tmp_path, monkeypatch):
    with pytest.raises(InputError) as refused:
        refuse_other_code(tree)
    assert str(ROOT / "pipeline") in str(refused.value)
    assert str(tree / "pipeline") in str(refused.value)
    monkeypatch.chdir(tree)
    with pytest.raises(InputError):
        refuse_other_code()


def test_a_benchmark_measures_no_other_code(tree):
    command = [sys.executable, str(ROOT / "benchmarks/ingestion.py"), "1"]
    run = subprocess.run(command, cwd=tree, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith(f"ingestion: the code that runs is {ROOT / 'pipeline'}, but")


def test_its_own_code_or_none_is_accepted(tmp_path, monkeypatch):
    refuse_other_code(ROOT)
    link = tmp_path / "link"
    link.symlink_to(ROOT)
    refuse_other_code(link)
    (tmp_path / "pipeline").mkdir()
    refuse_other_code(tmp_path)
    monkeypatch.chdir(tmp_path)
    refuse_other_code()


def test_the_module_needs_the_standard_library_alone():
    for file in import_closure(["pipeline.core.source"]):
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] in ("__future__", "pipeline", "collections", "pathlib", "contextlib")
