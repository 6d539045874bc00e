"""The extension stories of CONTRIBUTING.md, done in a copy of the project as they are written there."""

import re

from ruamel.yaml import YAML

from tests.helpers.closure import ROOT

STORIES = ("corpus", "front end", "family", "figure", "table")


def blocks(title):
    """The code blocks of a story: (file, language, text)."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = page.split(f"\n### A {title}\n")[1].split("\n### ")[0].split("\n## ")[0]
    return re.findall(r"`([\w./]+)`[^\n`]*:\n\n```(\w+)\n(.*?)```", section, flags=re.DOTALL)


def extend(folder, title):
    """Do what a story says: write its file, and put its lines into the registry where the story says."""
    params = {}
    for path, language, text in blocks(title):
        if path == "params.yaml":
            params = YAML(typ="safe").load(text)
        elif language == "diff":
            registry = folder / path
            code = registry.read_text()
            for context, line in re.findall(r"^ (.*)\n\+(.*)\n", text, flags=re.MULTILINE):
                assert code.count(f"{context}\n") == 1, f"{path}: {context!r} is there {code.count(context)} times"
                code = code.replace(f"{context}\n", f"{context}\n{line}\n")
            registry.write_text(code)
        else:
            (folder / path).write_text(text)
    return params
