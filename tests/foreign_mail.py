#!/usr/bin/env python3
"""foreign_mail.py - mail that foreign programs pass on, made and compared; tests/*_test.sh call it.

  foreign_mail.py submit HOST:PORT DOMAIN COUNT [EXTRA...]   messages 0 to COUNT - 1, three recipients
                            each (a-N, b-N, c-N), and every tenth has EXTRA-N besides, several sessions
  foreign_mail.py compare ENDING COUNT DIRECTORY   DIRECTORY/RECIPIENT/new/* are exactly what was
                            submitted, byte for byte from X-Number on; lines end in lf or crlf
  foreign_mail.py unpack FILE... DIRECTORY         from what smtp-sink stored to such a directory
  foreign_mail.py store HOST PORT DIRECTORY        aiosmtpd, storing to such a directory; it refuses
                            gone-* and ends with a line of counts in DIRECTORY/../counts
  foreign_mail.py talk HOST:PORT DOMAIN [submission]   to `fakeisp --try`, or to `mta` with one behind
                            it: each reply is the one that it has to be
  foreign_mail.py encrypt HOST:PORT DOMAIN CAFILE NAME   STARTTLS, and commands put in before it
"""
import hashlib
import os
import re
import signal
import smtplib
import socket
import ssl
import sys
import threading

SESSIONS = 4
LONG_FROM = 300  # lines of these messages are far longer than RFC 5321 4.5.3.1.6 allows


def body(number):
    """Content that something on the way might be tempted to touch."""
    if number >= LONG_FROM:
        return "x" * 100000 + "\r\n." + "y" * 50000 + "\r\n.\r\n"
    return (
        "plain\r\nwords\r\n",
        ".\r\n..\r\n.x\r\n. \r\n...\r\n",
        "x" * 998 + "\r\n" + "." + "y" * 997 + "\r\n",
        "bl\u00e4ttern \u2026 \U0001f4e8\r\n",
        "",
        "\r\n\r\n\r\n",
        "".join(f"line {i} of a longer text, {'.' * (i % 5)}\r\n" for i in range(3000)),
        "\tspaces at the end   \r\n \r\n\t\r\nFrom here on\r\n>From there\r\n",
        "no header: but it looks so\r\n folded\r\nQUIT\r\nRSET\r\n",
    )[number % 9]


def content(number):
    return (f"X-Number: {number}\r\nFrom: <s@us.test>\r\nTo: <a-{number}@them.test>\r\n"
            f"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@us.test>\r\n"
            f"Subject: folded\r\n\t and on\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            + body(number)).encode()


def submit(where, domain, count, extra):
    address, port = where.split(":")
    failed = []

    def session(first):
        try:
            with smtplib.SMTP(address, int(port), timeout=60, local_hostname="us.test") as client:
                for number in range(first, count, SESSIONS):
                    rcpts = ["a", "b", "c"] + (extra if number % 10 == 0 else [])
                    client.sendmail("s@us.test", [f"{rcpt}-{number}@{domain}" for rcpt in rcpts],
                                    content(number), mail_options=["BODY=8BITMIME"])
        except (smtplib.SMTPException, OSError) as error:
            failed.append(error)

    threads = [threading.Thread(target=session, args=(first,)) for first in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def compare(ending, count, directory):
    digest = {number: hashlib.sha256(
        content(number).replace(b"\r\n", b"\n") if ending == "lf" else content(number)).digest()
        for number in range(count)}
    failed = []
    for number in range(count):
        for rcpt in "abc":
            new = os.path.join(directory, f"{rcpt}-{number}", "new")
            files = os.listdir(new) if os.path.isdir(new) else []
            if len(files) != 1:
                failed.append(f"{rcpt}-{number} has {len(files)} messages")
                continue
            with open(os.path.join(new, files[0]), "rb") as file:
                stored = file.read()
            if hashlib.sha256(stored[stored.find(b"X-Number:"):]).digest() != digest[number]:
                failed.append(f"{rcpt}-{number} has other content: "
                              f"{stored[-60:]!r} is not {content(number)[-60:]!r}")
    others = len(os.listdir(directory)) - 3 * count
    return failed + ([f"{others} more recipients have mail"] if others > 0 else [])


def deliver(directory, local, name, stored):
    new = os.path.join(directory, local, "new")
    os.makedirs(new, exist_ok=True)
    with open(os.path.join(new, str(name)), "wb") as file:
        file.write(stored)


def unpack(filenames, directory):
    for name, filename in enumerate(filenames):
        with open(filename, "rb") as file:
            stored = file.read().removesuffix(b"\n")  # an empty line ends each of its files
        head = stored[:stored.find(b"X-Number:")].decode("latin-1")
        for local in re.findall(r"^X-Rcpt-Args: <([^@>]*)@", head, re.M):
            deliver(directory, local, name, stored)
    return []


def store(address, port, directory):
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP

    counts = {"sessions": 0, "messages": 0, "quits": 0}

    class Handler:
        async def handle_EHLO(self, server, session, envelope, hostname, responses):
            counts["sessions"] += 1
            session.host_name = hostname
            return responses

        async def handle_RCPT(self, server, session, envelope, rcpt, options):
            if rcpt.startswith("gone-"):
                return "550-5.1.1 This user is not here,\r\n550 5.1.1 and never was"
            envelope.rcpt_tos.append(rcpt)
            return "250 2.1.5 Ok"

        async def handle_DATA(self, server, session, envelope):
            counts["messages"] += 1
            for rcpt in envelope.rcpt_tos:
                deliver(directory, rcpt.split("@")[0], counts["messages"], envelope.content)
            return "250-2.0.0 Stored,\r\n250 2.0.0 all of it"

        async def handle_QUIT(self, server, session, envelope):
            counts["quits"] += 1
            return "221 2.0.0 Bye"

    class Stored(Controller):
        def factory(self):
            return SMTP(self.handler, hostname="mx.aiosmtpd.test", decode_data=False)

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # for the thread as well
    controller = Stored(Handler(), hostname=address, port=int(port))
    controller.start()
    signal.sigtimedwait([signal.SIGTERM], 600)
    controller.stop()
    with open(os.path.join(directory, "..", "counts"), "w") as file:
        print(*(f"{key} {value}" for key, value in counts.items()), file=file)
    return []


class Talk:
    """What a well-read client does, and what a rude one does. Notes every answer that is wrong."""

    def __init__(self, where, domain, is_submission):
        address, port = where.split(":")
        self.address, self.port, self.domain = address, int(port), domain
        self.is_submission = is_submission
        self.failed = []

    def expect(self, what, seen, wanted):
        if seen != wanted:
            self.failed.append(f"{what}: {seen!r}, not {wanted!r}")

    def address_of(self, local):
        return f"{local}@{self.domain}"

    def send(self, client, locals_, text=b"Subject: t\r\n\r\ntext\r\n", options=()):
        """The codes of those who were refused, or the code of the refused content."""
        try:
            refused = client.sendmail("s@us.test", [self.address_of(one) for one in locals_], text,
                                      mail_options=options)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPDataError as error:
            return error.smtp_code
        return {rcpt.split("@")[0]: code for rcpt, (code, _) in refused.items()}

    def library(self):
        refusing = not self.is_submission  # mta takes everything first
        with smtplib.SMTP(self.address, self.port, timeout=60, local_hostname="us.test") as client:
            client.ehlo()
            for extension in ("pipelining", "size", "8bitmime", "enhancedstatuscodes"):
                self.expect(extension, client.has_extn(extension), True)
            many = [f"many-{number}" for number in range(100)]
            self.expect("100 recipients", self.send(client, many), {})
            self.expect("two of three refused", self.send(client, ["kim", "550_5.1.1", "452_4.2.2"]),
                        {"550_5.1.1": 550, "452_4.2.2": 452} if refusing else {})
            self.expect("all refused", self.send(client, ["550_5.1.1"]),
                        {"550_5.1.1": 550} if refusing else {})
            self.expect("DATA", self.send(client, ["data_554_5.7.1"]), 554 if refusing else {})
            self.expect("final dot", self.send(client, ["dot_451_4.3.0"]), 451 if refusing else {})
            self.expect("8 bits", self.send(client, ["kim"], content(3), ["BODY=8BITMIME"]), {})
            for command, code in (("DATA", 503), ("RCPT TO:<kim@%s>" % self.domain, 503),
                                  ("MAIL FROM:s@us.test>", 501), ("NONSENSE", 500), ("NOOP", 250),
                                  ("VRFY kim", 252), ("RSET", 250), ("NOOP " + "x" * 4000, 500),
                                  ("MAIL FROM:<s@us.test> SIZE=99999999999", 552), ("NOOP", 250)):
                self.expect(command[:40], client.docmd(command)[0], code)

    def codes(self, answers, count):
        """Of so many replies, each of one or more lines."""
        seen = []
        while len(seen) < count:
            line = answers.readline()
            if line[3:4] != b"-":
                seen.append(int(line[:3] or b"0"))
        return seen

    def pipeline(self):
        refused = 250 if self.is_submission else 550
        with socket.create_connection((self.address, self.port), timeout=60) as client:
            answers = client.makefile("rb")
            client.sendall(b"EHLO us.test\r\n")
            self.expect("EHLO", self.codes(answers, 2), [220, 250])
            client.sendall(self.envelope("piped", "550_5.1.1"))
            self.expect("an envelope at once", self.codes(answers, 4), [250, 250, refused, 354])
            batch = b"".join(b"Subject: t\r\n\r\n..\r\n.\r\n" + self.envelope(f"batch-{number}")
                             for number in range(50))
            client.sendall(batch + b"X: y\r\n\r\nQUIT\r\n.\r\nQUIT\r\n")
            self.expect("50 messages at once", self.codes(answers, 202),
                        [250, 250, 250, 354] * 50 + [250, 221])
            self.expect("and then", answers.readline(), b"")

    def envelope(self, *locals_):
        rcpts = "".join(f"RCPT TO:<{self.address_of(one)}>\r\n" for one in locals_)
        return f"MAIL FROM:<s@us.test>\r\n{rcpts}DATA\r\n".encode()

    def smuggle(self):
        """Only CR LF dot CR LF ends content; what looks like another message in it never is one."""
        refusal = 554 if self.is_submission else 550
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n"):
            with socket.create_connection((self.address, self.port), timeout=60) as client:
                answers = client.makefile("rb")
                client.sendall(b"EHLO us.test\r\n" + self.envelope("smuggler"))
                self.expect("before", self.codes(answers, 5), [220, 250, 250, 250, 354])
                client.sendall(b"one" + end + self.envelope("smuggled") + b"two\r\n.\r\nQUIT\r\n")
                seen = self.codes(answers, 2)
                self.expect(f"{end!r} in content", seen, [refusal, 221])

    def encrypt(self, authorities, name):
        """RFC 3207 4: the session begins anew, and what came behind STARTTLS never happened."""
        context = ssl.create_default_context(cafile=authorities)
        with smtplib.SMTP(self.address, self.port, timeout=60, local_hostname="us.test") as client:
            client._host = name  # whom the certificate has to be for
            client.ehlo()
            self.expect("offered", client.has_extn("starttls"), True)
            self.expect("STARTTLS", client.starttls(context=context)[0], 220)
            client.ehlo()
            self.expect("offered again", client.has_extn("starttls"), False)
            self.expect("STARTTLS again", client.docmd("STARTTLS")[0], 503)
            self.expect("encrypted", self.send(client, ["safe"]), {})
        with socket.create_connection((self.address, self.port), timeout=60) as client:
            answers = client.makefile("rb")
            client.sendall(b"EHLO us.test\r\n")
            self.expect("EHLO", self.codes(answers, 2), [220, 250])
            client.sendall(b"STARTTLS\r\n" + self.envelope("injected"))
            line = answers.readline()
            if line.startswith(b"220"):  # then the plain text must be gone, or be no TLS
                try:
                    with context.wrap_socket(client, server_hostname=name) as safe:
                        safe.sendall(b"NOOP\r\nQUIT\r\n")
                        seen = safe.makefile("rb").read()
                        self.expect("after an injection", [one[:3] for one in seen.splitlines()],
                                    [b"250", b"221"])
                except (ssl.SSLError, ConnectionError):
                    pass
            elif line[:1] not in (b"", b"4", b"5"):
                self.failed.append(f"to an injection it says {line!r}")
        return self.failed

    def all(self):
        self.library()
        self.pipeline()
        self.smuggle()
        return self.failed


def main():
    command, words = sys.argv[1], sys.argv[2:]
    if command == "submit":
        failed = submit(words[0], words[1], int(words[2]), words[3:])
    elif command == "compare":
        failed = compare(words[0], int(words[1]), words[2])
    elif command == "unpack":
        failed = unpack(words[:-1], words[-1])
    elif command == "store":
        failed = store(*words)
    elif command == "talk":
        failed = Talk(words[0], words[1], "submission" in words).all()
    elif command == "encrypt":
        failed = Talk(words[0], words[1], False).encrypt(words[2], words[3])
    else:
        sys.exit(__doc__)
    for one in failed[:10]:
        print(one)
    sys.exit(1 if failed else 0)


main()
