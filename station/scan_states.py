"""What one scan still allows: whether it is open, whether its refusal can be answered, and how."""

from passes.policy import Outcome
from passes.reasons import NOTES, Reason
from station.deciding import Scan


def is_open(scan: Scan) -> bool:
    """Say whether the passage is neither recorded nor refused."""
    return not scan.recorded and not scan.again


def is_decided(scan: Scan) -> bool:
    """Say whether the verdict waits for nothing more, neither a reading nor a look at the ID card."""
    verdict = scan.verdict
    return verdict.outcome is Outcome.REFUSE or not (verdict.needs_reading or verdict.needs_id)


def has_been_measured(scan: Scan) -> bool:
    """Say whether anybody of those who pass has a reading that is not of an earlier scan."""
    return len(scan.attempts) > scan.carried or any(one.attempts for one in scan.companions)


def is_feverish(scan: Scan) -> bool:
    """Say whether the scan was refused, and recorded so, because of a fever alone: that may be measured again."""
    return scan.outcome == "refused" and set(scan.verdict.reasons) - NOTES == {Reason.FEVER}


def is_on_the_other_side(scan: Scan) -> bool:
    """Say whether somebody was refused because they are already out, or in: they may be coming the other way."""
    return scan.outcome == "refused" and bool({Reason.ALREADY_OUT, Reason.ALREADY_IN} & set(scan.verdict.reasons))


def can_be_overruled(scan: Scan) -> bool:
    """Say whether the lead may let this person through whom the rules refused: never with a code nobody can trust."""
    return scan.outcome == "refused" and scan.person is not None
