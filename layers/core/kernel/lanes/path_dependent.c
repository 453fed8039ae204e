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
 * Two sibling leaves share all conditions but one, c, of which a row meets at most one side. With F of the shared
 * conditions only, D = - sum of value * r_c and y = the value of the side that the row meets, 0 if none, c adds
 * (D + y) * sum of F, and to the shared ones the two are one leaf of the product  F * (t y - (1 - t) D). A leaf
 * that is alone is computed the same way, with its last condition as c.
 *
 * The game and the integral: see the numpy twin, path_dependent_trees.py. The forms without divisions are ours.
 */
#include "../levels.h"
#include "tiles.h"
#include "vectors.h"

/* Points computed side by side: as many products as fit the registers of every level. */
#define MOST_POINTS 4

/* Sums of one player and margin, rows in a row; the pad keeps players off each other's cache sets. */
#define STRIDE (WB_TILE + 8)

typedef struct {
    int64_t n_shared;                                  /* conditions but c */
    double whole[MOST_POINTS];                         /* w * product over shared of (t + (1 - t) r_i) */
    double absent[MOST_POINTS];                        /* -1 / (1 - t) */
    double of_side[MOST_POINTS], of_none[MOST_POINTS]; /* t and - (1 - t) D */
    double none, sides[2];                             /* D and the values of the two sides */
    int has_sibling;
    double *failed, *met;               /* n_shared x n_points: q and g */
    double *ratios;                     /* n_shared */
    int64_t *offsets, split_offset;     /* where in the sums the players are */
    const int16_t *marks, *split_marks; /* n_shared x WB_TILE; of the two sides of c */
    const double *values;               /* n_margins, or NULL for a leaf with a value in one margin only */
    int64_t n_margins, margin_size;
} wb_factors;

typedef struct {
    const wb_leaves *leaves;
    wb_tiles tiles; /* one */
    double *failed, *met, *ratios;
    int64_t *offsets;
    int16_t *marks, *split_marks;
    double *sums; /* n_margins x n_players x STRIDE */
} wb_work;

/* Prepare some points of a leaf. */
static inline void weigh(wb_factors *factors, const double *points, const double *weights, int n_points)
{
    for (int p = 0; p < n_points; p++) {
        factors->whole[p] = weights[p];
        factors->absent[p] = -1.0 / (1.0 - points[p]);
        factors->of_side[p] = points[p];
        factors->of_none[p] = -(1.0 - points[p]) * factors->none;
    }
    for (int64_t j = 0; j < factors->n_shared; j++) {
        const double ratio = factors->ratios[j];
        for (int p = 0; p < n_points; p++) {
            const double rest = (1.0 - points[p]) * ratio, both = points[p] + rest, inverse = 1.0 / both;
            factors->whole[p] *= both;
            factors->failed[j * n_points + p] = rest * inverse;
            factors->met[j * n_points + p] = (1.0 - ratio) * inverse;
        }
    }
}

static inline __attribute__((always_inline)) void add(const wb_factors *factors, double *sum, wb_rows added)
{
    if (!factors->values) {
        wb_store(sum, wb_add(wb_load(sum), added));
        return;
    }
    for (int64_t margin = 0; margin < factors->n_margins; margin++, sum += factors->margin_size)
        wb_store(sum, wb_add(wb_load(sum), wb_multiply(added, wb_all(factors->values[margin]))));
}

/* Add what a leaf, or two siblings, add at some points to every row of a tile. Inlined with constant counts: loops
 * become straight code. */
static inline __attribute__((always_inline)) void add_points(const wb_factors *factors, int64_t n_rows,
                                                             double *sums, const int64_t n_shared,
                                                             const int n_points)
{
    const wb_rows zero = wb_all(0.0);
    for (int64_t row = 0; row < n_rows; row += WB_WIDTH) {
        wb_rows product[MOST_POINTS], whole = zero, absent = zero;
        for (int p = 0; p < n_points; p++)
            product[p] = wb_all(factors->whole[p]);
        for (int64_t j = 0; j < n_shared; j++) {
            const wb_mask failed = wb_load_mask(factors->marks + j * WB_TILE + row);
            for (int p = 0; p < n_points; p++)
                product[p] = wb_multiply_where(failed, product[p], wb_all(factors->failed[j * n_points + p]));
        }
        wb_rows side = wb_choose(wb_load_mask(factors->split_marks + row), zero, wb_all(factors->sides[0]));
        if (factors->has_sibling)
            side = wb_choose(wb_load_mask(factors->split_marks + WB_TILE + row), side,
                             wb_all(factors->sides[1]));
        for (int p = 0; p < n_points; p++) {
            whole = wb_add(whole, product[p]);
            product[p] = wb_multiply(product[p], wb_add(wb_multiply(side, wb_all(factors->of_side[p])),
                                                        wb_all(factors->of_none[p])));
            absent = wb_add(absent, wb_multiply(product[p], wb_all(factors->absent[p])));
        }
        add(factors, sums + factors->split_offset + row,
            wb_multiply(whole, wb_add(side, wb_all(factors->none))));
        for (int64_t j = 0; j < n_shared; j++) {
            const wb_mask failed = wb_load_mask(factors->marks + j * WB_TILE + row);
            wb_rows added = wb_multiply(product[0], wb_all(factors->met[j * n_points]));
            for (int p = 1; p < n_points; p++)
                added = wb_add(added, wb_multiply(product[p], wb_all(factors->met[j * n_points + p])));
            add(factors, sums + factors->offsets[j] + row, wb_choose(failed, absent, added));
        }
    }
}

static void add_some_points(const wb_factors *factors, int64_t n_rows, double *sums, int n_points)
{
    const int64_t n_shared = factors->n_shared;
#define ADD(n_shared, n_points) add_points(factors, n_rows, sums, n_shared, n_points)
    if (n_points == n_shared / 2 + 1)
        switch (n_shared) {
        case 0: ADD(0, 1); return;
        case 1: ADD(1, 1); return;
        case 2: ADD(2, 2); return;
        case 3: ADD(3, 2); return;
        case 4: ADD(4, 3); return;
        case 5: ADD(5, 3); return;
        case 6: ADD(6, 4); return;
        case 7: ADD(7, 4); return;
        default: break;
        }
    switch (n_points) {
    case 1: ADD(n_shared, 1); return;
    case 2: ADD(n_shared, 2); return;
    case 3: ADD(n_shared, 3); return;
    default: ADD(n_shared, 4); return;
    }
#undef ADD
}

/* Mark who fails what, and add a leaf, with its sibling if it is the first of a pair. */
static void add_leaf(wb_work *work, const wb_leaf *leaf, int64_t n_rows)
{
    const wb_leaves *leaves = work->leaves;
    const wb_condition *conditions = leaves->conditions + leaf->first;
    const int64_t n_points = (leaf->k + 1) / 2, first = leaves->rule_first[n_points],
                  margin_size = leaves->n_players * STRIDE;
    const int has_sibling = leaf->pair == 1;
    const int64_t split = has_sibling ? leaf->split : leaf->k - 1;
    const double *values = leaves->values + leaf->values;
    const double value = leaf->margin < 0 ? 1.0 : values[leaf->margin];
    wb_factors factors = {.failed = work->failed,
                          .met = work->met,
                          .ratios = work->ratios,
                          .offsets = work->offsets,
                          .split_offset = conditions[split].player * STRIDE,
                          .marks = work->marks,
                          .split_marks = work->split_marks,
                          .values = leaf->margin < 0 ? values : NULL,
                          .n_margins = leaves->n_margins,
                          .margin_size = margin_size,
                          .has_sibling = has_sibling,
                          .sides = {value, 0.0},
                          .none = -value * conditions[split].ratio};
    for (int64_t j = 0; j < leaf->k; j++)
        if (j != split) {
            work->ratios[factors.n_shared] = conditions[j].ratio;
            work->offsets[factors.n_shared] = conditions[j].player * STRIDE;
            wb_fail_condition(&work->tiles, 0, leaves, conditions + j, n_rows,
                              work->marks + factors.n_shared++ * WB_TILE);
        }
    wb_fail_condition(&work->tiles, 0, leaves, conditions + split, n_rows, work->split_marks);
    if (has_sibling) {
        const wb_condition *other = leaves->conditions + leaf[1].first + split;
        factors.sides[1] = leaves->values[leaf[1].values + leaf->margin];
        factors.none -= factors.sides[1] * other->ratio;
        wb_fail_condition(&work->tiles, 0, leaves, other, n_rows, work->split_marks + WB_TILE);
    }
    double *sums = work->sums + (leaf->margin < 0 ? 0 : leaf->margin * margin_size);
    for (int64_t start = 0; start < n_points; start += MOST_POINTS) {
        const int some = (int)(n_points - start < MOST_POINTS ? n_points - start : MOST_POINTS);
        weigh(&factors, leaves->points + first + start, leaves->weights + first + start, some);
        add_some_points(&factors, n_rows, sums, some);
    }
}

static int open_work(wb_work *work, const wb_leaves *leaves)
{
    const size_t most = (size_t)leaves->max_conditions + 1;
    const size_t n_sums = (size_t)leaves->n_margins * (size_t)leaves->n_players * STRIDE + 1;
    *work = (wb_work){.leaves = leaves};
    work->failed = malloc(most * MOST_POINTS * sizeof(double));
    work->met = malloc(most * MOST_POINTS * sizeof(double));
    work->ratios = malloc(most * sizeof(double));
    work->offsets = malloc(most * sizeof(int64_t));
    work->marks = malloc(most * WB_TILE * sizeof(int16_t));
    work->split_marks = malloc(2 * WB_TILE * sizeof(int16_t));
    work->sums = malloc(n_sums * sizeof(double));
    return wb_open_tiles(&work->tiles, leaves, WB_TILE) && work->failed && work->met && work->ratios &&
           work->offsets && work->marks && work->split_marks && work->sums;
}

static void close_work(wb_work *work)
{
    void *const arrays[] = {work->failed, work->met,         work->ratios, work->offsets,
                            work->marks,  work->split_marks, work->sums};
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
            if (leaves->leaves[leaf].pair != 2)
                add_leaf(&work, leaves->leaves + leaf, padded);
        wb_turn_round(work.sums, leaves, STRIDE, some, values + start * n_sums);
    }
    close_work(&work);
    return status;
}
