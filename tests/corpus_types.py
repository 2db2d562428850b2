#!/usr/bin/env python3
"""corpus_types.py TABLE [-v] [--blind]   how many replies of a table are typed as they should be

TABLE has the columns provider, situation, code, enhanced, text, phase, kind, source, separated by tabs,
under a header line. What `mta classify --type` calls the group is compared with kind; rows that are no
refusal by SMTP (accept, complaint, code below 400) are left out. The last line counts the mistakes that
cost most: what speaks of the site (a throttle, a block, authentication) taken for the user's. -v names
the rows that are not as they should be, and the rule that won; --blind tells the program neither the
provider nor the stage. MTA names the program. Exit 1 below 97 %, or if such a mistake was made.
"""
import collections
import os
import subprocess
import sys

STAGES = {"connect": "banner", "ehlo": "ehlo", "starttls": "starttls", "mail": "mail", "rcpt": "rcpt",
          "data": "data", "eom": "dot"}
OF_SITE = {"throttle", "block", "auth"}
OF_USER = {"user-unknown", "mailbox-full", "inactive"}


def rows_of(filename):
    with open(filename, encoding="utf-8", errors="surrogateescape") as table:
        next(table)
        for line in table:
            cells = line.rstrip("\n").split("\t")
            if len(cells) >= 7 and cells[6] not in ("accept", "complaint") and int(cells[2]) >= 400:
                yield cells


def answers_of(mta, provider, stage, replies):
    command = [mta, "classify", "--type"]
    if provider:
        command += ["--domain", provider]
    if stage:
        command += ["--stage", stage]
    text = "\n".join(replies) + "\n"
    answer = subprocess.run(command, input=text.encode("utf-8", "surrogateescape"), check=True,
                            stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
    return [(cells[1], cells[4]) for cells in (line.split("\t") for line in answer.splitlines()[1:])]


def main():
    mta = os.environ.get("MTA", "build/release/bin/mta")
    is_blind = "--blind" in sys.argv
    asked = collections.defaultdict(list)
    right = collections.Counter()
    total = collections.Counter()
    costly = 0
    for cells in rows_of(sys.argv[1]):
        asked[("", "") if is_blind else (cells[0], STAGES.get(cells[5], ""))].append(cells)
    for (provider, stage), rows in asked.items():
        replies = [" ".join(filter(None, (r[2], r[3], r[4]))) for r in rows]
        for row, (group, rule) in zip(rows, answers_of(mta, provider, stage, replies)):
            total[row[6]] += 1
            right[row[6]] += group == row[6]
            costly += row[6] in OF_SITE and group in OF_USER
            if group != row[6] and "-v" in sys.argv:
                print(f"{row[0]} at {row[5]}: {row[2]} {row[3]} {row[4]}: "
                      f"{group}, not {row[6]} ({rule})")
    for kind in sorted(total):
        print(f"{kind:14} {right[kind]:4} of {total[kind]:4}")
    share = sum(right.values()) / max(1, sum(total.values()))
    print(f"{'all':14} {sum(right.values()):4} of {sum(total.values()):4}  {100 * share:.1f} %")
    print(f"throttles, blocks and authentication taken for the user's: {costly}")
    return 0 if share >= 0.97 and costly == 0 else 1


sys.exit(main())
