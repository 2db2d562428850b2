/* schema_judge.c - the keys of verdicts and reports: expectations, ensembles, plots. */
#include "scenarios/schema.h"

/* clang-format off */
const struct schema_key schema_expectation[] = {
    {"id", SCHEMA_ID, KEY_REQUIRED, .doc = "What reports call it; --only takes it."},
    {"at", SCHEMA_EXPRESSION, .doc = "An instant: the checks hold when it is over."},
    {"by", SCHEMA_EXPRESSION,
        .doc = "An instant: the checks hold at some moment up to it. Beside eventually: its "
               "deadline."},
    {"always", SCHEMA_EXPRESSION, .doc = "Holds at every moment."},
    {"never", SCHEMA_EXPRESSION, .doc = "Holds at no moment."},
    {"eventually", SCHEMA_EXPRESSION, .doc = "Holds at some moment, or for as long as hold says."},
    {"when", SCHEMA_EXPRESSION, .doc = "An event: the checks hold each time it happens."},
    {"check", SCHEMA_EXPRESSION, KEY_ONE_OR_LIST, .doc = "What must hold, over events, log, KPIs and verdicts; `mtalab explain FUNCTION`, "
               "such as precision, says what a function means."},
    {"hold", SCHEMA_EXPRESSION, .doc = "eventually: without a break for so long."},
    {"where", SCHEMA_EXPRESSION, .doc = "when: only events for which this is true."},
    {"fires", SCHEMA_EXPRESSION, .doc = "when: how often, as a count or a range."},
    {"within", SCHEMA_EXPRESSION, .doc = "when: the age of the recipient's message, as a range."},
    {"after", SCHEMA_EXPRESSION, .doc = "Judged from this instant on; counts begin here."},
    {"until", SCHEMA_EXPRESSION, .doc = "Judged up to this instant."},
    {"during", SCHEMA_EXPRESSION,
        .doc = "Judged while the entry of a time line with this label lasts."},
    {"may_end_open", SCHEMA_YES_NO, .initial = "no", .doc = "Undecided at the end is good enough."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_probability[] = {
    {"of", SCHEMA_ID, KEY_REQUIRED, .doc = "Id of an expectation."},
    {"at_least", SCHEMA_PERCENT, KEY_REQUIRED, .max = "100%", .doc = "It holds at least so often."},
    {"confidence", SCHEMA_PERCENT, .initial = "95%", .max = "100%", .doc = "Shown with so much."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_mean[] = {
    {"of", SCHEMA_EXPRESSION, KEY_REQUIRED, .doc = "What is averaged over the seeds."},
    {"between", SCHEMA_EXPRESSION, KEY_REQUIRED | KEY_LIST, .doc = "[low, high]."},
    {"confidence", SCHEMA_PERCENT, .initial = "95%", .max = "100%", .doc = "Shown with so much."},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct schema_key schema_pick[] = {
    {"maximise", SCHEMA_EXPRESSION, .doc = "The point with the most of it."},
    {"minimise", SCHEMA_EXPRESSION, .doc = "The point with the least of it."},
    {"subject_to", SCHEMA_EXPRESSION, KEY_ONE_OR_LIST, .doc = "Among points where this holds."},
    {"tune", SCHEMA_ID, KEY_ONE_OR_LIST, .doc = "Parameters to choose."},
    {"worst_over", SCHEMA_ID, KEY_ONE_OR_LIST, .doc = "Parameters that nobody can choose."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_ensemble[] = {
    {"id", SCHEMA_ID, KEY_REQUIRED, .doc = "What reports call it."},
    {"probability", SCHEMA_MAP, .nested = schema_probability,
        .doc = "How often an expectation holds."},
    {"mean", SCHEMA_MAP, .nested = schema_mean, .doc = "A mean over the seeds."},
    {"pick", SCHEMA_MAP, .nested = schema_pick, .doc = "The best point of a sweep."},
    {"required", SCHEMA_YES_NO, .initial = "no", .doc = "Every point of a sweep must hold it."},
    {0},
};
/* clang-format on */

static const struct word plots[] = {
    {"kpi",                 0, NULL},
    {"throughput-vs-limit", 0, NULL},
    {"queue",               0, NULL},
    {"deferrals",           0, NULL},
    {"connections",         0, NULL},
    {"reasons",             0, NULL},
    {"confusion",           0, NULL},
    {"retry-age",           0, NULL},
    {"retry-gap",           0, NULL},
    {"attempts-per-host",   0, NULL},
    {"time-to-accept",      0, NULL},
    {"reputation",          0, NULL},
    {"aftermath",           0, NULL},
    {"sweep-heatmap",       0, NULL},
    {"sweep-lines",         0, NULL},
    {"lifeline",            0, NULL},
    {NULL,                  0, NULL},
};

/* clang-format off */
static const struct schema_key schema_heatmap[] = {
    {"x", SCHEMA_ID, KEY_REQUIRED, .doc = "Parameter across."},
    {"y", SCHEMA_ID, KEY_REQUIRED, .doc = "Parameter upwards."},
    {"z", SCHEMA_EXPRESSION, KEY_REQUIRED, .doc = "What is shown."},
    {"facet", SCHEMA_ID, .doc = "Parameter with a map for each of its values."},
    {0},
};
/* clang-format on */

/* clang-format off */
const struct schema_key schema_report[] = {
    {"plots", SCHEMA_WORD, KEY_LIST, .words = plots, .doc = "Plots to draw."},
    {"heatmap", SCHEMA_MAP, .nested = schema_heatmap, .doc = "The heat map of a sweep."},
    {0},
};
/* clang-format on */
