"""Which addresses a tool may connect to: those of the public internet, and no others.

Sources: IANA's special-purpose registries of IPv4 and IPv6 addresses (RFC 6890 and its updates); RFC 6052 and 8215
(NAT64), 3056 (6to4), 4380 (Teredo), 5214 (ISATAP), 4291 (global unicast is `2000::/3`).
"""

import ipaddress

from msgspec import Struct

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _networks(rows: dict[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ipaddress.ip_network(network), what) for network, what in rows.items())


# The metadata services of clouds come first, so that they are called what they are.
_IPV4 = _networks(
    {
        "169.254.169.254/32": "a cloud's metadata service",
        "169.254.170.2/32": "a cloud's metadata service",
        "168.63.129.16/32": "a cloud's metadata service",
        "100.100.100.200/32": "a cloud's metadata service",
        "192.0.0.192/32": "a cloud's metadata service",
        "0.0.0.0/8": "unspecified",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared by a provider's customers",
        "127.0.0.0/8": "loopback",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "for documentation",
        "192.31.196.0/24": "reserved",
        "192.52.193.0/24": "translated",
        "192.88.99.0/24": "translated",
        "192.168.0.0/16": "private",
        "192.175.48.0/24": "reserved",
        "198.18.0.0/15": "for benchmarks",
        "198.51.100.0/24": "for documentation",
        "203.0.113.0/24": "for documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }
)

_IPV6 = _networks(
    {
        "fd00:ec2::254/128": "a cloud's metadata service",
        "fd20:ce::254/128": "a cloud's metadata service",
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::ffff:0:0/96": "translated",
        "::/96": "translated",
        "64:ff9b::/96": "translated",
        "64:ff9b:1::/48": "translated",
        "2001::/32": "translated",
        "2001:db8::/32": "for documentation",
        "2001:2::/48": "for benchmarks",
        "2001::/23": "reserved",
        "2002::/16": "translated",
        "2620:4f:8000::/48": "reserved",
        "3fff::/20": "for documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "private",
        "ff00::/8": "multicast",
    }
)
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class AddressPolicy(Struct, frozen=True):
    """What may be connected to. As it stands, the public internet on the ports of HTTP.

    Attributes:
        allowed: networks that may be reached though they are not public.
        ports: that may be reached.
    """

    allowed: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})

    def refusal(self, text: str) -> str | None:
        """What keeps an address from being connected to, in a word or two; None where nothing does.

        Parameters:
            text: as a resolver gives it; what is no address is refused too, and so is an address with a zone.
        """
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return "no address"
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return "link-local"
        if any(address in network for network in self.allowed if network.version == address.version):
            return None
        return _kind(address)


def _kind(address: Address) -> str | None:
    rows = _IPV4 if isinstance(address, ipaddress.IPv4Address) else _IPV6
    for network, what in rows:
        if address in network:
            return what
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _GLOBAL_IPV6:
            return "reserved"
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return "translated"
    return None
