"""What mail servers and webhook receivers can do to a letter, a row each: post-try sends one letter to a
server that the row plays, and the row says how it must go, what may have left the house, how long and
how much memory it may take.  $1: folder with the programs."""
import base64, concurrent.futures, email, email.policy, hashlib, hmac, os, shutil, socket, ssl, subprocess, sys
import tempfile, threading, time

TRY = os.path.abspath(sys.argv[1]) + "/post-try"
T = tempfile.mkdtemp(prefix="bianyun-rows.", dir=os.environ.get("TMPDIR"))
PASSWORD, SECRET, SHORT = "word of the mail server", b"0123456789abcdef", 400
ID = "11111111-2222-4333-8444-555555555555"


def path(name):
    return os.path.join(T, name)


def put(name, data, mode=0o600):
    with open(path(name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path(name), mode)
    return path(name)


# ---- certificates --------------------------------------------------------------------------------------
def openssl(*args):
    subprocess.run(("openssl",) + args, cwd=T, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem")


def leaf(name, by, names, days):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
            "-keyout", name + ".key", "-out", name + ".csr")
    put(name + ".ext", "subjectAltName=" + names)
    openssl("x509", "-req", "-in", name + ".csr", "-CA", by + ".pem", "-CAkey", by + ".key", "-days", str(days),
            "-extfile", name + ".ext", "-out", name + ".pem")


def tls(name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(path(name + ".pem"), path(name + ".key"))
    return c


HERE = "IP:127.0.0.1,DNS:localhost"
ca("ours")
ca("theirs")
CERTIFICATES = {"good": ("ours", HERE, 2), "wrong-name": ("ours", "DNS:other.example.com", 2),
                "unknown-ca": ("theirs", HERE, 2), "expired": ("ours", HERE, -1)}
for n, a in CERTIFICATES.items():
    leaf(n, *a)
BAD = [n for n in CERTIFICATES if n != "good"]


# ---- a server for one row ------------------------------------------------------------------------------
class Server:
    """Plays serve(self, connection) to whoever connects; keeps what it heard."""

    def __init__(self, serve, cert=None):
        self.serve, self.tls, self.heard, self.connected, self.sent = serve, cert and tls(cert), [], 0, 0
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.connected += 1
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        try:
            if self.tls:
                c = self.tls.wrap_socket(c, server_side=True)
            self.serve(self, c)
        except (OSError, ValueError, IndexError):  # it went away
            pass
        finally:
            c.close()

    def hang(self):
        self.over.wait(30)

    def drip(self, c, text):
        for i in range(len(text)):
            c.sendall(text[i : i + 1])
            if self.over.wait(1):
                return

    def flood(self, c, piece, most=60 << 20):
        while self.sent < most:
            c.sendall(piece)
            self.sent += len(piece)

    def close(self):
        self.over.set()
        self.listener.close()


# ---- mail ----------------------------------------------------------------------------------------------
def smtp(offers=("STARTTLS",), cert="good", implicit=False, **says):
    """A mail server.  says: STAGE=answer, a callable, or None to hang there."""

    def serve(s, c):
        f = c.makefile("rb")
        clear = not implicit

        def say(stage, usual):
            what = says.get(stage, usual)
            if what is None:
                s.hang()
            elif callable(what):
                what(s, c)
            else:
                c.sendall(what.encode() + b"\r\n")

        say("greeting", "220 mail.example.com")
        while line := f.readline():
            word = line.decode().strip()
            s.heard.append(("clear " if clear else "") + word)
            word = word.upper()
            if word.startswith("EHLO"):
                mine = [o for o in offers if clear or o != "STARTTLS"]
                say("ehlo", "\r\n".join(["250-mail.example.com"] + ["250-" + o for o in mine] + ["250 8BITMIME"]))
            elif word == "STARTTLS":
                say("starttls", "220 go on")
                if "starttls" in says:
                    continue
                c = tls(cert).wrap_socket(c, server_side=True)
                f, clear = c.makefile("rb"), False
            elif word.startswith("AUTH"):
                c.sendall(b"334 \r\n")
                s.login = f.readline()
                say("auth", "235 yes")
            elif word.startswith("MAIL"):
                say("sender", "250 yes")
            elif word.startswith("RCPT"):
                say("receiver", "250 yes")
            elif word == "DATA":
                say("data", "354 go on")
                raw = b""
                while (part := f.readline()) not in (b".\r\n", b""):
                    raw += part
                s.mail = raw
                say("taken", "250 2.0.0 queued as 4F3A")
            elif word == "QUIT":
                say("quit", "221 bye")
                return

    return Server(serve, cert if implicit else None)


put("subject", "办件")
put("body", "有办件待您办理：2026-000001\r\n")
put("login", "cloud\n" + PASSWORD + "\n")
put("login-open", "cloud\n" + PASSWORD + "\n", 0o644)
put("secret", SECRET)
put("hook", '{"delivery":"%s"}' % ID)


def attempt(kind, **keys):
    args = [TRY, kind, "id=" + ID, "at=%d" % (time.time() * 1000), "ca=" + path("ours.pem")]
    args += ["%s=%s" % kv for kv in {"timeout": 60000, **keys}.items()]  # what is to arrive has a minute
    env = dict(os.environ, HOME=T, all_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1")
    p = subprocess.run(args, capture_output=True, text=True, env=env, timeout=120)
    assert p.returncode == 0, p.stderr
    assert PASSWORD not in p.stdout + p.stderr, "the password is told"
    word, ms, rss, said = p.stdout.rstrip("\n").split(" ", 3)
    return word, int(ms), int(rss), said


def mail(s, want, scheme="smtp", says="", most_ms=60000, **keys):
    keys = {"from": "cloud@example.com", "to": "p@example.com", "subject": path("subject"), "body": path("body"), **keys}
    word, ms, rss, said = attempt("mail", server="%s://127.0.0.1:%d" % (scheme, s.port), **keys)
    s.close()
    assert word == want, "%s (%s) instead of %s" % (word, said, want)
    assert says in said, "it says: " + said
    assert ms < most_ms, "%d ms" % ms
    assert rss < 40 << 10, "%d KiB" % rss
    assert s.sent < 16 << 20, "it was listened to for %d bytes" % s.sent
    return s


def unheard(s, *words):
    for w in words:
        assert not any(w in h.upper() for h in s.heard), "left the house: %s" % s.heard


def no_letter(s):
    unheard(s, "MAIL", "RCPT", "AUTH", "DATA")


ROWS = []


def row(sentence, *args):
    def keep(f):
        ROWS.append((sentence % args if args else sentence, lambda: f(*args)))
        return f

    return keep


row("smtps: a good certificate")(lambda: mail(smtp(implicit=True), "ok", "smtps", "queued as 4F3A"))
row("STARTTLS: a good certificate")(lambda: mail(smtp(), "ok", says="250 2.0.0 queued as 4F3A"))
for n in BAD:
    row("smtps: %s", n)(lambda n: no_letter(mail(smtp(cert=n, implicit=True), "io", "smtps", "SSL")))
    row("STARTTLS: %s", n)(lambda n: no_letter(mail(smtp(cert=n), "io", says="SSL")))
row("no STARTTLS is no reason for clear text")(
    lambda: no_letter(mail(smtp(offers=("AUTH PLAIN",)), "io", login=path("login"))))
row("nor is one that is refused")(lambda: no_letter(mail(smtp(starttls="454 not now"), "io")))
row("what comes in clear text after STARTTLS is not believed")(
    lambda: no_letter(mail(smtp(starttls="220 go on\r\n250 yes\r\n250 yes"), "io")))
row("clear text to a server on this machine, when told so")(
    lambda: mail(smtp(offers=()), "ok", plain="yes"))


@row("clear text to no other one")
def _():
    word, _, _, said = attempt("mail", server="smtp://mail.example.com", plain="yes")
    assert word == "invalid" and "this machine" in said, said


@row("login and password go over TLS only")
def _():
    s = mail(smtp(offers=("STARTTLS", "AUTH PLAIN")), "ok", login=path("login"))
    auth = [h for h in s.heard if "AUTH" in h]
    assert auth == ["AUTH PLAIN"] and s.login == base64.b64encode(b"\0cloud\0" + PASSWORD.encode()) + b"\r\n", s.heard


@row("a wrong password")
def _():
    s = mail(smtp(offers=("STARTTLS", "AUTH PLAIN"), auth="535 no: " + PASSWORD), "io", login=path("login"))
    unheard(s, "MAIL")


row("a login that others can read")(
    lambda: mail(smtp(), "denied", says="0600", login=path("login-open")))
row("a receiver that is refused")(lambda: mail(smtp(receiver="550 nobody"), "invalid", says="550"))
row("a receiver that is put off")(lambda: mail(smtp(receiver="450 later"), "busy", says="450"))
row("a mail that is refused")(lambda: mail(smtp(taken="554 no"), "invalid", says="554"))
row("a server that is closing")(lambda: no_letter(mail(smtp(greeting="421 closing"), "io")))
for stage in ("greeting", "ehlo", "starttls", "sender", "receiver", "data", "taken"):
    row("a mail server that hangs at %s", stage)(
        lambda stage: mail(smtp(**{stage: None}), "timeout", timeout=SHORT))
row("one that has taken the mail and hangs after it")(lambda: mail(smtp(quit=None), "ok", timeout=SHORT))
row("a byte a second")(
    lambda: mail(smtp(greeting=lambda s, c: s.drip(c, b"220 mail.example.com\r\n")), "timeout", timeout=SHORT))
row("a greeting without end")(
    lambda: mail(smtp(greeting=lambda s, c: s.flood(c, b"220-mail.example.com\r\n" * 64)), "io", says="more than"))
row("a server that closes early")(lambda: mail(smtp(data=lambda s, c: c.shutdown(socket.SHUT_RDWR)), "io"))


@row("nobody at the port")
def _():
    s, taken = smtp(), socket.socket()
    taken.bind(("127.0.0.1", 0))  # and does not listen
    s.port = taken.getsockname()[1]
    mail(s, "io")


def letter(subject, body):
    n = hashlib.sha256((subject + body).encode()).hexdigest()[:8]
    s = mail(smtp(), "ok", subject=put("s" + n, subject), body=put("b" + n, body))
    assert all(len(line) <= 78 for line in s.mail.split(b"\r\n")), "long lines"
    assert b"\n" not in s.mail.replace(b"\r\n", b"") and b"\r" not in s.mail.replace(b"\r\n", b""), "bare line ends"
    m = email.message_from_bytes(s.mail, policy=email.policy.default)
    assert not m.defects and not any(h.defects for h in m.values()), [h.defects for h in m.values()]
    assert m.keys() == ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version",
                        "Content-Type", "Content-Transfer-Encoding"], m.keys()
    assert m["Message-ID"] == "<%s@example.com>" % ID and m["To"] == "p@example.com", m["To"]
    assert m.get_content().replace("\r\n", "\n") == body.replace("\r\n", "\n"), m.get_content()
    return m["Subject"]


for text in ("办件", "有办件待您办理", "a", "市大数据局关于市卫健委二期扩容的批复𠮷" * 9, "é" * 200, "x" * 500, "=?UTF-8?B?eA==?="):
    row("a subject comes as it is: %.12s", text)(
        lambda text: (lambda got: got == text or (_ for _ in ()).throw(AssertionError(got)))(letter(text, "x\r\n")))


@row("line ends in a subject add no header")
def _():
    got = letter("A\r\nBcc: all@example.com\r\n\r\nbody", "x\r\n")
    assert got.split() == "A Bcc: all@example.com body".split(), got


row("a body of long lines, dots and Chinese")(
    lambda: letter("x", "." + "办" * 3000 + "\r\n.\r\n..\r\n\r\nQUIT\r\nSubject: y\r\n"))


# ---- webhooks ------------------------------------------------------------------------------------------
def http(answer, cert="good"):
    def serve(s, c):
        f = c.makefile("rb")
        head, s.head = [], {}
        while line := f.readline().strip():
            head.append(line)
        s.heard.append(head[0].decode())
        s.head = {k.lower(): v.strip() for k, v in (h.decode().split(":", 1) for h in head[1:])}
        s.body = f.read(int(s.head["content-length"]))
        if callable(answer):
            answer(s, c)
        else:
            c.sendall(answer)

    return Server(serve, cert)


def hook(s, want, says="", most_ms=60000, to=None, **keys):
    to = to or "https://127.0.0.1:%d/desk" % s.port
    word, ms, rss, said = attempt("hook", to=to, body=path("hook"), secret=path("secret"), **keys)
    s.close()
    assert word == want, "%s (%s) instead of %s" % (word, said, want)
    assert says in said, "it says: " + said
    assert ms < most_ms, "%d ms" % ms
    assert rss < 40 << 10, "%d KiB" % rss
    assert s.sent < 16 << 20, "it was listened to for %d bytes" % s.sent
    return s


def nothing(s):
    assert s.heard == [], s.heard


def status(n, more=b""):
    return b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n%s\r\n" % (n, more)


LONG = b"HTTP/1.1 200 x\r\nContent-Length: 62914560\r\n\r\n"


@row("https: a good certificate, and the signature holds")
def _():
    put(".netrc", "machine 127.0.0.1 login x password y\n")
    s = hook(http(status(204)), "ok", "HTTP 204")
    at = s.head["x-bianyun-timestamp"].encode()
    mac = hmac.new(SECRET, at + b"." + s.body, hashlib.sha256).hexdigest()
    assert s.head["x-bianyun-signature"] == "sha256=" + mac and s.head["x-bianyun-delivery"] == ID, s.head
    assert "authorization" not in s.head, s.head


for n in BAD:
    row("https: %s", n)(lambda n: nothing(hook(http(status(200), n), "io", "SSL")))
row("http to this machine")(lambda: (lambda s: hook(s, "ok", to="http://localhost:%d/" % s.port))(http(status(200), None)))


@row("a redirect is not followed")
def _():
    other = http(status(200))
    for n in (301, 302, 303, 307, 308):
        where = b"Location: https://127.0.0.1:%d/\r\n" % other.port
        hook(http(status(n, where)), "invalid", "redirects are not followed")
    other.close()
    assert other.connected == 0, "it was followed"


for n, want in ((200, "ok"), (202, "ok"), (400, "invalid"), (404, "invalid"), (429, "io"), (500, "io"), (503, "io")):
    row("a receiver that answers %d", n)(lambda n, want=want: hook(http(status(n)), want, str(n)))
# These would reach this machine: what else is refused is a table of tests/unit/test_notices.c.
for name, to in (("no address", "https://0.0.0.0:%d/"), ("none of IPv6", "https://[::]:%d/"),
                 ("a mapped one", "https://[::ffff:0.0.0.0]:%d/"), ("no address without TLS", "http://0.0.0.0:%d/")):
    @row("nothing is sent to " + name)
    def _(to=to):
        s = http(status(200), None)
        hook(s, "denied", to=to % s.port)
        assert s.connected == 0
row("a receiver that hangs at connecting")(
    lambda: hook(Server(lambda s, c: s.hang()), "timeout", timeout=SHORT))
row("one that hangs before its answer")(lambda: hook(http(lambda s, c: s.hang()), "timeout", timeout=SHORT))
row("one that hangs in its head")(
    lambda: hook(http(lambda s, c: (c.sendall(b"HTTP/1.1 200 x\r\nContent-"), s.hang())), "timeout", timeout=SHORT))
row("one that hangs in its body has taken it")(
    lambda: hook(http(lambda s, c: (c.sendall(LONG), s.hang())), "ok", "HTTP 200", timeout=SHORT))
row("a byte a second to a hook")(
    lambda: hook(http(lambda s, c: s.drip(c, status(200))), "timeout", timeout=SHORT))


row("an answer of 60 MB is not read")(
    lambda: hook(http(lambda s, c: (c.sendall(LONG), s.flood(c, b"x" * 65536))), "ok", "HTTP 200"))
row("a head without end")(
    lambda: hook(http(lambda s, c: (c.sendall(b"HTTP/1.1 200 x\r\n"), s.flood(c, b"X-A: b\r\n" * 512))), "io", "more than"))
row("a line without end")(
    lambda: hook(http(lambda s, c: (c.sendall(b"HTTP/1.1 200 x\r\nX-A: "), s.flood(c, b"b" * 4096))), "io"))
row("go on, for ever")(
    lambda: hook(http(lambda s, c: s.flood(c, b"HTTP/1.1 100 go on\r\n\r\n" * 100)), "io"))
row("a receiver that closes before its answer")(lambda: hook(http(lambda s, c: None), "io"))
row("one that closes in its head")(lambda: hook(http(b"HTTP/1.1 200 x\r\nContent-"), "io"))
row("one that closes in its body has taken it")(lambda: hook(http(LONG + b"x"), "ok", "HTTP 200"))
row("an answer that is none of HTTP")(lambda: hook(http(b"yes\r\n"), "io"))


# ---- names ---------------------------------------------------------------------------------------------
# In a world of its own: loopback, and a server of names there that says nothing.
WORLD = """
import os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", "resolv.conf", "/etc/resolv.conf"], check=True)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
p = subprocess.run([sys.argv[1], "hook", "to=https://hook.example.com/", "body=hook", "secret=secret",
                    "id=x", "at=1", "timeout=%s"], capture_output=True, text=True)
print(p.stdout, end="")
""" % SHORT
if subprocess.run(["unshare", "-rmn", "true"], capture_output=True).returncode == 0:
    @row("a server of names that hangs holds nobody up")
    def _():
        put("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n", 0o644)
        p = subprocess.run(["unshare", "-rmn", "python3", "-c", WORLD, TRY], capture_output=True, text=True, cwd=T)
        word, ms, _, said = p.stdout.rstrip("\n").split(" ", 3)
        assert word == "timeout" and int(ms) < 60000, p.stdout + p.stderr
else:
    print("not run: notices and a server of names: no namespaces here")


# ---- all of them ---------------------------------------------------------------------------------------
def run(r):
    try:
        r[1]()
        return None
    except Exception as e:
        return "%s: %s" % (r[0], e if str(e) else repr(e))


start = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    bad = [b for b in pool.map(run, ROWS) if b]
shutil.rmtree(T)
for b in bad:
    print("notices_rows: FAILED:", b, file=sys.stderr)
print("notices_rows: %d rows, %d failed, %.1f s" % (len(ROWS), len(bad), time.monotonic() - start))
sys.exit(1 if bad else 0)
