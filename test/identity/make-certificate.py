"""Makes a certificate authority and a certificate for 127.0.0.1 that it vouches for.

usage: make-certificate.py FOLDER  (gets ca.pem, server.pem and server.key)
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.timezone.utc)


def certificate(name, key, issuer, issuer_key, is_authority):
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(hours=1))
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def named(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


folder = pathlib.Path(sys.argv[1])
pem = serialization.Encoding.PEM
authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
authority = certificate(named('an authority'), authority_key, named('an authority'), authority_key, True)
server = certificate(named('a Keystone'), server_key, named('an authority'), authority_key, False)
folder.joinpath('ca.pem').write_bytes(authority.public_bytes(pem))
folder.joinpath('server.pem').write_bytes(server.public_bytes(pem))
folder.joinpath('server.key').write_bytes(
    server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
)
