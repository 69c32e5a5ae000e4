"""The one filter for what students wrote, before it stands in a file or on a page."""

import re

# Control characters, marks that turn the reading direction, and lone surrogates,
# which can't be written to a file.
UNWRITABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Return a text without characters that hide, turn or break what follows."""
    return UNWRITABLE.sub("\ufffd", str(text).replace("\r\n", "\n"))
