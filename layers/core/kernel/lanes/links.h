/* Links: from margins to answers, in the model's own unit. Of the logistic one there is one margin, and class 1. */
#ifndef WHYBOX_LINKS_H
#define WHYBOX_LINKS_H

#include "../walks.h"
#include "exponentials.h"

/* margins (margins, n) ─▶ answers (outputs, n), in place */
static inline void wb_link_sums(int64_t link, double *restrict sums, int64_t n_margins, int64_t n)
{
    if (link == WB_IDENTITY)
        return;
    if (link == WB_LOGISTIC) {
        for (int64_t at = 0; at < n; at++)
            sums[at] = wb_logistic(sums[at]);
        return;
    }
    if (link == WB_EXPONENTIAL) {
        for (int64_t at = 0; at < n_margins * n; at++)
            sums[at] = wb_exp(sums[at]);
        return;
    }
    for (int64_t at = 0; at < n; at++) {
        double most = sums[at], total = 0.0;
        for (int64_t margin = 1; margin < n_margins; margin++)
            most = sums[margin * n + at] > most ? sums[margin * n + at] : most;
        for (int64_t margin = 0; margin < n_margins; margin++) {
            sums[margin * n + at] = wb_exp(sums[margin * n + at] - most);
            total += sums[margin * n + at];
        }
        for (int64_t margin = 0; margin < n_margins; margin++)
            sums[margin * n + at] /= total;
    }
}

#endif
