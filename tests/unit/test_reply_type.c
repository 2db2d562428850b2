/* test_reply_type.c - which limit a reply speaks of. */
#include "tests/unit.h"

#include "base/embedded.h"
#include "base/mem.h"
#include "base/unit.h"
#include "mta/reply_type.h"
#include "mta/reply_words.h"

#define HEAD "id\thost\tstage\tcode\tstatus\twords\tclass\ttype\tscope\thold\texample\n"

static void
replies_have_the_type_that_a_reader_would_give_them(void **state)
{
    static const struct {
        const char *host;
        enum smtp_stage stage;
        const char *reply;
        enum reply_subject subject;
        enum reply_group group;
    } cases[] = {
  /* the digit lies */
        {"",            STAGE_DOT,    "550 Ip frequency limited",                                        REPLY_RATE,       GROUP_THROTTLE    },
        {"",            STAGE_RCPT,   "550 5.2.1 kim is receiving mail at a rate that we do not like",
         REPLY_PER_RECIPIENT,                                                                                              GROUP_THROTTLE    },
        {"",            STAGE_MAIL,   "421 4.7.1 Your host has been blocked, retrying will not succeed",
         REPLY_BLOCK,                                                                                                      GROUP_BLOCK       },
 /* which limit */
        {"",            STAGE_BANNER, "421 4.7.0 too many concurrent connections from 192.0.2.1",
         REPLY_CONNECTION,                                                                                                 GROUP_THROTTLE    },
        {"",            STAGE_BANNER, "421 Trop de connexions simultanees",                              REPLY_CONNECTION, GROUP_THROTTLE    },
        {"",            STAGE_MAIL,   "421 too many messages in this session, please reconnect",
         REPLY_MESSAGES_PER_CONNECTION,                                                                                    GROUP_THROTTLE    },
        {"",            STAGE_RCPT,   "452 4.5.3 too many recipients",                                   REPLY_RECIPIENTS, GROUP_THROTTLE    },
        {"",            STAGE_MAIL,   "451 4.7.1 you are sending too fast, slow down",                   REPLY_RATE,
         GROUP_THROTTLE                                                                                                                      },
        {"",            STAGE_MAIL,   "452 4.7.1 hourly limit exceeded for your address",                REPLY_QUOTA,
         GROUP_THROTTLE                                                                                                                      },
 /* what looks like a limit and is none */
        {"",            STAGE_RCPT,   "552 5.2.2 kim is over quota",                                     REPLY_USER,       GROUP_MAILBOX_FULL},
        {"",            STAGE_DOT,    "421 4.7.26 rate limited because the mail is unauthenticated",
         REPLY_CONTENT,                                                                                                    GROUP_AUTH        },
        {"",            STAGE_RCPT,   "450 4.7.1 Greylisted, try again in 300 seconds",                  REPLY_GREYLIST,
         GROUP_GREYLIST                                                                                                                      },
        {"",            STAGE_RCPT,   "550 5.1.1 no such user here",                                     REPLY_USER,       GROUP_USER_UNKNOWN},
        {"",            STAGE_RCPT,   "550 5.2.1 this account has been disabled",                        REPLY_USER,       GROUP_INACTIVE    },
        {"",            STAGE_DOT,    "554 5.7.1 this looks like spam",                                  REPLY_CONTENT,    GROUP_SPAM        },
        {"",            STAGE_MAIL,   "552 5.3.4 the message is larger than we take, size limit",        REPLY_CONTENT,
         GROUP_SIZE                                                                                                                          },
        {"",            STAGE_RCPT,   "554 5.7.1 relaying denied",                                       REPLY_CONTENT,    GROUP_RELAY       },
        {"",            STAGE_BANNER, "554 5.7.1 192.0.2.1 is listed at a dnsbl",                        REPLY_BLOCK,      GROUP_BLOCK       },
        {"",            STAGE_DOT,    "451 4.3.0 temporary system problem",                              REPLY_SYSTEM,     GROUP_SYSTEM      },
        {"",            STAGE_DOT,    "451 hm",                                                          REPLY_UNTYPED,    GROUP_NONE        },
 /* who says it */
        {"mx3.qq.com",  STAGE_RCPT,   "550 Mailbox unavailable or access denied",                        REPLY_RATE,
         GROUP_THROTTLE                                                                                                                      },
        {"mx.isp.test", STAGE_RCPT,   "550 Mailbox unavailable",                                         REPLY_USER,       GROUP_USER_UNKNOWN},
    };
    struct reply_types *types = reply_types_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct smtp_reply reply;
        struct reply_type type;
        const char *why;

        print_message("  %s\n", cases[i].reply);
        assert_true(reply_parse(slice_of(cases[i].reply), &reply, &why));
        type = reply_type_find(types, slice_of(cases[i].host), cases[i].stage, &reply);
        assert_string_equal(reply_subject_name(type.subject), reply_subject_name(cases[i].subject));
        assert_string_equal(reply_group_name(type.group), reply_group_name(cases[i].group));
    }
    reply_types_free(&types);
}

/* Other words, languages and servers than those the rules have for examples. */
static void
words_are_known_by_family(void **state)
{
    static const struct {
        enum smtp_stage stage;
        const char *reply;
        enum reply_subject subject;
        enum reply_group group;
    } cases[] = {
        {STAGE_BANNER, "421 conexiones simultaneas: demasiadas",                                   REPLY_CONNECTION, GROUP_THROTTLE    },
        {STAGE_BANNER, "421 4.7.0 zu viele Verbindungen von dort",                                 REPLY_CONNECTION,
         GROUP_THROTTLE                                                                                                                },
        {STAGE_BANNER, "421 Muitas conexoes abertas",                                              REPLY_CONNECTION, GROUP_THROTTLE    },
        {STAGE_BANNER, "421 слишком много подключений",                     REPLY_CONNECTION, GROUP_THROTTLE    },
        {STAGE_MAIL,   "450 too many new TLS sessions from there",                                 REPLY_CONNECTION, GROUP_THROTTLE    },
        {STAGE_MAIL,   "450 4.7.1 Troppi messaggi in poco tempo",                                  REPLY_RATE,       GROUP_THROTTLE    },
        {STAGE_MAIL,   "450 4.7.1 za duzo wiadomosci",                                             REPLY_RATE,       GROUP_THROTTLE    },
        {STAGE_MAIL,   "421 refused, code IB605",                                                  REPLY_RATE,       GROUP_THROTTLE    },
        {STAGE_RCPT,   "450 4.7.1 policy: quota exceeded for this host",                           REPLY_QUOTA,      GROUP_THROTTLE    },
        {STAGE_RCPT,   "450 4.5.3 too many recipients this hour",                                  REPLY_QUOTA,      GROUP_THROTTLE    },
        {STAGE_RCPT,   "450 we delay the first contact of an unknown triplet",                     REPLY_GREYLIST,
         GROUP_GREYLIST                                                                                                                },
        {STAGE_BANNER, "554 su servidor figura en una lista negra",                                REPLY_BLOCK,      GROUP_BLOCK       },
        {STAGE_BANNER, "554 (CON:B1) no",                                                          REPLY_BLOCK,      GROUP_BLOCK       },
        {STAGE_RCPT,   "450 4.1.7 <sam@out.test>: Sender address rejected: undeliverable address",
         REPLY_CONTENT,                                                                                              GROUP_POLICY      },
        {STAGE_RCPT,   "550 recipient domain could not be found",                                  REPLY_CONTENT,    GROUP_DNS         },
        {STAGE_DOT,    "554 blocked, for it contains a banned word",                               REPLY_CONTENT,    GROUP_SPAM        },
        {STAGE_DOT,    "550 two multiple Subject headers",                                         REPLY_CONTENT,    GROUP_SYNTAX      },
 /* by the class of the bounce rules */
        {STAGE_RCPT,   "550 Gebruiker onbekend",                                                   REPLY_USER,       GROUP_USER_UNKNOWN},
        {STAGE_RCPT,   "554 skrzynka jest pelna",                                                  REPLY_USER,       GROUP_MAILBOX_FULL},
        {STAGE_RCPT,   "550 la cuenta fue desactivada",                                            REPLY_USER,       GROUP_INACTIVE    },
        {STAGE_DOT,    "554 5.0.0 profanity is not welcome",                                       REPLY_CONTENT,    GROUP_SPAM        },
    };
    struct reply_types *types = reply_types_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct smtp_reply reply;
        struct reply_type type;
        const char *why;

        print_message("  %s\n", cases[i].reply);
        assert_true(reply_parse(slice_of(cases[i].reply), &reply, &why));
        type = reply_type_find(types, SLICE("mx.isp.test"), cases[i].stage, &reply);
        assert_string_equal(reply_subject_name(type.subject), reply_subject_name(cases[i].subject));
        assert_string_equal(reply_group_name(type.group), reply_group_name(cases[i].group));
    }
    reply_types_free(&types);
}

/* Else a living address would be failed for what its host thinks of us. */
static void
no_code_makes_a_limit_or_a_block_speak_of_the_user(void **state)
{
    static const char *const codes[] = {"550", "550 5.1.1", "550 5.1.10", "550 5.2.1", "552 5.2.2",
        "452 4.2.2", "553 5.1.3", "552", "550 5.5.0", "554 5.7.1"};
    static const char *const texts[] = {
        "mailbox unavailable: message rate limit exceeded",
        "too many messages for this mailbox server, slow down",
        "too many connections, the user may try later",
        "hourly quota of your host is exceeded",
        "your server sends too fast",
        "the recipient's server throttles you",
        "host blocked by a blacklist, the recipient is not affected",
        "client 192.0.2.1 is listed at a dnsbl",
        "rejected for the poor reputation of your network",
        "the mailbox takes no mail without SPF or DKIM",
        "DMARC policy of the sender: user cannot be reached",
        "sender address rejected: unverified address",
        "Greylisted, the user may be reached in 5 minutes",
        "trop de messages, l'utilisateur attendra",
        "service unavailable, try again later",
        "server busy",
        "mailbox unavailable: your IP is listed",
        "mailbox unavailable, the sending rate of your server is too high",
        "the recipient refuses senders without authentication, SPF failed",
        "the user takes no mail from blacklisted networks",
        "too many messages from your host, storage is full of them",
        "the recipient's domain: you exceeded your sending quota",
        "Recipient address rejected: too many messages from you",
        "Recipient address rejected: your IP is blocked",
        "Recipient address rejected: DMARC",
        "Sender address rejected: not logged in",
    };
    struct reply_types *types = reply_types_new();

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (size_t j = 0; j < COUNT_OF(codes); j++) {
            struct smtp_reply reply;
            struct reply_type type;
            char line[200];
            const char *why;

            snprintf(line, sizeof line, "%s %s", codes[j], texts[i]);
            assert_true(reply_parse(slice_of(line), &reply, &why));
            type = reply_type_find(types, SLICE("mx.isp.test"), STAGE_RCPT, &reply);
            if (type.subject == REPLY_USER)
                fail_msg("%s: %.*s", line, SLICE_ARGS(type.rule));
        }
    reply_types_free(&types);
}

/* What explains a refusal must not be taken for it. */
static void
asides_and_links_do_not_speak_for_the_cause(void **state)
{
    static const struct {
        enum smtp_stage stage;
        const char *reply;
        enum reply_group group;
    } cases[] = {
        {STAGE_DOT,
         "550 5.7.1 This is likely unsolicited mail. To protect our users, mail from your IP "
            "address has been blocked.",                                                       GROUP_SPAM    },
        {STAGE_DOT,
         "554 5.7.1 No date header. To reduce spam, this message has been blocked. For more "
            "information, see https://isp.test/blocked",                                       GROUP_SYNTAX  },
        {STAGE_DOT,  "554 Headers are not RFC compliant, see https://isp.test/ratelimit/spam",
         GROUP_SYNTAX                                                                                        },
        {STAGE_MAIL,
         "421 4.7.23 The IP has no PTR record. To protect users from spam, your mail has "
            "been temporarily rate limited.",                                                  GROUP_POLICY  },
        {STAGE_RCPT, "550 5.1.1 No such user. Bitte wenden Sie sich an den Blacklist-Support",
         GROUP_USER_UNKNOWN                                                                                  },
 /* nothing but an aside or a link: then they speak */
        {STAGE_RCPT, "550 refused, see http://www.spamhaus.org/query/bl?ip=192.0.2.1",         GROUP_BLOCK   },
        {STAGE_RCPT,
         "550 <kim@isp.test>: Recipient address rejected: Please see "
            "http://www.openspf.org/Why?s=mfrom",                                              GROUP_AUTH    },
        {STAGE_MAIL, "421 DYN:T1 https://postmaster.isp.test/error-codes#421dynt1",            GROUP_THROTTLE},
    };
    struct reply_types *types = reply_types_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct smtp_reply reply;
        struct reply_type type;

        print_message("  %s\n", cases[i].reply);
        reply_find(slice_of(cases[i].reply), &reply);
        type = reply_type_find(types, SLICE("mx.isp.test"), cases[i].stage, &reply);
        assert_string_equal(reply_group_name(type.group), reply_group_name(cases[i].group));
    }
    reply_types_free(&types);
}

/* The explanation begins so. */
static void
assert_explained(const struct reply_types *types, enum smtp_stage stage, const char *text,
    const char *group, const char *front)
{
    struct smtp_reply reply;
    struct reply_type type;
    struct text why = {0};

    print_message("  %s\n", text);
    reply_find(slice_of(text), &reply);
    type = reply_type_explain(types, SLICE(""), stage, &reply, &why);
    assert_string_equal(reply_group_name(type.group), group);
    assert_true(slice_starts_with(text_slice(&why), slice_of(front)));
    text_release(&why);
}

/* No rule knows these; what gave the group is told. */
static void
where_no_rule_knows_the_words_they_are_weighed(void **state)
{
    static const struct {
        enum smtp_stage stage;
        const char *reply, *group, *why;
    } cases[] = {
        {STAGE_DOT,  "451 a queue manager died", "system",       "weighed: "         },
        {STAGE_MAIL, "554 we dislike your ip",   "block",        "weighed: "         },
        {STAGE_DOT,  "451 xyzzy plugh",          "none",         "rest"              },
        {STAGE_DOT,  "550 5.7.1 xyzzy plugh",    "policy",       "status-block-range"},
        {STAGE_RCPT, "550 No such user",         "user-unknown", "user-unknown"      },
    };
    struct reply_types *types = reply_types_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_explained(types, cases[i].stage, cases[i].reply, cases[i].group, cases[i].why);
    reply_types_free(&types);
}

/* "plugh" knows one word, and "xyzzy" is a code that a provider made up. */
static void
a_rule_is_overruled_by_all_other_words_and_a_provider_s_own_code_is_not(void **state)
{
    static const char rows[] =
        HEAD "xyzzy\t-\t-\t-\t-\tanywhere: xyzzy\t-\tvirus\t-\t-\t550 xyzzy\n"
             "plugh\t-\t-\t-\t-\tplugh\t-\tvirus\t-\t-\t550 plugh\n"
             "weighed\t-\t-\t-\t-\t-\t-\tweighed\t-\t-\t451 too many connections\n"
             "rest\t-\t-\t-\t-\t-\t-\tuntyped\t-\t-\t451 hm\n";
    static const struct {
        const char *reply, *group, *why;
    } cases[] = {
        {"421 too many connections, slow down",             "throttle", "weighed: "           },
        {"421 plugh",                                       "virus",    "plugh"               },
        {"421 plugh too many connections, slow down",       "throttle", "weighed over plugh: "},
        {"421 xyzzy plugh too many connections, slow down", "virus",    "xyzzy"               },
    };
    struct error err = {0};
    struct reply_types *types = reply_types_read("t.tsv", slice_of(rows), &err);

    assert_string_equal(err.text, "");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_explained(types, STAGE_MAIL, cases[i].reply, cases[i].group, cases[i].why);
    reply_types_free(&types);
}

static void
words_are_spelt_in_many_ways(void **state)
{
    static const struct {
        const char *text, *words; /* with '|' behind each */
    } cases[] = {
        {"L\u00cdMITE de env\u00edo",                        "limite|de|envio|" },
        {"L\xcdMITE",                                        "limite|"          }, /* ISO 8859-1 */
        {"\u041f\u0420\u0415\u0412\u042b\u0428\u0415\u041d",
         "\u043f\u0440\u0435\u0432\u044b\u0448\u0435\u043d|"                    },
        {"\u9891\u7387 IP",                                  "\u9891|\u7387|ip|"},
        {"didn\u2019t \u00abquota\u00bb",                    "didn|t|quota|"    },
        {"at 4.7.0 from [192.0.2.1] (#5.1.1)",               "at|from|"         }, /* codes say nothing */
        {"from [{ip}] to {rcpt}x{",                          "from|to|x|"       }, /* nor placeholders */
        {"\xe2\x80",                                         "a|"               },
        {"\xff\xc3",                                         "ya|"              },
        {"",                                                 ""                 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply_words words;
        struct text found = {0};

        print_message("  %s\n", cases[i].text);
        reply_words_of(&words, slice_of(cases[i].text));
        for (size_t k = 0; k < words.count; k++)
            text_printf(&found, "%.*s|", SLICE_ARGS(words.words[k]));
        if (!slice_equals(text_slice(&found), slice_of(cases[i].words)))
            fail_msg("%.*s", SLICE_ARGS(text_slice(&found)));
        text_release(&found);
    }
}

static void
a_cause_is_what_asides_and_links_leave(void **state)
{
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"No mail. To protect us, we refuse it. Bye",  "No mail. Bye"     },
        {"No mail, see http://isp.test/a?b=c for why", "No mail, "        },
        {"No mail (please visit our pages) at all",    "No mail at all"   },
        {"Please visit our pages",                     ""                 },
        {"http://isp.test/ blocked",                   "blocked"          },
        {"We protect nobody",                          "We protect nobody"},
    };
    const struct opener openers[] = {
        opener_of(SLICE("to protect")), opener_of(SLICE("please/see visit/http"))};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply_words words, cause, again;
        char scratch[REPLY_BYTES_MAX];
        struct slice text;

        print_message("  %s\n", cases[i].text);
        reply_words_of(&words, slice_of(cases[i].text));
        reply_cause_of(&words, openers, COUNT_OF(openers), &cause);
        reply_words_of(&again, slice_of(cases[i].cause));
        assert_int_equal(cause.count, again.count);
        for (size_t k = 0; k < again.count; k++)
            assert_true(slice_equals(cause.words[k], again.words[k]));
        text = reply_cause_text(&words, &cause, slice_of(cases[i].text), scratch);
        assert_true(slice_equals(slice_trim(text), slice_trim(slice_of(cases[i].cause))));
    }
}

static void
each_built_in_rule_wins_its_example(void **state)
{
    static const char filename[] = "mta/rules/reply_type.tsv";
    struct error err = {0};
    struct reply_types *types;
    struct slice rows;

    assert_true(embedded_find(slice_of(filename), &rows));
    types = reply_types_read(filename, rows, &err);
    assert_string_equal(err.text, "");
    reply_types_free(&types);
}

static void
hints_are_read_where_they_ask_to_wait(void **state)
{
    static const struct {
        const char *text;
        int64_t hint_us;
    } cases[] = {
        {"try again in 300 seconds",                 300 * (int64_t)US_PER_S},
        {"please retry after 5m",                    5 * US_PER_MIN         },
        {"blocked for 2 hours",                      2 * US_PER_HOUR        },
        {"come back in 00:05:00",                    5 * US_PER_MIN         },
        {"riprovare tra 10 minuti",                  10 * US_PER_MIN        },
        {"greylisted for 1 day",                     US_PER_DAY             },
        {"no more than 100 messages per 60 seconds", 0                      },
        {"in 99999999 hours",                        0                      },
        {"in 400 days",                              0                      },
        {"at 10:20:30 nothing was wrong",            0                      },
        {"",                                         0                      },
        {"in",                                       0                      },
        {"retry in 5",                               0                      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].text);
        assert_int_equal(reply_hold_hint_us(slice_of(cases[i].text)), cases[i].hint_us);
    }
}

static void
phrases_are_words_in_their_order(void **state)
{
    static const struct {
        const char *phrase, *text;
        bool is_match;
    } cases[] = {
        {"too many",           "Too many errors",             true },
        {"too many",           "too, many",                   true },
        {"too many",           "many too",                    false},
        {"too many",           "tool many",                   false},
        {"limit*",             "rate limited",                true },
        {"limit*",             "no lim",                      false},
        {"so/too fast",        "that is so fast",             true },
        {"too .. fast",        "too very very fast",          true },
        {"too .. fast",        "too a b c d e f g h i fast",  false},
        {"too .. fast & mail", "mail comes too fast",         true },
        {"fast & !mail",       "mail comes too fast",         false},
        {"fast & !mail",       "it comes too fast",           true },
        {"quota",              "<quota@isp.test> is unknown", false}, /* an address says nothing */
        {"quota",              "kim@quota.test: no",          false},
        {"user unknown",       "kim@isp.test...user unknown", true }, /* what touches it does */
        {"blocked",            "no (kim@isp.test:blocked)",   true },
        {"a b",                "a=@@b@c@@ (a b",              true },
        {"a .. b .. c",        "a x b b y c",                 true },
        {"a",                  "",                            false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply_words words;

        print_message("  %s: %s\n", cases[i].phrase, cases[i].text);
        assert_null(phrase_check(slice_of(cases[i].phrase)));
        reply_words_of(&words, slice_of(cases[i].text));
        assert_int_equal(phrase_matches(slice_of(cases[i].phrase), &words), cases[i].is_match);
    }
}

static void
malformed_phrases_are_named(void **state)
{
    static const char *const phrases[] = {
        "", " ", "Too", "a-b", ".. a", "a ..", "a & ", "a .. .. b", "a b c d e f g h i j k l m"};

    for (size_t i = 0; i < COUNT_OF(phrases); i++) {
        print_message("  \"%s\"\n", phrases[i]);
        assert_non_null(phrase_check(slice_of(phrases[i])));
    }
}

#define REST "rest\t-\t-\t-\t-\t-\t-\tuntyped\t-\t-\t451 no\n"

static void
bad_tables_say_where(void **state)
{
    static const struct {
        const char *rows, *where, *what;
    } cases[] = {
        {HEAD,                                                               "t.tsv:1:",    "the last rule"},
        {HEAD "a\t-\tnoon\t-\t-\tfast\t-\trate\t-\t-\t451 fast\n" REST,      "t.tsv:2:5:",  "stage"        },
        {HEAD "a\t-\t-\t45\t-\tfast\t-\trate\t-\t-\t451 fast\n" REST,        "t.tsv:2:7:",  "three digits" },
        {HEAD "a\t-\t-\t-\t-\tFast\t-\trate\t-\t-\t451 fast\n" REST,         "t.tsv:2:11:", "lower case"   },
        {HEAD "a\t-\t-\t-\t-\t-\t11\trate\t-\t-\t451 fast\n" REST,           "t.tsv:2:13:", "class"        },
        {HEAD "a\t-\t-\t-\t-\t-\t10 odd\trate\t-\t-\t451 fast\n" REST,       "t.tsv:2:16:", "reason"       },
        {HEAD "a\t-\t-\t-\t-\t-\t10\trate\t-\t-\t451 fast\n" REST,           "t.tsv:2:",    "no example"   },
        {HEAD "a\t-\t-\t-\t-\tfast\t-\tspeed\t-\t-\t451 fast\n" REST,
         "t.tsv:2:18:",                                                                     "no such type" },
        {HEAD "a\t-\t-\t-\t-\tfast\t-\trate\tmoon\t-\t451 fast\n" REST,
         "t.tsv:2:23:",                                                                     "no such scope"},
        {HEAD "a\t-\t-\t-\t-\tfast\t-\trate\t-\tlong\t451 fast\n" REST,      "t.tsv:2:25:", ""             },
        {HEAD "a\t-\t-\t-\t-\tfast\t-\trate\t-\t-\t451 slow\n" REST,         "t.tsv:2:27:", "no example"   },
        {HEAD "a\t-\t-\t-\t-\t!fast\t-\trate\t-\t-\t451 slow\n" REST,
         "t.tsv:2:11:",                                                                     "must be there"},
        {HEAD "a\t-\t-\t-\t-\tl\u00edmite\t-\trate\t-\t-\t451 slow\n" REST,
         "t.tsv:2:11:",                                                                     "accents"      },
        {HEAD "a\t-\t-\t-\t-\t-\t-\taside\t-\t-\t451 slow\n" REST,           "t.tsv:2:11:", "its words"    },
        {HEAD "a\t-\t-\t-\t-\tto us & we\t-\taside\t-\t-\t451 to us\n" REST,
         "t.tsv:2:11:",                                                                     "one part"     },
        {HEAD "a\t-\t-\t-\t-\tto us\t-\taside\t-\t-\t451 slow\n" REST,       "t.tsv:2:29:", "no example"   },
        {HEAD "a\t-\t-\t-\t-\tfa*\t-\trate\t-\t-\t451 fast\n" REST,          "t.tsv:2:11:", "four letters" },
        {HEAD
            "a\t-\t-\t-\t-\tfast\t-\trate\t-\t-\t451 fast\na\t-\t-\t-\t-\tslow\t-\trate\t-\t-\t451 "
            "slow\n" REST,
         "t.tsv:3:1:",                                                                      "too"          },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};

        print_message("  %s\n", cases[i].what);
        assert_null(reply_types_read("t.tsv", slice_of(cases[i].rows), &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        if (strstr(err.text, cases[i].where) == NULL || strstr(err.text, cases[i].what) == NULL)
            fail_msg("\"%s\" has not \"%s\" and \"%s\"", err.text, cases[i].where, cases[i].what);
    }
}

static void
endless_texts_cost_no_more_than_the_bound(void **state)
{
    struct reply_types *types = reply_types_new();
    struct text text = {0};
    struct smtp_reply reply = {.code = 451};

    for (int i = 0; i < 10000; i++)
        text_add_string(&text, "too many ");
    reply.text = text_slice(&text);
    reply_type_find(types, SLICE(""), STAGE_RCPT, &reply);
    text_release(&text);
    reply_types_free(&types);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_have_the_type_that_a_reader_would_give_them),
        cmocka_unit_test(words_are_known_by_family),
        cmocka_unit_test(no_code_makes_a_limit_or_a_block_speak_of_the_user),
        cmocka_unit_test(asides_and_links_do_not_speak_for_the_cause),
        cmocka_unit_test(where_no_rule_knows_the_words_they_are_weighed),
        cmocka_unit_test(a_rule_is_overruled_by_all_other_words_and_a_provider_s_own_code_is_not),
        cmocka_unit_test(words_are_spelt_in_many_ways),
        cmocka_unit_test(a_cause_is_what_asides_and_links_leave),
        cmocka_unit_test(each_built_in_rule_wins_its_example),
        cmocka_unit_test(hints_are_read_where_they_ask_to_wait),
        cmocka_unit_test(phrases_are_words_in_their_order),
        cmocka_unit_test(malformed_phrases_are_named),
        cmocka_unit_test(bad_tables_say_where),
        cmocka_unit_test(endless_texts_cost_no_more_than_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
