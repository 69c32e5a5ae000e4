"""What the README shows is what happens."""

import doctest
import re

from chapters import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_example_prints_what_it_says():
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted >= 4
    assert result.failed == 0


def test_its_make_targets_exist():
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"book", "test"} <= targets
    assert [
        t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)
    ] == []


def test_its_folders_exist():
    folders = re.findall(r"^\| `(\w+)/`", README, re.MULTILINE)
    assert len(folders) >= 5
    assert [f for f in folders if not (ROOT / f).is_dir()] == []
