"""The names that learning platforms give to what students handed in."""

import re
import unicodedata

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
# Letters that are no others with an accent.
NO_ACCENTS = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "æ": "ae"})  # noqa: RUF001
# What learning platforms make of a file's or a folder's name.
CANVAS = re.compile(r"([^_]+)_(?:LATE_)?(\d{2,})_\d{3,}_.+", re.I)
MOODLE = re.compile(r"(.+?)_(\d{2,})_assignsubmission_\w+_.*")


def of_a_platform(name: str) -> tuple[str, str] | None:
    """Return the student's name and number that Canvas or Moodle put into a name."""
    match = MOODLE.fullmatch(name) or CANVAS.fullmatch(name)
    return (match[1], match[2]) if match else None


def alike(student: str, name: str) -> bool:
    """Tell whether a roster's name is a platform's: Doe, Jane and Jane Doe, doejane."""
    wanted = "".join(_letters(name))
    spelt_out = unicodedata.normalize("NFC", student.casefold()).translate(UMLAUTS)
    for parts in (_letters(student), _letters(spelt_out)):
        if wanted in ("".join(parts[n:] + parts[:n]) for n in range(len(parts))):
            return True
    return False


def _letters(name):
    """Return the words of a name in small letters without accents."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(NO_ACCENTS))
    return re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c)))
