"""The keys of a scenario: those that sign its passes, and the signed lists of those that its community trusts."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passes.keys import IssuingKey
from passes.trust import TrustedKey, sign_trust_list
from station.policy_try.model import Key


class Keyring:
    """The keys that `keys` names, newly made, and the root key of the community `community`.

    Raises `KeyFileError` for a short id that is none.
    """

    def __init__(self, keys: dict[str, Key], community: str, now_ms: int) -> None:
        self.root = IssuingKey.generate()
        self.issuing: dict[str, IssuingKey] = {}
        self._private: dict[str, Ed25519PrivateKey] = {}
        self._listed: dict[str, TrustedKey] = {}
        self._communities = {name: key.community or community for name, key in keys.items()}
        self._community = community
        self._signed_ms = 0
        for name, key in keys.items():
            self._private[name] = Ed25519PrivateKey.generate()
            self.issuing[name] = self.named(name, key.key_id)
            if key.state != "unknown":
                self.change(name, now_ms, is_withdrawn=key.state == "withdrawn")

    def named(self, name: str, key_id: str | None) -> IssuingKey:
        """Return a key under the short id `key_id` (hexadecimal), its own when None."""
        return IssuingKey(self._private[name], bytes.fromhex(key_id) if key_id else None)

    def change(self, name: str, now_ms: int, *, is_withdrawn: bool) -> None:
        """Put a key onto the list as one that is trusted, or withdrawn since now."""
        key = self.issuing[name]
        since_ms = now_ms if is_withdrawn else None
        self._listed[name] = TrustedKey(key.key_id, key.public_key, self._communities[name], withdrawn_at_ms=since_ms)

    def signed_list(self, now_ms: int) -> bytes:
        """Return the trust list as it is now, signed by the root as later than all before it."""
        self._signed_ms = max(now_ms, self._signed_ms + 1)
        return sign_trust_list(self.root, self._community, list(self._listed.values()), self._signed_ms)
