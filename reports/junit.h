/* junit.h - results as JUnit XML, in the form that Jenkins and GitLab read.
 *
 * A testsuite is a scenario file, a testcase a claim (claim.h). The whole story stands in the body of
 * a failure, because GitLab shows that and once ignored the message. */
#ifndef MTALAB_JUNIT_H
#define MTALAB_JUNIT_H

#include "reports/result.h"

/* Runs of one scenario under several seeds stand next to each other in `results`. */
void junit_report(struct text *out, const struct result *results, size_t count);

/* Text or attribute value of XML 1.0: the five special characters escaped, what XML may not contain
 * removed, invalid UTF-8 replaced by U+FFFD. */
void junit_escape(struct text *out, struct slice s);

#endif
