"""Reads a request on each line, its Cookie fields in hex; writes the names that the server's parser finds, in hex."""

import io
import sys
from http.cookies import CookieError, SimpleCookie


def django(header):
    return WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), "HTTP_COOKIE": header}).COOKIES


def http_cookies(header):
    cookies = SimpleCookie()
    try:
        cookies.load(header)
    except CookieError:
        # What was read before the error is there.
        pass
    return cookies


if sys.argv[1] == "django":
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIRequest

    settings.configure()
    read = django
else:
    read = http_cookies

for line in sys.stdin:
    fields = [bytes.fromhex(field) for field in line.strip().split(",")[:-1]]
    # PEP 3333: fields are text in Latin-1.
    names = read(b"; ".join(fields).decode("latin-1"))
    print("".join(name.encode().hex() + "," for name in names))
