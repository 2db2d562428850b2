#!/usr/bin/env python3
"""fit_types.py [TABLE...] >mta/rules/reply_weights.tsv   weighs words, codes and stages anew

It learns from the tables of tests/replies, which are written by us, and with more weight from each
TABLE of replies that were seen. These have columns code, enhanced, phase, kind and text, or reply and
tag. What it writes is what mta/reply_weights.h reads: logistic regression over words and pairs of
neighbours, in tenths, without what weighs next to nothing. The same tables give the same file. Codes
and stages count half, for they lie more often than words. Needs python3-sklearn.
"""
import collections
import glob
import os
import re
import sys

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

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
ENHANCED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}$")
NO_WORDS = re.compile(r"\S*@\S*|\S*://\S*|www\.\S+|\{[^}\s]*\}|\S*\d+\.\d+\.\d+\S*")
STOP = set("the a an of is are be been was has have it its this that these to in on at for and or as "
           "with we our my you t s d com net org http https www us see there if all any will can".split())
STEM = 6
LATIN = ("aaaaaaaceeeeiiiidnooooo.ouuuuypsaaaaaaaceeeeiiiidnooooo.ouuuuyp"
         "yaaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllll"
         "lllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs")
CODE, PAIR, OWN = 0.5, 0.7, 0.35  # what they count
PAIR_SEEN = 6  # in so many rows, or it is chance
STRENGTH = 6  # of what is learned, against what all have in common
SCALE, LEAST = 10, 3


def sign_of(c):
    """As mta/reply_letter.c has it: without accents, in small letters; a blank where no word goes on."""
    number = ord(c)
    if number < 0x80:
        return c.lower() if c.isalnum() else " "
    if number < 0xc0 or 0x2000 <= number < 0x3040 or number >= 0xf000:
        return " "
    if number < 0x180:
        return LATIN[number - 0xc0].replace(".", " ")
    return f" {c} " if 0x3040 <= number < 0xe000 else c.lower()


def words_of(text):
    return "".join(map(sign_of, NO_WORDS.sub(" ", text))).split()


def stem_of(word):
    return word if len(word) < STEM else word[:STEM] + "*"


def terms_of(code, enhanced, text, stage):
    words = words_of(text)
    stems = [stem_of(w) for w in words]
    terms = {f"{a} {b}": PAIR for a, b in zip(stems, stems[1:])}
    terms.update({stem_of(w): 1 for w in words if w not in STOP and not w.isdigit()})
    terms["@" + code] = terms[f"@{code[0]}xx"] = CODE
    if ENHANCED.match(enhanced):
        _, subject, detail = enhanced.split(".")
        terms[f"@x.{subject}."] = terms[f"@x.{subject}.{detail}"] = CODE
    if stage:
        terms["@" + stage] = CODE
    return terms


def count_of(term):
    return CODE if term[0] == "@" else PAIR if " " in term else 1


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
                    yield TAGS[row["tag"]], terms_of(found[1], found[2] or "", found[3], "")
            elif row.get("kind") in GROUPS and int(row["code"]) >= 400:
                parts = row["code"], row["enhanced"], row["text"]
                stage = STAGES.get(row["phase"], "")
                yield row["kind"], terms_of(*parts, stage)
                if stage:
                    yield row["kind"], terms_of(*parts, "")


def main():
    own = sorted(glob.glob(os.path.join(os.path.dirname(__file__), "replies", "*.tsv")))
    rows = [(OWN if filename in own else 1, group, terms)
            for filename in own + sys.argv[1:] for group, terms in rows_of(filename)]
    seen = collections.Counter(term for _, _, terms in rows for term in terms)
    for _, _, terms in rows:
        for term in [t for t in terms if " " in t and seen[t] < PAIR_SEEN]:
            del terms[term]
    trusts, groups, terms = zip(*rows)
    matrix = DictVectorizer()
    model = LogisticRegression(C=STRENGTH, max_iter=2000, tol=1e-3)
    model.fit(matrix.fit_transform(terms), groups, sample_weight=trusts)
    weights = {"@": model.intercept_}
    for term, column in matrix.vocabulary_.items():
        weights[term] = model.coef_[:, column] * count_of(term)
    print("# reply_weights.tsv - what a word, a code or a stage of a reply speaks for, and against.\n"
          "#\n"
          "# Written by tests/fit_types.py from labelled replies; not by hand. A term is a word of the\n"
          "# cause, or the first six letters of a longer one with a '*' behind them, or two of these that\n"
          "# follow each other; @421 and @4xx are codes, @x.7.1 and @x.7. enhanced ones, @rcpt a stage,\n"
          "# and @ stands for every reply.\n"
          "term\tweights")
    for term in sorted(weights, key=lambda t: (t[0] != "@", t)):
        pairs = sorted(((round(w * SCALE), g) for w, g in zip(weights[term], model.classes_)),
                       key=lambda pair: (-pair[0], pair[1]))
        heavy = [f"{g} {w}" for w, g in pairs if abs(w) >= LEAST]
        if heavy:
            print(f"{term}\t{', '.join(heavy)}")


main()
