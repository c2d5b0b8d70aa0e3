"""Personal and sensitive data found where nobody expects it: in free text, unknown columns and files."""

from kehu.refine.classify.kinds import KINDS, Kind
from kehu.refine.classify.scan import Hit, Scanner

__all__ = ["KINDS", "Hit", "Kind", "Scanner"]
