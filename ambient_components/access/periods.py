"""Days and times in the ledger.

An entry's grants contain only currently valid ones, so that the start and end of a grant is a change on that day. Its
dates are recorded separately, so that a reviewer also sees an extended grant when it is written.
"""

import re
from datetime import date, datetime
from typing import Final

from ambient_components.errors import reject

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def check_date(text: str) -> None:
    """Require a day, YYYY-MM-DD, or a time, YYYY-MM-DDTHH:MM:SSZ.

    Raises:
        BadValue: The text is neither.
    """
    try:
        if _MOMENT.fullmatch(text):
            datetime.fromisoformat(text)
            return
        if _DAY.fullmatch(text):
            date.fromisoformat(text)
            return
    except ValueError:
        pass
    reject(f"{text!r} is no date", "allowed: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ")
