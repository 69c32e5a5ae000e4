"""What the README shows is what happens."""

import doctest
import re

from chapters import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_example_prints_what_it_says():
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted
    assert result.failed == 0


def test_its_make_targets_exist():
    shown = set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"book", "test"} <= shown <= targets
