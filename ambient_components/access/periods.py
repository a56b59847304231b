"""Days and moments as the ledger records them.

What holds now is among an entry's grants too, so that a grant which begins or ends is a difference on its day. The
dates are beside them, so that a reviewer sees a longer end, too, and sees it when it is written.
"""

import re
from datetime import date, datetime
from typing import Final

from ambient_components.errors import reject

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def check_date(text: str) -> None:
    """Require a day, YYYY-MM-DD, or a moment, YYYY-MM-DDTHH:MM:SSZ.

    Raises:
        BadValue: it is neither.
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
