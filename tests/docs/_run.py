"""Run every Python example of one document: `python -m tests.docs._run FILE`.

A Markdown file's examples are its blocks of Python, a module's are the doctests and blocks of its docstrings. They
share one namespace, in their order, as a reader would type them. Nothing can be skipped: what must not run is not
Python to the reader either, and bears another language's name. `<!-- invisible-code-block: python ... -->` prepares
what the reader has and the document does not show.
"""

import doctest
import sys
from collections.abc import Sequence
from pathlib import Path

from sybil import Document, Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser
from sybil.typing import Parser

_MARKDOWN: Sequence[Parser] = [PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)]
_DOCSTRINGS: Sequence[Parser] = [DocTestParser(doctest.ELLIPSIS), *_MARKDOWN]


def parse(path: Path) -> Document:
    """Return the document at *path* with its examples."""
    if path.suffix == ".py":
        sybil = Sybil(_DOCSTRINGS, path=str(path.parent), document_types={".py": PythonDocStringDocument})
    else:
        sybil = Sybil(_MARKDOWN, path=str(path.parent))
    return sybil.parse(path)


def main(path: Path) -> None:
    """Run what is at *path*; the first example that fails ends it with its traceback."""
    for example in parse(path):
        sys.stdout.write(f"{path}:{example.line}\n")
        example.evaluate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
