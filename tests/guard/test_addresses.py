import hashlib
import ipaddress

import pytest

from agentflow.guard.addresses import AddressPolicy

REFUSED = {
    "0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "10.0.0.1": "private", "10.255.255.255": "private",
    "100.64.0.1": "shared", "100.127.255.255": "shared", "127.0.0.1": "loopback", "127.255.255.255": "loopback",
    "169.254.0.1": "link-local", "169.254.169.254": "metadata", "169.254.170.2": "metadata",
    "168.63.129.16": "metadata", "100.100.100.200": "metadata", "192.0.0.192": "metadata",
    "172.16.0.1": "private", "172.31.255.255": "private", "192.0.0.8": "reserved", "192.0.2.1": "documentation",
    "192.31.196.1": "reserved", "192.52.193.1": "translated", "192.88.99.1": "translated", "192.168.0.1": "private",
    "192.175.48.1": "reserved", "198.18.0.1": "benchmarks", "198.19.255.255": "benchmarks",
    "198.51.100.1": "documentation", "203.0.113.1": "documentation", "224.0.0.1": "multicast",
    "239.255.255.250": "multicast", "240.0.0.1": "reserved", "255.255.255.255": "reserved",
    "::": "unspecified", "::1": "loopback", "::7f00:1": "translated", "::ffff:127.0.0.1": "translated",
    "::ffff:8.8.8.8": "translated", "64:ff9b::7f00:1": "translated", "64:ff9b::808:808": "translated",
    "64:ff9b:1::1": "translated", "64:ff9b:1:ffff::a00:1": "translated", "100::1": "reserved",
    "2001::1": "translated", "2001:0:4136:e378:8000:63bf:3fff:fdd2": "translated", "2001:2::1": "benchmarks",
    "2001:10::1": "reserved", "2001:20::1": "reserved", "2001:db8::1": "documentation",
    "2002:7f00:1::1": "translated", "2002:c0a8:101::": "translated", "2620:4f:8000::1": "reserved",
    "3fff::1": "documentation", "5f00::1": "reserved", "fc00::1": "private", "fd00::1": "private",
    "fd00:ec2::254": "metadata", "fd20:ce::254": "metadata", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
    "febf::1": "link-local", "fec0::1": "private", "ff02::1": "multicast", "4000::1": "reserved",
    "2a00:1450::5efe:a00:1": "translated", "2a00:1450::200:5efe:a00:1": "translated", "::2": "translated",
    "1::1": "reserved", "2606:4700::1%1": "link-local",
    "": "no address", "x.org": "no address", "127.1": "no address", "0177.0.0.1": "no address",
    "0x7f000001": "no address", "2130706433": "no address", "1.2.3": "no address", "1.2.3.4/32": "no address",
    "[::1]": "no address", "1.2.3.4\n": "no address", "008.8.8.8": "no address", "::g": "no address",
}  # fmt: skip


@pytest.mark.parametrize(("address", "why"), REFUSED.items(), ids=map(repr, REFUSED))
def test_what_is_not_public_is_refused_and_called_what_it_is(address, why):
    refusal = AddressPolicy().refusal(address)
    assert refusal is not None
    assert why in refusal


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
     "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
     "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:830::200e", "2001:4860:4860::8888"],
)  # fmt: skip
def test_public_addresses_may_be_reached(address):
    assert AddressPolicy().refusal(address) is None


def test_whoever_asks_may_allow_a_network_and_nothing_else_with_it():
    policy = AddressPolicy(allowed=(ipaddress.ip_network("127.0.0.1/32"),))
    assert policy.refusal("127.0.0.1") is None
    assert policy.refusal("127.0.0.2") == "loopback"
    assert policy.refusal("::1") == "loopback"
    assert policy.refusal("::ffff:127.0.0.1") == "translated"


@pytest.mark.parametrize("seed", range(200))
def test_no_address_that_python_calls_local_gets_through(seed):
    for version, bits in ((4, 32), (6, 128)):
        number = int.from_bytes(hashlib.sha256(f"{version}/{seed}".encode()).digest(), "big") % (1 << bits)
        address = ipaddress.ip_address(number) if version == 6 else ipaddress.IPv4Address(number)
        if AddressPolicy().refusal(str(address)) is None:
            assert address.is_global
            assert not address.is_multicast
