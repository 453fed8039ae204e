/* Path-dependent Shapley values: leaf by leaf, several rows at a time, without a division between rows.
 *
 * For a leaf of k conditions, a_i = 1 where the row meets condition i and r_i its ratio, condition j adds
 *
 *      value * (a_j - r_j) * integral over t of  product over i != j of f_i,     f_i = t a_i + (1 - t) r_i,
 *
 * a polynomial of degree k - 1 that ceil(k/2) points integrate exactly. At each point the whole product is
 *
 *      F = w * product of (t + (1 - t) r_i)  *  product over failed i of  q_i,   q_i = (1 - t) r_i / (t + (1 - t) r_i)
 *
 * and leaving j out of it is a multiplication too:  (a_j - r_j) / f_j  is  g_j = (1 - r_j) / (t + (1 - t) r_j)  where j
 * is met, and  -1 / (1 - t)  where it is failed, whatever j is. So w, q and g are made once per leaf, and a row
 * costs k multiplications per point on the way up and k on the way down.
 *
 * The game and the integral: see the numpy twin, path_dependent_trees.py. The form without divisions is ours.
 */
#include "../levels.h"
#include "tiles.h"
#include "vectors.h"

/* Points computed side by side: as many products as fit the registers of every level. */
#define MOST_POINTS 4

/* Sums of one player and margin, rows in a row; the pad keeps players off each other's cache sets. */
#define STRIDE (WB_TILE + 8)

typedef struct {
    int64_t k;
    double whole[MOST_POINTS];     /* w * product of (t + (1 - t) r_i), times the leaf's value if it has one only */
    double absent[MOST_POINTS];    /* -1 / (1 - t) */
    double *failed, *met;          /* k x n_points: q and g */
    const double *values;          /* n_margins, or NULL */
    const wb_condition *conditions;
} wb_factors;

typedef struct {
    const wb_leaves *leaves;
    wb_tiles tiles;             /* one */
    double *failed, *met;       /* max_conditions x MOST_POINTS */
    int16_t *marks;             /* max_conditions x WB_TILE */
    double *sums;               /* n_margins x n_players x STRIDE */
} wb_work;

/* Prepare some points of a leaf. */
static inline void weigh(wb_factors *factors, const double *points, const double *weights, int n_points, double value)
{
    for (int p = 0; p < n_points; p++) {
        factors->whole[p] = weights[p] * value;
        factors->absent[p] = -1.0 / (1.0 - points[p]);
    }
    for (int64_t j = 0; j < factors->k; j++) {
        const double ratio = factors->conditions[j].ratio;
        for (int p = 0; p < n_points; p++) {
            const double rest = (1.0 - points[p]) * ratio, both = points[p] + rest, inverse = 1.0 / both;
            factors->whole[p] *= both;
            factors->failed[j * n_points + p] = rest * inverse;
            factors->met[j * n_points + p] = (1.0 - ratio) * inverse;
        }
    }
}

/* Add what a leaf adds at some points to every row of a tile. Inlined with constant counts: loops become straight code. */
static inline __attribute__((always_inline)) void add_points(const wb_factors *factors, const int16_t *marks,
                                                             int64_t n_rows, double *sums, int64_t n_margins,
                                                             int64_t margin_size, const int64_t k, const int n_points)
{
    for (int64_t row = 0; row < n_rows; row += WB_WIDTH) {
        wb_rows product[MOST_POINTS], absent = wb_all(0.0);
        for (int p = 0; p < n_points; p++)
            product[p] = wb_all(factors->whole[p]);
        for (int64_t j = 0; j < k; j++) {
            const wb_mask failed = wb_load_mask(marks + j * WB_TILE + row);
            for (int p = 0; p < n_points; p++)
                product[p] = wb_multiply_where(failed, product[p], wb_all(factors->failed[j * n_points + p]));
        }
        for (int p = 0; p < n_points; p++)
            absent = wb_add(absent, wb_multiply(product[p], wb_all(factors->absent[p])));
        for (int64_t j = 0; j < k; j++) {
            const wb_mask failed = wb_load_mask(marks + j * WB_TILE + row);
            wb_rows added = wb_multiply(product[0], wb_all(factors->met[j * n_points]));
            for (int p = 1; p < n_points; p++)
                added = wb_add(added, wb_multiply(product[p], wb_all(factors->met[j * n_points + p])));
            added = wb_choose(failed, absent, added);
            double *sum = sums + (int64_t)factors->conditions[j].player * STRIDE + row;
            if (!factors->values) {
                wb_store(sum, wb_add(wb_load(sum), added));
                continue;
            }
            for (int64_t margin = 0; margin < n_margins; margin++, sum += margin_size)
                wb_store(sum, wb_add(wb_load(sum), wb_multiply(added, wb_all(factors->values[margin]))));
        }
    }
}

static void add_some_points(const wb_factors *factors, const int16_t *marks, int64_t n_rows, double *sums,
                            int64_t n_margins, int64_t margin_size, int n_points)
{
#define ADD(k, n) add_points(factors, marks, n_rows, sums, n_margins, margin_size, k, n)
    if (n_points == (factors->k + 1) / 2)
        switch (factors->k) {
        case 1: ADD(1, 1); return;
        case 2: ADD(2, 1); return;
        case 3: ADD(3, 2); return;
        case 4: ADD(4, 2); return;
        case 5: ADD(5, 3); return;
        case 6: ADD(6, 3); return;
        case 7: ADD(7, 4); return;
        case 8: ADD(8, 4); return;
        default: break;
        }
    switch (n_points) {
    case 1: ADD(factors->k, 1); return;
    case 2: ADD(factors->k, 2); return;
    case 3: ADD(factors->k, 3); return;
    default: ADD(factors->k, 4); return;
    }
#undef ADD
}

static void add_leaf(wb_work *work, const wb_leaf *leaf, int64_t n_rows)
{
    const wb_leaves *leaves = work->leaves;
    const int64_t n_points = (leaf->k + 1) / 2, first = leaves->rule_first[n_points];
    const int64_t margin_size = leaves->n_players * STRIDE;
    const double *values = leaves->values + leaf->values;
    wb_factors factors = {.k = leaf->k, .failed = work->failed, .met = work->met,
                          .values = leaf->margin < 0 ? values : NULL,
                          .conditions = leaves->conditions + leaf->first};
    double *sums = work->sums + (leaf->margin < 0 ? 0 : leaf->margin * margin_size);
    for (int64_t j = 0; j < leaf->k; j++)
        wb_fail_condition(&work->tiles, 0, leaves, factors.conditions + j, n_rows, work->marks + j * WB_TILE);
    for (int64_t start = 0; start < n_points; start += MOST_POINTS) {
        const int some = (int)(n_points - start < MOST_POINTS ? n_points - start : MOST_POINTS);
        weigh(&factors, leaves->points + first + start, leaves->weights + first + start, some,
              leaf->margin < 0 ? 1.0 : values[leaf->margin]);
        add_some_points(&factors, work->marks, n_rows, sums, leaves->n_margins, margin_size, some);
    }
}

static int open_work(wb_work *work, const wb_leaves *leaves)
{
    const size_t most = (size_t)leaves->max_conditions + 1;
    const size_t n_sums = (size_t)leaves->n_margins * (size_t)leaves->n_players * STRIDE + 1;
    *work = (wb_work){.leaves = leaves};
    work->failed = malloc(most * MOST_POINTS * sizeof(double));
    work->met = malloc(most * MOST_POINTS * sizeof(double));
    work->marks = malloc(most * WB_TILE * sizeof(int16_t));
    work->sums = malloc(n_sums * sizeof(double));
    return wb_open_tiles(&work->tiles, leaves, WB_TILE) && work->failed && work->met && work->marks && work->sums;
}

static void close_work(wb_work *work)
{
    void *const arrays[] = {work->failed, work->met, work->marks, work->sums};
    wb_close_tiles(&work->tiles);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

int32_t WB_AT(wb_path_dependent)(const wb_leaves *leaves, const double *rows, int64_t n_rows, double *values)
{
    wb_work work;
    const int32_t status = n_rows < 0 ? WB_BAD_COUNT : open_work(&work, leaves) ? WB_OK : WB_NO_MEMORY;
    if (status == WB_BAD_COUNT)
        return status;
    const int64_t n_sums = leaves->n_players * leaves->n_margins;
    for (int64_t start = 0; status == WB_OK && start < n_rows; start += WB_TILE) {
        const int64_t some = n_rows - start < WB_TILE ? n_rows - start : WB_TILE;
        const int64_t padded = (some + 7) / 8 * 8;
        wb_read_tiles(&work.tiles, leaves, rows + start * leaves->n_sources, some);
        memset(work.sums, 0, (size_t)(n_sums * STRIDE) * sizeof *work.sums);
        for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++)
            add_leaf(&work, leaves->leaves + leaf, padded);
        wb_turn_round(work.sums, leaves, STRIDE, some, values + start * n_sums);
    }
    close_work(&work);
    return status;
}
