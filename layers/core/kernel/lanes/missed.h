/* Missed conditions: for rows of a table and every leaf, one bit for each own condition that a row does not meet.
 *
 *      bytes (rows, leaves)    the first 8 conditions of a leaf, all it has as a rule
 *      wide (rows, n_wide)     all conditions of the leaves that have more
 */
#ifndef WHYBOX_MISSED_H
#define WHYBOX_MISSED_H

#include "../columns.h"
#include "../played.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t n_rows, n_leaves, n_wide;
    uint8_t *bytes;
    uint64_t *wide;
} wb_missed;

/* Rows of a table whose cells are compared at once. */
enum { WB_READ = 64 };

static inline uint32_t wb_find_cell(const wb_leaves *traced, int64_t column, double value)
{
    if (value != value)
        return WB_MISSING_WIDE;
    int64_t low = traced->cut_first[column], high = traced->cut_first[column + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (traced->cuts[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)(low - traced->cut_first[column]);
}

/* cells (columns, WB_READ) of up to WB_READ rows of own columns. */
static inline void wb_cut_rows(const wb_played *played, const double *table, const int64_t *rows, int64_t n, uint32_t *cells)
{
    const wb_leaves *traced = played->traced;
    for (int64_t column = 0; column < traced->n_columns; column++) {
        if (traced->source[column] >= played->n_own)
            continue;
        const int64_t first = traced->member_first[column];
        const wb_reading reading = {traced->rules[column], traced->members + first,
                                    traced->member_first[column + 1] - first};
        for (int64_t at = 0; at < n; at++) {
            const double value = table[rows[at] * played->n_own + traced->source[column]];
            cells[column * WB_READ + at] = wb_find_cell(traced, column, wb_prepare(&reading, value));
        }
    }
}

/* Which of the first n rows fail a condition: 0 or 1 each. */
static inline void wb_fail(const wb_leaves *traced, const wb_condition *condition, const uint32_t *cells, const int n,
                           uint8_t *fails)
{
    for (int at = 0; at < n; at++)
        fails[at] = 0;
    for (int64_t number = 0; number < condition->n_tests; number++) {
        const wb_test *test = traced->tests + condition->first + number;
        const uint32_t *own = cells + test->column * WB_READ, start = test->start, span = test->span;
        const uint8_t takes_missing = test->missing != 0;
        for (int at = 0; at < n; at++)
            fails[at] |= (uint8_t)((own[at] - start > span) & !((own[at] == WB_MISSING_WIDE) & takes_missing));
    }
}

static inline void wb_read_leaf(const wb_played *played, int64_t number, const uint32_t *cells, int64_t first, int64_t n,
                                wb_missed *missed)
{
    const wb_played_leaf *leaf = played->leaves + number;
    uint8_t fails[WB_READ], byte[WB_READ] = {0};
    uint64_t all[WB_READ] = {0};
    for (int32_t bit = 0; bit < leaf->n_conditions; bit++) {
        wb_fail(played->traced, leaf->conditions + bit, cells, WB_READ, fails);
        for (int at = 0; bit < 8 && at < WB_READ; at++)
            byte[at] |= (uint8_t)(fails[at] << bit);
        for (int at = 0; leaf->wide >= 0 && at < WB_READ; at++)
            all[at] |= (uint64_t)fails[at] << bit;
    }
    for (int64_t at = 0; at < n; at++)
        missed->bytes[(first + at) * missed->n_leaves + number] = byte[at];
    for (int64_t at = 0; leaf->wide >= 0 && at < n; at++)
        missed->wide[(first + at) * missed->n_wide + leaf->wide] = all[at];
}

/* Read n rows of a table (n_table, n_own); give back with wb_forget_missed, also where there was no room. */
static inline int wb_read_missed(const wb_played *played, const double *table, const int64_t *rows, int64_t n,
                                 wb_missed *missed)
{
    *missed = (wb_missed){.n_rows = n, .n_leaves = played->n_leaves, .n_wide = played->n_wide};
    missed->bytes = malloc((size_t)n * (size_t)played->n_leaves + 64); /* words of 64 leaves are read whole */
    missed->wide = malloc(((size_t)n * (size_t)played->n_wide + 1) * sizeof *missed->wide);
    uint32_t *cells = calloc((size_t)played->traced->n_columns + 1, WB_READ * sizeof *cells);
    const int has_room = missed->bytes && missed->wide && cells;
    for (int64_t first = 0; has_room && first < n; first += WB_READ) {
        const int64_t some = n - first < WB_READ ? n - first : WB_READ;
        wb_cut_rows(played, table, rows + first, some, cells);
        for (int64_t number = 0; number < played->n_leaves; number++)
            wb_read_leaf(played, number, cells, first, some, missed);
    }
    for (int at = 0; has_room && at < 64; at++)
        missed->bytes[n * played->n_leaves + at] = 0;
    free(cells);
    return has_room;
}

static inline void wb_forget_missed(wb_missed *missed)
{
    free(missed->bytes);
    free(missed->wide);
}

/* All conditions of a leaf that a row does not meet. */
static inline uint64_t wb_missed_of(const wb_missed *missed, const wb_played_leaf *leaf, int64_t row, int64_t number)
{
    return leaf->wide < 0 ? missed->bytes[row * missed->n_leaves + number] : missed->wide[row * missed->n_wide + leaf->wide];
}

#endif
