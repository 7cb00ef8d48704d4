"""An object store that believes no signature: it computes each anew with botocore.

Speaks as much of S3 as dyno-slug does: GET with Range and If-Range, HEAD, PUT, and
errors in XML. Path style or bucket.host. Every request is noted, and the faults
that a test asks for are done to it.
"""
import hashlib
import http.server
import re
import threading
import urllib.parse
from datetime import datetime, timezone

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS, SECRET, REGION = "AKIDORACLE", "0r4cle/Secret+Key", "eu-test-1"
EMPTY = hashlib.sha256(b"").hexdigest()


class Refused(Exception):
    def __init__(self, status, code, text, more=""):
        super().__init__(code)
        self.status, self.code, self.text, self.more = status, code, text, more


def judge(method, target, headers, secrets):
    """Raises Refused unless the Authorization is what botocore makes of the request."""
    m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                     r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", headers.get("Authorization", ""))
    if not m:
        raise Refused(403, "AccessDenied", "Access Denied")
    access, _, region, names, signature = m.groups()
    if access not in secrets:
        raise Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if region != REGION:
        raise Refused(400, "AuthorizationHeaderMalformed", f"the region '{region}' is wrong; expecting '{REGION}'")
    names = names.split(";")
    if "host" not in names or "x-amz-content-sha256" not in names or "x-amz-date" not in names:
        raise Refused(403, "AccessDenied", "There were headers present in the request which were not signed")
    stamp = headers["x-amz-date"]
    asked = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if abs((datetime.now(timezone.utc) - asked).total_seconds()) > 900:
        raise Refused(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
    # S3 decodes the path and encodes it in its own way: who encodes otherwise has signed something else.
    path, _, query = target.partition("?")
    path = urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/-_.~")
    request = AWSRequest(method, f"http://{headers['Host']}{path}" + ("?" + query if query else ""),
                         headers={n: headers[n] for n in names if n in headers})
    request.context["timestamp"] = stamp
    auth = S3SigV4Auth(Credentials(access, secrets[access]), "s3", region)
    right = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if right != signature:
        raise Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature"
                      " you provided. Check your key and signing method.")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_expect_100(self):
        return True  # not yet: perform() asks for the body of a request that is in order

    def answer(self, status, headers, body=b"", send=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else body[:send]
        self.note["sent"] = len(body)
        try:
            self.wfile.write(body)
        except OSError:
            pass
        if send is not None:
            self.close_connection = True

    def name(self):
        """(bucket, key) of the request."""
        path = urllib.parse.unquote_to_bytes(self.path.partition("?")[0]).decode(errors="surrogateescape")[1:]
        host = self.headers["Host"].partition(":")[0]
        if host.endswith(".localhost"):
            return host[:-len(".localhost")], path
        bucket, _, key = path.partition("/")
        return bucket, key

    def serve(self):
        o = self.server.oracle
        length = int(self.headers.get("Content-Length", 0))
        self.note = {"method": self.command, "path": self.path, "range": self.headers.get("Range"),
                     "headers": dict(self.headers), "sent": 0, "length": length}
        o.requests.append(self.note)
        try:
            judge(self.command, self.path, self.headers, o.secrets)
            if o.faults and self.command == o.faults[0][0]:
                fault = o.faults.pop(0)[1]
                if isinstance(fault, Refused):
                    raise fault
                self.perform(length, fault)
            else:
                self.perform(length, None)
        except Refused as refused:
            self.close_connection = True  # the body, if any, was not read
            body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{refused.code}</Code><Message>{refused.text}'
                    f"</Message>{refused.more}<RequestId>4442587FB7D0A2F9</RequestId></Error>").encode()
            self.answer(refused.status, {"Content-Type": "application/xml"}, body)

    def perform(self, length, cut):
        o = self.server.oracle
        bucket, key = self.name()
        if bucket not in o.buckets:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
        if self.command == "PUT":
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            body = self.rfile.read(length if cut is None else min(cut, length))
            if cut is not None:
                self.close_connection = True
                return
            if hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
                raise Refused(400, "XAmzContentSHA256Mismatch",
                              "The provided 'x-amz-content-sha256' header does not match what was computed.")
            o.buckets[bucket][key] = (body, self.headers.get("x-amz-meta-sha256"))
            self.answer(200, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})
            return
        if self.headers["x-amz-content-sha256"] != EMPTY:
            raise Refused(400, "XAmzContentSHA256Mismatch", "a request without a body")
        if key not in o.buckets[bucket]:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        body, digest = o.buckets[bucket][key]
        headers = {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Accept-Ranges": "bytes"}
        if digest:
            headers["x-amz-meta-sha256"] = digest
        m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if m and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
            first = int(m.group(1))
            if first >= len(body):
                raise Refused(416, "InvalidRange", "The requested range is not satisfiable",
                              f"<ActualObjectSize>{len(body)}</ActualObjectSize>")
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            self.answer(206, headers, body[first:], cut)
        else:
            self.answer(200, headers, body, cut)

    do_GET = do_HEAD = do_PUT = serve


class Oracle:
    """with Oracle() as o: o.url, o.buckets, o.requests, o.faults.

    faults: [(method, N or Refused)]: for the next request of that method, cut the connection after N bytes of
    the body, or answer so."""

    def __init__(self, buckets=("slugs",)):
        self.buckets = {b: {} for b in buckets}
        self.requests, self.faults = [], []
        self.secrets = {ACCESS: SECRET}

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.oracle = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
