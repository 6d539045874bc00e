"""What mkdocs does beside its own work: pages from the repository's root, and links between them and `docs/`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the root, and the gallery."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    for name, content in gallery(ROOT / "results/figures"):
        files.append(File.generated(config, name, content=content))
    return files


def gallery(folder: Path) -> Iterator[tuple[str, str | bytes]]:
    """The gallery and its pictures: the figures of the last report, if there is one in the working folder."""
    lines = ["# Gallery of figures", ""]
    if not (folder / "index.json").is_file():
        lines.append("This site was built without results. After `make demo`, `make docs` shows the demo's here.")
        yield "gallery.md", "\n".join(lines) + "\n"
        return
    lines += ["The figures of the report in the folder where this site was built.", ""]
    for one in json.loads((folder / "index.json").read_text("utf-8")):
        lines += [f"## {one['title']}", "", f"![{one['alt']}](gallery/{one['key']}.png)", "", one["caption"], ""]
        yield f"gallery/{one['key']}.png", (folder / f"{one['key']}.png").read_bytes()
    yield "gallery.md", "\n".join(lines) + "\n"


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links to files of the root lead to their pages, and links of the root's pages into the site."""
    for name, own in PAGES.items():
        markdown = markdown.replace(f"](../{name}", f"]({own}")
    markdown = markdown.replace("](../README.md", "](index.md")
    if page.file.src_uri in PAGES.values():
        markdown = re.sub(r"\]\(docs/", "](", markdown)
    return markdown
