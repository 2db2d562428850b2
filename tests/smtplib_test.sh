#!/usr/bin/env bash
# smtplib_test.sh - Python's smtplib, and a socket that pipelines, talk to `fakeisp` and to `mta`:
# what the client was told is what the books say.
set -u
cd "$(dirname "$0")/.." || exit 2
command -v python3 >/dev/null || { echo "no python3 here" && exit 77; }
. tests/foreign.sh

# --- fakeisp ---
start_fakeisp --try
mail talk "$host:2525" try.test
stop
are 3 ledger '"event":"refused","sender":"s@us.test","rcpt":"550_5.1.1@try.test".*"stage":"rcpt","code":550,"enhanced":"5.1.1"'
are 1 ledger '"rcpt":"452_4.2.2@try.test".*"stage":"rcpt","code":452,"enhanced":"4.2.2"'
are 1 ledger '"rcpt":"data_554_5.7.1@try.test".*"stage":"data","code":554'
are 1 ledger '"rcpt":"dot_451_4.3.0@try.test".*"stage":"dot","code":451'
are 1 ledger '"event":"accepted".*"rcpt":"many-99@try.test"'
are 100 ledger '"event":"accepted".*"rcpt":"many-[0-9]+@try.test"'
are 2 ledger '"event":"accepted".*"rcpt":"kim@try.test"'
are 1 ledger '"event":"accepted".*"rcpt":"piped@try.test"'
are 50 ledger '"event":"accepted".*"rcpt":"batch-[0-9]+@try.test"'
are 0 ledger smuggled

# --- mta: 100 recipients, content of every kind, and all of it pipelined ---
"$programs/fakeisp" --try --listen "$host:2526" --dns none --ledger ledger.out 2>isp.log &
started+=("$!")
until_true grep -q '^ready' isp.log || exit 1
start_mta try.test
mail talk "$host:2525" try.test submission
until_true waiting 2
stop
are 100 feedback '"kind":"delivered".*"rcpt":"many-[0-9]+@try.test"'
are 50 feedback '"kind":"delivered".*"rcpt":"batch-[0-9]+@try.test"'
are 1 feedback '"kind":"delivered".*"rcpt":"piped@try.test"'
are 3 feedback '"kind":"hard".*"rcpt":"550_5.1.1@try.test".*"code":550,"enhanced":"5.1.1".*"reason":"user_unknown"'
are 1 feedback '"kind":"hard".*"rcpt":"data_554_5.7.1@try.test".*"stage":"data","code":554'
are 1 feedback '"kind":"soft".*"rcpt":"dot_451_4.3.0@try.test".*"stage":"dot","code":451'
are 1 feedback '"kind":"soft".*"rcpt":"452_4.2.2@try.test".*"reason":"mailbox_full"'
are 0 ledger.out smuggled
[ $failures = 0 ]
