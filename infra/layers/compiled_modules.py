"""Compile a layer's modules: ours and those that functions are known to import; the rest stays source.

Unchecked hashes, because nothing in ``/opt`` ever changes and looking would cost a start two file reads per
module. The path inside is the one in Lambda: for tracebacks, and for the same bytes on any machine.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
from pathlib import Path
from types import CodeType
from typing import Final

IMPORTED: Final = Path(__file__).with_name("imported_modules.txt")
UNCHECKED: Final = (1).to_bytes(4, "little")
"""Flags of a module that is told by its source's hash, which nobody looks at (PEP 552)."""

WITH_SOURCE: Final = ("whybox",)
"""Packages that keep the source of their compiled modules. Others' would be 31 MiB of the 250 that Lambda
unpacks; tracebacks through them keep names and line numbers, and lose the lines."""

WITHOUT_WORDS: Final = ("narwhals", "pandas", "scipy", "sklearn")
"""Packages whose compiled modules lose their docstrings, nothing else: 9 MiB that a start would have to read.
numpy is none of them: it works on its docstrings when it is loaded, and fails where there are none."""


def compile_modules(packages: Path) -> None:
    """Compile the modules in a folder of packages that are worth it."""
    known = [packages.joinpath(*name.split(".")) for name in IMPORTED.read_text(encoding="utf-8").split()]
    sources = [path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in known]
    for source in [*sorted(packages.glob("whybox/**/*.py")), *sources]:
        if source.is_file():
            _compile(source, source.relative_to(packages))


def _compile(source: Path, name: Path) -> None:
    """Write the compiled module beside the source, or in its place."""
    text = source.read_bytes()
    code = _code(text, f"/opt/python/{name.as_posix()}", has_words=name.parts[0] not in WITHOUT_WORDS)
    content = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(text) + marshal.dumps(code)
    if name.parts[0] in WITH_SOURCE:
        target = Path(importlib.util.cache_from_source(str(source)))
        target.parent.mkdir(exist_ok=True)
    else:
        target = source.with_suffix(".pyc")
        source.unlink()
    target.write_bytes(content)


def _code(text: bytes, path: str, *, has_words: bool) -> CodeType:
    tree = ast.parse(text, path)
    for node in ast.walk(tree):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if (
            not has_words
            and isinstance(node, documented)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    return compile(tree, path, "exec", dont_inherit=True)
