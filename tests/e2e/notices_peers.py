"""A mail server and a webhook receiver for notices_fake: DIR.  Writes their ports to DIR/ports and what
came to DIR/got, a line each: "hook PATH STATUS good|bad DELIVERY", "mail ID RECEIVER SUBJECT", "login LOGIN".
To /desk the first two hooks fail, /slow takes them and says nothing.  DIR/mail says what the mail server
does: hang, or take mails after a login.  The check of a signature is what docs/operations.md shows."""
import asyncio, base64, email, hashlib, hmac, json, sys, time

folder = sys.argv[1]
secret = open(folder + "/ctl/hooks/desk.secret", "rb").read().rstrip(b"\r\n")
got = open(folder + "/got", "a", buffering=1)
failures = 2


def verify(headers, body):
    at = headers["x-bianyun-timestamp"]
    if abs(time.time() - int(at)) > 300:
        return False
    mac = hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest("sha256=" + mac, headers["x-bianyun-signature"])


async def hook(reader, writer):
    global failures
    path = (await reader.readline()).split()[1].decode()
    headers = {}
    while line := (await reader.readline()).decode().strip():
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers["content-length"]))
    good = verify(headers, body) and json.loads(body)["delivery"] == headers["x-bianyun-delivery"]
    if path == "/slow":
        print("hook /slow", file=got)
        await reader.read()
        writer.close()
        return
    status = 500 if failures > 0 else 200
    failures -= 1
    writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
    await writer.drain()
    writer.close()
    print("hook", path, status, "good" if good else "bad", headers["x-bianyun-delivery"], file=got)


async def mail(reader, writer):
    if open(folder + "/mail").read() == "hang\n":
        await reader.read()
        writer.close()
        return

    async def say(text):
        writer.write(text.encode() + b"\r\n")
        await writer.drain()

    await say("220 mail.example.com")
    receiver = ""
    while line := (await reader.readline()).decode().strip():
        word = line.upper()
        if word.startswith("EHLO"):
            await say("250-mail.example.com\r\n250 AUTH PLAIN")
        elif word.startswith("AUTH PLAIN"):
            text = line[10:].strip()
            if not text:
                await say("334 ")
                text = (await reader.readline()).decode().strip()
            print("login", base64.b64decode(text).split(b"\0")[1].decode(), file=got)
            await say("235 yes")
        elif word.startswith("RCPT"):
            receiver = line.split("<")[1].split(">")[0]
            await say("250 yes")
        elif word == "DATA":
            await say("354 go on")
            raw = b""
            while (part := await reader.readline()) != b".\r\n":
                raw += part
            m = email.message_from_bytes(raw, policy=email.policy.default)
            print("mail", m["Message-ID"], receiver, m["Subject"], file=got)
            print("body", m.get_content().replace("\n", "|").replace("\r", ""), file=got)
            await say("250 taken")
        elif word == "QUIT":
            await say("221 bye")
            break
        else:
            await say("250 yes")
    writer.close()


async def main():
    servers = [await asyncio.start_server(f, "127.0.0.1", 0) for f in (mail, hook)]
    with open(folder + "/ports", "w") as f:
        print(*(s.sockets[0].getsockname()[1] for s in servers), file=f)
    await asyncio.gather(*(s.serve_forever() for s in servers))


import email.policy

asyncio.run(main())
