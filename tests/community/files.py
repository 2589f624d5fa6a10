"""Tables as the bytes of files."""

import io

from sync.community.sheets import Say, Sheet, write_csv, write_json, write_xlsx


def to_csv(sheet: Sheet, say: Say = str) -> bytes:
    out = io.BytesIO()
    write_csv(sheet, out, say)
    return out.getvalue()


def to_json(sheet: Sheet) -> bytes:
    out = io.BytesIO()
    write_json(sheet, out)
    return out.getvalue()


def to_xlsx(sheet: Sheet, created_at_ms: int, say: Say = str) -> bytes:
    out = io.BytesIO()
    write_xlsx(sheet, out, created_at_ms, say)
    return out.getvalue()
