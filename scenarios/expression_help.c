/* expression_help.c - what the functions of checks mean, for `mtalab explain`. */
#include "scenarios/expression.h"

static const struct {
    const char *name, *form, *doc;
} functions[] = {
    {"count",            "count(EVENT, FIELD=VALUE…), count(CONDITION)",
     "Events since the start, or since `after`; or rows of the delivery log. A value may be a "
        "glob."                                                                                                                            },
    {"rate",             "rate(EVENT, FIELD=VALUE…, over=DURATION)",     "Events per time in the last so long."                          },
    {"gap",              "gap(EVENT, same=FIELD)",
     "Time since the previous such event with the same value of that field."                                                               },
    {"tried",            "tried(HOST, within=DURATION)",
     "Was a connection tried in the last so long, whatever came of it?"                                                                    },
    {"open_connections", "open_connections(isp=NAME)",                     "Sessions that are open now."                                   },
    {"limit",            "limit(ISP, ID, over=DURATION)",
     "The true limit as a rate: now, or its mean over the last so long."                                                                   },
    {"relayed",          "relayed(DELIVERY)",                              "The instant at which its last message was relayed."            },
    {"kpi",              "kpi.X, kpi(DELIVERY).X",
     "A counter of the event's delivery, or of all together; of one."                                                                      },
    {"unchanged",        "unchanged(X)",                                   "X right after the event is what it was right before."          },
    {"increased",        "increased(X)",                                   "X right after the event is more than right before."            },
    {"decreased",        "decreased(X)",                                   "X right after the event is less than right before."            },
    {"nondecreasing",    "nondecreasing(X)",                               "X has never fallen."                                           },
    {"deferral_rate",    "deferral_rate",                                  "Deferrals per try."                                            },
    {"precision",        "precision(CLASS, isp=NAME, dialect=NAME)",
     "Of all refusals and returned mail that the MTA took for this bounce class (10 or "
        "invalid_recipient), the share whose true cause it was. The provider knows the cause: what "
        "`cause` says, or what its status means. The dialect is that of the returned mail, or "
        "reply."                                                                                                                           },
    {"recall",           "recall(CLASS, isp=NAME, dialect=NAME)",
     "Of all refusals and returned mail of this true cause, the share that the MTA took for it. "
        "What "
        "was heard and got no verdict counts against it."                                                                                  },
    {"f1",               "f1(CLASS, isp=NAME, dialect=NAME)",              "The harmonic mean of precision and recall."                    },
    {"macro_f1",         "macro_f1, macro_f1(isp=NAME, dialect=NAME)",
     "The mean of f1 over all bounce classes that occur, as a cause or as a verdict."                                                      },
    {"agreement",        "agreement, agreement(isp=NAME, dialect=NAME)",
     "The share of all verdicts that name the true cause."                                                                                 },
    {"utilisation",      "utilisation(ISP)",
     "What the ISP accepted, as a share of what its true limits would have let through while "
        "mail "
        "waited."                                                                                                                          },
    {"lost",             "lost(ISP)",
     "The share of what the true limits would have let through that was left unused while mail "
        "waited."                                                                                                                          },
    {"rejected",         "rejected(ISP)",
     "Tries that the ISP refused for a limit, per recipient that its true limits would have let "
        "through."                                                                                                                         },
    {"regret",           "regret(ISP)",                                    "lost(ISP) + rejected(ISP): 0 is as good as knowing the limits."},
    {"overshoot",        "overshoot(ISP)",
     "The most by which tries exceeded the true limits in any minute or more; from the start of "
        "the "
        "run."                                                                                                                             },
    {"time_to_90",       "time_to_90(ISP)",
     "How long after the first waiting mail 90 % of the true limit was reached for the first "
        "time; no "
        "value before."                                                                                                                    },
    {"penalties",        "penalties(ISP)",
     "Holds that began: of a limit with a penalty the first refusal shuts the door."                                                       },
    {"escalations",      "escalations(ISP)",
     "Rungs that were climbed, and holds that became as long as they get, because the sender "
        "kept "
        "knocking."                                                                                                                        },
    {"wrongly_failed",   "wrongly_failed, wrongly_failed(ISP)",
     "Living addresses that were given up for no fault of their own: a throttle, a block, "
        "authentication, or trouble of the connection."                                                                                    },
    {"fairness",         "fairness",
     "Jain's index over the utilisation of the ISPs with limits: 1 when all are used alike."                                               },
};

bool
expression_explain_function(struct slice name, struct text *out)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (!slice_equals(name, slice_of(functions[i].name)))
            continue;
        text_printf(out, "%s\n  %s\n  a function of checks\n", functions[i].form, functions[i].doc);
        return true;
    }
    return false;
}

const char *
expression_function_name(size_t i)
{
    return i < COUNT_OF(functions) ? functions[i].name : NULL;
}
