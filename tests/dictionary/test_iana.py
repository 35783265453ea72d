"""The standard attributes against IANA's registry of RADIUS types: https://www.iana.org/assignments/radius-types."""

# In the order of their numbers from 1; a dash is a number that is not assigned.
REGISTRY = """
    User-Name User-Password CHAP-Password NAS-IP-Address NAS-Port Service-Type Framed-Protocol Framed-IP-Address
    Framed-IP-Netmask Framed-Routing Filter-Id Framed-MTU Framed-Compression Login-IP-Host Login-Service
    Login-TCP-Port - Reply-Message Callback-Number Callback-Id - Framed-Route Framed-IPX-Network State Class
    Vendor-Specific Session-Timeout Idle-Timeout Termination-Action Called-Station-Id Calling-Station-Id
    NAS-Identifier Proxy-State Login-LAT-Service Login-LAT-Node Login-LAT-Group Framed-AppleTalk-Link
    Framed-AppleTalk-Network Framed-AppleTalk-Zone Acct-Status-Type Acct-Delay-Time Acct-Input-Octets
    Acct-Output-Octets Acct-Session-Id Acct-Authentic Acct-Session-Time Acct-Input-Packets Acct-Output-Packets
    Acct-Terminate-Cause Acct-Multi-Session-Id Acct-Link-Count Acct-Input-Gigawords Acct-Output-Gigawords -
    Event-Timestamp Egress-VLANID Ingress-Filters Egress-VLAN-Name User-Priority-Table CHAP-Challenge
    NAS-Port-Type Port-Limit Login-LAT-Port Tunnel-Type Tunnel-Medium-Type Tunnel-Client-Endpoint
    Tunnel-Server-Endpoint Acct-Tunnel-Connection Tunnel-Password ARAP-Password ARAP-Features ARAP-Zone-Access
    ARAP-Security ARAP-Security-Data Password-Retry Prompt Connect-Info Configuration-Token EAP-Message
    Message-Authenticator Tunnel-Private-Group-ID Tunnel-Assignment-ID Tunnel-Preference ARAP-Challenge-Response
    Acct-Interim-Interval Acct-Tunnel-Packets-Lost NAS-Port-Id Framed-Pool CUI Tunnel-Client-Auth-ID
    Tunnel-Server-Auth-ID NAS-Filter-Rule - Originating-Line-Info NAS-IPv6-Address Framed-Interface-Id
    Framed-IPv6-Prefix Login-IPv6-Host Framed-IPv6-Route Framed-IPv6-Pool Error-Cause EAP-Key-Name
    Digest-Response Digest-Realm Digest-Nonce Digest-Response-Auth Digest-Nextnonce Digest-Method Digest-URI
    Digest-Qop Digest-Algorithm Digest-Entity-Body-Hash Digest-CNonce Digest-Nonce-Count Digest-Username
    Digest-Opaque Digest-Auth-Param Digest-AKA-Auts Digest-Domain Digest-Stale Digest-HA1 SIP-AOR
    Delegated-IPv6-Prefix MIP6-Feature-Vector MIP6-Home-Link-Prefix Operator-Name Location-Information
    Location-Data Basic-Location-Policy-Rules Extended-Location-Policy-Rules Location-Capable
    Requested-Location-Info Framed-Management-Protocol Management-Transport-Protection Management-Policy-Id
    Management-Privilege-Level PKM-SS-Cert PKM-CA-Cert PKM-Config-Settings PKM-Cryptosuite-List PKM-SAID
    PKM-SA-Descriptor PKM-Auth-Key DS-Lite-Tunnel-Name Mobile-Node-Identifier Service-Selection
    PMIP6-Home-LMA-IPv6-Address PMIP6-Visited-LMA-IPv6-Address PMIP6-Home-LMA-IPv4-Address
    PMIP6-Visited-LMA-IPv4-Address PMIP6-Home-HN-Prefix PMIP6-Visited-HN-Prefix PMIP6-Home-Interface-ID
    PMIP6-Visited-Interface-ID PMIP6-Home-IPv4-HoA PMIP6-Visited-IPv4-HoA PMIP6-Home-DHCP4-Server-Address
    PMIP6-Visited-DHCP4-Server-Address PMIP6-Home-DHCP6-Server-Address PMIP6-Visited-DHCP6-Server-Address
    PMIP6-Home-IPv4-Gateway PMIP6-Visited-IPv4-Gateway EAP-Lower-Layer GSS-Acceptor-Service-Name
    GSS-Acceptor-Host-Name GSS-Acceptor-Service-Specifics GSS-Acceptor-Realm-Name Framed-IPv6-Address
    DNS-Server-IPv6-Address Route-IPv6-Information Delegated-IPv6-Prefix-Pool Stateful-IPv6-Address-Pool
    IPv6-6rd-Configuration Allowed-Called-Station-Id EAP-Peer-Id EAP-Server-Id Mobility-Domain-Id
    Preauth-Timeout Network-Id-Name EAPoL-Announcement WLAN-HESSID WLAN-Venue-Info WLAN-Venue-Language
    WLAN-Venue-Name WLAN-Reason-Code WLAN-Pairwise-Cipher WLAN-Group-Cipher WLAN-AKM-Suite
    WLAN-Group-Mgmt-Cipher WLAN-RF-Band
"""


def test_every_assigned_type_has_its_registered_name_and_number(dictionary):
    registered = [(name, number) for number, name in enumerate(REGISTRY.split(), 1) if name != "-"]
    assert registered[-1] == ("WLAN-RF-Band", 190)
    found = [(name, getattr(dictionary.named(name), "key", None)) for name, _ in registered]
    assert found == registered


def test_numbers_that_are_not_assigned_have_no_rfc_name(dictionary):
    assert [dictionary.keyed(number) for number in (21, 54, 93)] == [None, None, None]
