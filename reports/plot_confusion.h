/* plot_confusion.h - the plot `confusion`: what was qualified, true cause against verdict. */
#ifndef MTALAB_PLOT_CONFUSION_H
#define MTALAB_PLOT_CONFUSION_H

#include "reports/result.h"

/* A line per cell that is not empty: cause, verdict (classes; 0: none), count, its share of the cause
 * in percent, where it stands (column from the left, row from the top), and the count as written. */
void plot_confusion_data(struct text *out, const struct result *result);
void plot_confusion_script(struct text *out, const struct result *result);

#endif
