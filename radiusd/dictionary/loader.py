"""Dictionary files, read once at start: FreeRADIUS 3's format, each mistake a DictionaryError with file and line.

`load` is the only opener of files below the store. `statements` has what one line may say; this module owns the walk
through files: folders, `$INCLUDE`, loops, and blocks that must be closed in the file that opened them.
"""

from collections.abc import Iterable
from pathlib import Path

from radiusd.dictionary.attributes import Dictionary
from radiusd.dictionary.statements import run
from radiusd.dictionary.tables import Block, Mistake, Tables
from radiusd.errors import DictionaryError

MAIN_FILE = "dictionary"
"""The file that stands for a folder."""


def load(extra: Iterable[Path] = (), root: Path | None = None) -> Dictionary:
    """Read the folder (or file) `root`, then each of `extra`; what is defined later names a number when decoding.

    A folder stands for its file `dictionary`; `root` None reads only `extra`. What `root` defines, `extra` may give
    another number. Raises DictionaryError.
    """
    tables = Tables()
    if root is not None:
        _read(_main_file(root), tables, ())
        tables.seal()
    for path in extra:
        _read(_main_file(path), tables, ())
    try:
        return tables.finish()
    except Mistake as mistake:
        raise DictionaryError(mistake.file, mistake.line, str(mistake)) from None


def _main_file(path: Path) -> Path:
    return path / MAIN_FILE if path.is_dir() else path


def _read(path: Path, tables: Tables, above: tuple[Path, ...]) -> None:
    """Read one file into `tables`; `above` are the files that include it, outermost first."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise DictionaryError(path, 0, f"cannot be read: {error.strerror}") from None
    block = Block(str(path))
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            if words[0][0] == "$":
                _include(path, words, tables, (*above, path.resolve()))
            else:
                block.line = number
                run(words, block, tables)
        block.end()
    except Mistake as mistake:
        raise DictionaryError(path, mistake.line or number, str(mistake)) from None


def _include(path: Path, words: list[str], tables: Tables, above: tuple[Path, ...]) -> None:
    keyword = words[0].upper()
    if keyword not in ("$INCLUDE", "$INCLUDE-"):
        raise Mistake(f"there is no keyword {words[0]}")
    if len(words) != 2:
        raise Mistake(f"{keyword} takes one file name")
    target = path.parent / words[1]
    if not target.is_file():
        if keyword == "$INCLUDE-":
            return
        raise Mistake(f"the included file {target} does not exist")
    if target.resolve() in above:
        raise Mistake(f"{target} includes itself")
    _read(target, tables, above)
