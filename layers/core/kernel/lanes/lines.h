/* Lines: one double for each of 16 rows, as vectors of the compiler; it makes of them what a level's registers hold.
 *
 * Written as loops over 16 rows inside loops over sums, the outer ones would be vectorised, with gathers.
 */
#ifndef WHYBOX_LINES_H
#define WHYBOX_LINES_H

#include "rows.h"

#include <stdint.h>

typedef wb_sixteen wb_line __attribute__((aligned(sizeof(double)), may_alias)); /* anywhere in memory */
typedef int64_t wb_line_mask __attribute__((vector_size(WB_ROWS * sizeof(int64_t)), aligned(sizeof(int64_t)), may_alias));

/* The line that begins at a double. */
#define WB_LINE(at) (*(wb_line *)(at))
#define WB_LINE_OF(value) ((wb_line){0} + (value))

/* `where` in the rows of the mask, `elsewhere` in all others. */
#define WB_CHOOSE(mask, where, elsewhere) \
    ((wb_line)(((mask) & (wb_line_mask)(where)) | (~(mask) & (wb_line_mask)(elsewhere))))

#endif
