"""URI schemes: which are registered, which belong to one application, which nobody may redirect to."""

import re
from string import ascii_lowercase

# The registrations with status "Permanent" at https://www.iana.org/assignments/uri-schemes (RFC 7595), as of 2022-11-18, and
# those that an RFC made permanent since: swid and swidpath (RFC 9393).
_PERMANENT = """
aaa aaas about acap acct cap cid coap coap+tcp coap+ws coaps coaps+tcp coaps+ws crid data dav dict dns dtn example
file ftp geo go gopher h323 http https iax icap im imap info ipn ipp ipps iris iris.beep iris.lwz iris.xpc iris.xpcs
jabber ldap leaptofrogans mailto mid msrp msrps mtqp mupdate news nfs ni nih nntp opaquelocktoken pkcs11 pop pres
reload rtsp rtsps rtspu service session shttp sieve sip sips sms snmp soap.beep soap.beeps stun stuns swid swidpath
tag tel telnet tftp thismessage tip tn3270 turn turns tv urn vemmi vnc ws wss xcon xcon-userid xmlrpc.beep
xmlrpc.beeps xmpp z39.50r z39.50s
"""

# A redirect to one of these runs script or a program of the platform, opens local files or those of any file server (and sends it
# the password's hash), or hides another URI inside itself, in some browser or platform.
_FORBIDDEN = """
about afp applescript blob chrome cifs content data edge feed file filesystem hcp help intent its jar javascript jscript
livescript mhtml mk mocha ms-help ms-its ms-msdt ms-officecmd res resource search search-ms shell smb vbs vbscript
view-source wyciwyg
"""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")  # RFC 3986 §3.1

PERMANENT_SCHEMES = frozenset(_PERMANENT.split())
# A single letter is a drive of Windows.
FORBIDDEN_SCHEMES = frozenset([*_FORBIDDEN.split(), *ascii_lowercase])


def is_private_use_scheme(scheme: str) -> bool:
    """Whether `scheme`, in any case, may belong to one application: a scheme, not permanent at IANA, not forbidden.

    A scheme without a dot counts: RFC 8252 §7.1 asks for reverse domain names, but `cursor` and `vscode` are usual.
    """
    lower = scheme.lower()
    return _SCHEME.fullmatch(lower) is not None and lower not in PERMANENT_SCHEMES and lower not in FORBIDDEN_SCHEMES
