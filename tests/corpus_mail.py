#!/usr/bin/env python3
"""corpus_mail.py DIR PROGRAM [-v] [--part I:N] - how well returned mail is read and qualified.

DIR holds mails and labels.tsv, one row per recipient (file, n, recipient, recipient_alt, kind, class,
alt_classes, label_origin, ...); PROGRAM is `mta`. Kind and recipients are counted per mail, the class per
labelled recipient; strict is the label itself, loose one that a careful reader could defend as well.
Labels whose origin does not name sisimai were given by hand, independently of any parser. --part picks
mails by the hash of their names: some to work on, the others to look at in the end.
"""
import argparse
import collections
import hashlib
import os
import subprocess
import sys

from corpus_replies import macro_f1, percent


def read_rows(text):
    lines = text.split("\n")
    header = lines[0].split("\t")
    return [dict(zip(header, line.split("\t"))) for line in lines[1:] if line]


def part_of(name):
    return int(hashlib.sha1(name.encode()).hexdigest()[:2], 16)


def classify(program, folder, names):
    run = subprocess.run([os.path.abspath(program), "classify", "--dsn", *names], cwd=folder,
                         capture_output=True, check=True, timeout=300)
    answers = collections.defaultdict(list)
    for row in read_rows(run.stdout.decode("utf-8", "replace")):
        answers[row["file"]].append(row)
    return answers


def addresses(row):
    return {row[key].lower() for key in ("recipient", "recipient_alt") if row.get(key)}


def answer_for(label, answers):
    """The row about the labelled recipient; the only one there is, where the address differs."""
    for answer in answers:
        if answer["recipient"].lower() in addresses(label):
            return answer
    return answers[0] if answers else None


def recipients_are_right(labels, answers):
    wanted = [addresses(label) for label in labels if label["recipient"]]
    if not wanted:
        return None
    found = [answer["recipient"].lower() for answer in answers]
    return len(found) == len(wanted) and all(any(f in w for f in found) for w in wanted)


def is_independent(label):
    return "sisimai" not in label["label_origin"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir")
    parser.add_argument("program")
    parser.add_argument("-v", action="store_true", help="names every mail that missed")
    parser.add_argument("--part", default="0:1", help="only mails whose hash is I modulo N, as I:N")
    options = parser.parse_args()

    part, parts = map(int, options.part.split(":"))

    with open(os.path.join(options.dir, "labels.tsv"), encoding="utf-8") as file:
        rows = read_rows(file.read())
    labels = collections.defaultdict(list)
    for row in rows:
        if part_of(row["file"]) % parts == part:
            labels[row["file"]].append(row)
    answers = classify(options.program, options.dir, list(labels))

    kinds = recipients = recipients_count = 0
    pairs, loose, independent = [], 0, []
    wrong = []
    for name, told in labels.items():
        kind_is_right = all((answer_for(label, answers[name]) or {}).get("kind") == label["kind"]
                            for label in told)
        kinds += kind_is_right
        right = recipients_are_right(told, answers[name])
        if right is not None:
            recipients += right
            recipients_count += 1
        if not kind_is_right or right is False:
            wrong.append((name, [f"{row['kind']} {row['recipient']}" for row in told],
                          [f"{row['kind']} {row['recipient']}" for row in answers[name]]))
        for label in told:
            answer = answer_for(label, answers[name]) or {"class": "", "rule": ""}
            pairs.append((label["class"], answer["class"]))
            loose += answer["class"] in [label["class"], *label["alt_classes"].split(",")]
            if is_independent(label):
                independent.append(label["class"] == answer["class"])
            if label["class"] != answer["class"]:
                wrong.append((name, label["class"] + " " + label["tag"],
                              f"{answer['class']} by {answer['rule']}"))

    strict = sum(label == answer for label, answer in pairs)
    f1, classes = macro_f1(pairs)
    print(f"{len(labels)} mails, {len(pairs)} recipients")
    print(f"kind {percent(kinds, len(labels))}  recipients {percent(recipients, recipients_count)}")
    print(f"class strict {percent(strict, len(pairs))}  with alternatives "
          f"{percent(loose, len(pairs))}  independent labels "
          f"{percent(sum(independent), len(independent))} of {len(independent)}  "
          f"macro F1 {100 * f1:5.1f}")
    for f1, number, precision, recall, count in classes[:8]:
        print(f"  class {number:>3}  F1 {100 * f1:5.1f}  precision {100 * precision:5.1f}  "
              f"recall {100 * recall:5.1f}  of {count}")
    if options.v:
        for name, label, answer in wrong:
            print(f"{name}\n    label  {label}\n    answer {answer}")


if __name__ == "__main__":
    sys.exit(main())
