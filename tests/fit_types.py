#!/usr/bin/env python3
"""fit_types.py TABLE... >mta/rules/reply_weights.tsv   weighs words, codes and stages anew

Each TABLE has either the columns provider, situation, code, enhanced, text, phase, kind, or is one of
replies whose header names the columns reply and tag. What it writes is what mta/reply_weights.h reads:
logistic regression over the words of a reply, in tenths, without what weighs next to nothing. The same
tables give the same file. Codes and stages learn slower than words, for they lie more often.
"""
import collections
import math
import random
import re
import sys
import unicodedata

GROUPS = ("throttle greylist block system user-unknown inactive mailbox-full spam virus policy auth tls "
          "syntax size relay dns").split()
STAGES = {"connect": "banner", "ehlo": "ehlo", "starttls": "starttls", "mail": "mail", "rcpt": "rcpt",
          "data": "data", "eom": "dot"}
TAGS = {"attachment": "virus", "auth_failure": "auth", "content_error": "syntax", "dns_failure": "dns",
        "domain_invalid": "dns", "greylist": "greylist", "mail_block": "policy",
        "mail_block_temp": "policy", "mailbox_full": "mailbox-full", "no_rdns": "policy",
        "no_rdns_temp": "policy", "protocol_error": "syntax", "rate_limit_perm": "throttle",
        "rate_limit_temp": "throttle", "recipient_filter": "policy", "relay_denied": "relay",
        "routing_loop": "relay", "sender_invalid": "policy", "spam_block": "block",
        "spam_content": "spam", "system_full_perm": "system", "system_full_temp": "system",
        "system_perm": "system", "system_temp": "system", "timeout": "system", "too_large": "size",
        "user_disabled": "inactive", "user_disabled_temp": "inactive", "user_moved": "inactive",
        "user_unknown": "user-unknown", "virus": "virus"}
# Their tags are wider than our groups: what these words are in is of another one.
MIXED_TAGS = {"mail_block", "sender_invalid"}
MIXED = re.compile(r"tls|encrypt|certificate|spam|dns|domain|sts|black|listed|authent", re.I)
REPLY = re.compile(r"^([45]\d\d)[ -]+(?:\1[ -]+)?(?:#?([245]\.\d{1,3}\.\d{1,3}))?\s*(.*)$", re.S)
NO_WORDS = re.compile(r"\S*@\S*|\S*://\S*|www\.\S+|\{\w+\}|\S*\d+\.\d+\.\d+\S*")
STOP = set("the a an of is are be been was has have it its this that these to in on at for and or as "
           "with we our my you t s d com net org http https www us see there if all any will can".split())
STEM = 6
EPOCHS, RATE, DECAY, CODE_RATE, CODE_DECAY = 60, 0.4, 5e-4, 0.3, 4
SCALE, LEAST = 10, 4


def words_of(text):
    text = unicodedata.normalize("NFD", NO_WORDS.sub(" ", text).lower())
    text = "".join(c for c in text if not unicodedata.combining(c))
    return [w for w in re.findall(r"[a-z0-9\u0400-\u04ff]+", text) if not w.isdigit()]


def terms_of(code, enhanced, text, stage):
    terms = {w if len(w) < STEM else w[:STEM] + "*" for w in words_of(text) if w not in STOP}
    if code:
        terms |= {"@" + code, f"@{code[0]}xx"}
    if enhanced:
        _, subject, detail = enhanced.split(".")
        terms |= {f"@x.{subject}.", f"@x.{subject}.{detail}"}
    if stage:
        terms.add("@" + stage)
    return sorted(terms)


def rows_of(filename):
    """(group, terms); what was said at a known stage counts once more without it."""
    with open(filename, encoding="utf-8", errors="surrogateescape") as table:
        header = next(table).rstrip("\n").split("\t")
        for line in table:
            row = dict(zip(header, line.rstrip("\n").split("\t")))
            if "tag" in header:
                found = REPLY.match(row["reply"])
                mixed = row["tag"] in MIXED_TAGS and MIXED.search(row["reply"])
                if row["tag"] in TAGS and found and not mixed:
                    yield TAGS[row["tag"]], terms_of(*found.groups(), "")
            elif row["kind"] in GROUPS and int(row["code"]) >= 400:
                parts = row["code"], row["enhanced"], row["text"]
                stage = STAGES.get(row["phase"], "")
                yield row["kind"], terms_of(*parts, stage)
                if stage:
                    yield row["kind"], terms_of(*parts, "")


def fit(rows):
    count = collections.Counter(term for _, terms in rows for term in terms)
    rows = [(GROUPS.index(group), [t for t in terms if count[t] > 1]) for group, terms in rows]
    weights = collections.defaultdict(lambda: [0.0] * len(GROUPS))
    order = random.Random(1)
    every = range(len(GROUPS))
    for epoch in range(EPOCHS):
        order.shuffle(rows)
        rate = RATE / (1 + epoch / 8)
        for group, terms in rows:
            sums = [weights["@"][k] + sum(weights[t][k] for t in terms) for k in every]
            top = max(sums)
            odds = [math.exp(s - top) for s in sums]
            total = sum(odds)
            steps = [rate * ((k == group) - odds[k] / total) for k in every]
            for term in terms:
                is_code = term[0] == "@"
                share = (CODE_RATE if is_code else 1) / math.sqrt(len(terms))
                decay = rate * DECAY * (CODE_DECAY if is_code else 1)
                weights[term] = [w + s * share - decay * w for w, s in zip(weights[term], steps)]
            weights["@"] = [w + s / 10 for w, s in zip(weights["@"], steps)]
    return weights


def main():
    rows = [row for filename in sys.argv[1:] for row in rows_of(filename)]
    weights = fit(rows)
    print("# reply_weights.tsv - what a word, a code or a stage of a reply speaks for, and against.\n"
          "#\n"
          "# Written by tests/fit_types.py from labelled replies; not by hand. A term is a word of the\n"
          "# cause, or the first six letters of a longer one with a '*' behind them; @421 and @4xx are\n"
          "# codes, @x.7.1 and @x.7. enhanced ones, @rcpt a stage, and @ stands for every reply.\n"
          "term\tweights")
    for term in sorted(weights, key=lambda t: (t[0] != "@", t)):
        pairs = sorted(((round(w * SCALE), g) for w, g in zip(weights[term], GROUPS)),
                       key=lambda pair: -pair[0])
        heavy = [f"{g} {w}" for w, g in pairs if abs(w) >= LEAST]
        if heavy:
            print(f"{term}\t{', '.join(heavy)}")


main()
