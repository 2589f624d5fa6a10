"""Which keys this station trusts: the list it joined with, or the newest that came with the feed."""

from contextlib import suppress

from passes.errors import KeyFileError
from passes.trust import TrustList, newer_trust_list, read_trust_list, trust_list_bytes
from station.register import Register


class Trusting:
    """The trust list in force; every list was signed by the community's root key, whoever brought it."""

    def __init__(self, register: Register, joined_with: TrustList, root_public_key: bytes) -> None:
        self._register = register
        self._joined_with = joined_with
        self.root_public_key = root_public_key
        self._newest = (0, joined_with)

    def newest(self) -> TrustList:
        """Return the newest list; one that the root did not sign, or that lost a key, changes nothing."""
        count = self._register.trust_list_count()
        if count != self._newest[0]:
            trust = self._joined_with
            for text in self._register.trust_lists():
                with suppress(KeyFileError):
                    offered = read_trust_list(trust_list_bytes(text), self.root_public_key)
                    trust = newer_trust_list(trust, offered)
            self._newest = (count, trust)
        return self._newest[1]
