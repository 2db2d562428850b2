#!/usr/bin/env python3
"""mta_peer.py - whom `mta` deals with in tests: a provider with its name server, and a sender.

  mta_peer.py serve DIRECTORY [COUNT]   until it is told to end; writes DIRECTORY/ports (SMTP, DNS),
                                     and a line to DIRECTORY/taken per recipient it said 250 to; with
                                     a COUNT, says its first word once so many sessions are open
  mta_peer.py submit PORT FIRST COUNT FILE   as many messages, one connection; their numbers go to
                                     FILE once they have their 250; ends quietly when it is cut off
  mta_peer.py fill PORT MESSAGES RCPTS   messages to so many recipients each
  mta_peer.py ports COUNT            ports that are free now
  mta_peer.py hold PORT COUNT        so many sessions at once; says how many answered
  mta_peer.py get PORT PATH          a page over HTTP, its status first

The local part of a recipient says what becomes of it: gone-* is refused, later-* deferred at the
first try, never-* at every try, all others are taken. Nothing here is a parser of mail."""
import asyncio
import http.client
import os
import resource
import smtplib
import socket
import struct
import sys

HOST = "127.0.0.11"


class Provider:
    def __init__(self, directory, wanted):
        self.wanted, self.open, self.all_open = wanted, 0, asyncio.Event()
        self.taken = open(os.path.join(directory, "taken"), "a", buffering=1)
        self.seen = set()

    def answer_rcpt(self, address):
        local = address.split("@")[0]
        first = address not in self.seen
        self.seen.add(address)
        if local.startswith("gone-"):
            return b"550 5.1.1 no such user\r\n"
        if local.startswith("never-") or (local.startswith("later-") and first):
            return b"451 4.7.1 greylisted\r\n"
        return b"250 ok\r\n"

    async def content(self, reader):
        number = "?"
        while True:
            line = await reader.readline()
            if line == b".\r\n":
                return number
            if not line:
                return None
            if line.startswith(b"X-Number: "):
                number = line.split()[1].decode()

    async def session(self, reader, writer):
        try:
            await self.dialogue(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever was killed hangs up in the middle
        writer.close()

    async def dialogue(self, reader, writer):
        self.open += 1
        if self.open >= self.wanted:
            self.all_open.set()
        await self.all_open.wait()
        writer.write(b"220 provider ESMTP\r\n")
        rcpts = []
        while True:
            await writer.drain()
            line = (await reader.readline()).decode("latin-1").strip()
            verb = line[:4].upper()
            if verb == "EHLO":
                writer.write(b"250-provider\r\n250 PIPELINING\r\n")
            elif verb == "RCPT":
                address = line[line.index("<") + 1:line.index(">")]
                reply = self.answer_rcpt(address)
                if reply.startswith(b"250"):
                    rcpts.append(address)
                writer.write(reply)
            elif verb == "DATA" and rcpts:
                writer.write(b"354 go on\r\n")
                await writer.drain()
                number = await self.content(reader)
                if number is None:
                    break
                for address in rcpts:
                    self.taken.write(f"{number} {address}\n")
                rcpts = []
                writer.write(b"250 taken\r\n")
            elif verb == "DATA":
                writer.write(b"554 nobody to send it to\r\n")
            elif verb in ("MAIL", "RSET", "NOOP"):
                rcpts = []
                writer.write(b"250 ok\r\n")
            else:
                writer.write(b"221 bye\r\n")
                break


class Names(asyncio.DatagramProtocol):
    """Every name has one MX, mx.NAME, and every name has the address of HOST."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        end = data.index(b"\0", 12) + 1
        question = data[12:end + 4]
        (kind,) = struct.unpack("!H", data[end:end + 2])
        rdata = {15: struct.pack("!H", 10) + b"\x02mx\xc0\x0c", 1: socket.inet_aton(HOST)}.get(kind)
        answer = b""
        if rdata is not None:
            answer = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(rdata)) + rdata
        head = data[:2] + struct.pack("!HHHHH", 0x8580, 1, 1 if rdata else 0, 0, 0)
        self.transport.sendto(head + question + answer, peer)


async def serve(directory, wanted):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    provider = Provider(directory, wanted)
    server = await asyncio.start_server(provider.session, HOST, 0, backlog=4096)
    loop = asyncio.get_running_loop()
    names, _ = await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    ports = [server.sockets[0].getsockname()[1], names.get_extra_info("sockname")[1]]
    with open(os.path.join(directory, "ports.new"), "w") as file:
        file.write("%d %d\n" % tuple(ports))
    os.rename(os.path.join(directory, "ports.new"), os.path.join(directory, "ports"))
    await server.serve_forever()


def submit(port, first, count, filename):
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client, open(filename, "a") as file:
            for number in range(first, first + count):
                text = f"Subject: test\r\nX-Number: {number}\r\n\r\nhello {number}\r\n"
                client.sendmail("b+1@us.test", [f"u{number}@isp{number % 7}.test"], text)
                file.write(f"{number}\n")
                file.flush()
    except (smtplib.SMTPException, OSError):
        pass


def fill(port, messages, rcpts):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        answers = client.makefile("rb")
        answers.readline()
        client.sendall(b"HELO fill\r\n")
        answers.readline()
        for message in range(messages):
            client.sendall(b"MAIL FROM:<b+1@us.test>\r\n" + b"".join(
                b"RCPT TO:<m%d-%d@isp.test>\r\n" % (message, i) for i in range(rcpts)) +
                b"DATA\r\n")
            for _ in range(rcpts + 2):
                answers.readline()
            client.sendall(b"X-Number: 1\r\n\r\nhello\r\n.\r\n")
            if not answers.readline().startswith(b"250"):
                sys.exit(1)


async def hold(port, count):
    """All are open before the first one leaves."""

    async def one(started, all_open):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        good = (await reader.readline()).startswith(b"220")
        writer.write(b"NOOP\r\n")
        good = good and (await reader.readline()).startswith(b"250")
        started.append(good)
        if len(started) == count:
            all_open.set()
        await all_open.wait()
        writer.write(b"NOOP\r\nQUIT\r\n")
        good = good and (await reader.readline()).startswith(b"250")
        writer.close()
        return good

    started, all_open = [], asyncio.Event()
    done = await asyncio.wait_for(
        asyncio.gather(*(one(started, all_open) for _ in range(count))), 120)
    print(sum(done))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    print(*(one.getsockname()[1] for one in sockets))


def get(port, path):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("GET", path)
    answer = client.getresponse()
    print(answer.status)
    print(answer.read().decode(), end="")


def main():
    command, words = sys.argv[1], sys.argv[2:]
    if command == "serve":
        asyncio.run(serve(words[0], int(words[1]) if len(words) > 1 else 0))
    elif command == "fill":
        fill(*map(int, words))
    elif command == "submit":
        submit(int(words[0]), int(words[1]), int(words[2]), words[3])
    elif command == "ports":
        free_ports(int(words[0]))
    elif command == "hold":
        asyncio.run(hold(int(words[0]), int(words[1])))
    elif command == "get":
        get(int(words[0]), words[1])


main()
