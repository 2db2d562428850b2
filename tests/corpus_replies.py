#!/usr/bin/env python3
"""corpus_replies.py TABLE PROGRAM [-v] [--tier NAME] - how well replies are qualified.

TABLE is a TSV whose header names the columns smtp_code, reply, class, alt_classes, adobe_reason and
tier; PROGRAM is `mta`. Strict: the class is the label. Loose: it is one that a careful reader could
defend as well. Macro F1 is the mean, over the classes that were labelled, of the harmonic mean of
precision and recall. -v prints every reply that missed.
"""
import argparse
import collections
import subprocess
import sys


def read_table(filename):
    with open(filename, encoding="utf-8", newline="\n") as file:
        header = file.readline().rstrip("\n").split("\t")
        return [dict(zip(header, line.rstrip("\n").split("\t"))) for line in file]


def classify(program, rows):
    lines = "".join(row["reply"].replace("\n", " ") + "\n" for row in rows)
    run = subprocess.run([program, "classify", "--smtp"], input=lines.encode(), capture_output=True,
                         check=True, timeout=60)
    answers = [line.split("\t") for line in run.stdout.decode().splitlines()[1:]]
    if len(answers) != len(rows):
        sys.exit(f"{len(rows)} replies, but {len(answers)} answers")
    return answers


def macro_f1(pairs):
    """Of (label, answer); and each class with its precision, recall and F1, worst first."""
    labelled = collections.Counter(label for label, _ in pairs)
    answered = collections.Counter(answer for _, answer in pairs)
    right = collections.Counter(label for label, answer in pairs if label == answer)
    rows = []
    for name, count in labelled.items():
        precision = right[name] / answered[name] if answered[name] else 0.0
        recall = right[name] / count
        f1 = 2 * precision * recall / (precision + recall) if right[name] else 0.0
        rows.append((f1, name, precision, recall, count))
    return sum(row[0] for row in rows) / max(1, len(rows)), sorted(rows)


def percent(part, whole):
    return f"{100 * part / whole:5.1f} %" if whole else "    -"


def score(name, rows, answers):
    pairs = [(row["class"], answer[0]) for row, answer in zip(rows, answers)]
    strict = sum(label == answer for label, answer in pairs)
    loose = sum(answer[0] in [row["class"], *row["alt_classes"].split(",")]
                for row, answer in zip(rows, answers))
    reason = sum(answer[1] in row["adobe_reason"].split("|") for row, answer in zip(rows, answers))
    f1, classes = macro_f1(pairs)
    print(f"{name:<8}{len(rows):5} replies  strict {percent(strict, len(rows))}  "
          f"with alternatives {percent(loose, len(rows))}  reason {percent(reason, len(rows))}  "
          f"macro F1 {100 * f1:5.1f}")
    return classes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table")
    parser.add_argument("program")
    parser.add_argument("-v", action="store_true", help="print what missed")
    parser.add_argument("--tier", help="only this one")
    parser.add_argument("--part", type=int, choices=[0, 1],
                        help="only replies whose id is even (0) or odd (1): one to write rules by, "
                             "one to learn what they are worth")
    options = parser.parse_args()

    rows = [row for row in read_table(options.table)
            if options.tier in (None, row["tier"]) and
            (options.part is None or int(row["id"], 16) % 2 == options.part)]
    answers = classify(options.program, rows)
    for tier in sorted({row["tier"] for row in rows}):
        chosen = [i for i, row in enumerate(rows) if row["tier"] == tier]
        classes = score(tier, [rows[i] for i in chosen], [answers[i] for i in chosen])
        for f1, name, precision, recall, count in classes[:5]:
            print(f"    class {name:>3}: F1 {100 * f1:5.1f}  precision {100 * precision:5.1f}  "
                  f"recall {100 * recall:5.1f}  of {count}")
    score("all", rows, answers)
    if options.v:
        for row, answer in zip(rows, answers):
            if answer[0] != row["class"]:
                print("\t".join([row["tier"], row["class"], row["alt_classes"], answer[0], answer[3],
                                 row["provider"], row["reply"]]))


if __name__ == "__main__":
    main()
